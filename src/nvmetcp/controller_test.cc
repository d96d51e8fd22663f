// Controllers as hosts meet them: Connect, properties, features, keep-alive, changes of what is served.
#include <gtest/gtest.h>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::IdentifyKind;
using wire::nvme::Property;

TEST(NvmeConnect, RefusalsNameTheParameter) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.subsystem = "nqn.2026-11.io.ashlar:other";
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10100h");
    options = the_array->options();
    options.host_id = {};
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10000h");
    options = the_array->options();
    options.entries = 1;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ch");
    options.entries = 129;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ch");
    options = the_array->options();
    options.controller_id = 0xfff0;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10010h");
    options.controller_id = 77;  // an I/O queue of a controller that is not there
    options.queue_id = 1;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10010h");
    options = the_array->options();
    options.host_name.clear();
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10200h");
  });
  EXPECT_EQ(array.connections(), 0u);
}

TEST(NvmeConnect, AHostThatIsNotAllowed) {
  Array array;
  const auto directory = array.directory();
  auto closed = std::make_shared<nvme::Subsystem>(*directory->subsystems.at(subsystem));
  closed->any_host = nullptr;
  closed->hosts[host_name(2)] = array.view();
  const auto with_secret = array.view();
  with_secret->chap.user = "h3";
  closed->hosts[host_name(3)] = with_secret;
  directory->subsystems[subsystem] = closed;
  array.publish(directory);
  array.run([](Array* the_array) -> Task<void> {
    EXPECT_EQ(co_await refusal_of(the_array->options(1)), "status 184h, parameter 0h");
    EXPECT_EQ(co_await refusal_of(the_array->options(2)), "connected");
    EXPECT_EQ(co_await refusal_of(the_array->options(3)), "status 184h, parameter 0h");
  });
}

TEST(NvmeConnect, StaticIdsAndSecondQueuesOfOneId) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.controller_id = 500;
    auto attaching = attach(options);
    const auto controller = co_await attaching;
    EXPECT_EQ(controller->id(), 500);
    EXPECT_EQ(co_await refusal_of(options), "status 181h, parameter 0h");
    options.queue_id = 1;
    EXPECT_EQ(co_await refusal_of(options), "status 181h, parameter 0h");
    options.queue_id = 65;
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 2ah");
    options.queue_id = 2;
    options.host_id[5] = 9;  // another host's controller
    EXPECT_EQ(co_await refusal_of(options), "status 182h, parameter 10000h");
  });
}

TEST(NvmeController, IsEnabledResetAndShutDown) {
  Array array(2);
  array.run_attached(2, [](Array*, NvmeController* controller) -> Task<void> {
    auto asking = controller->get_property(Property::capabilities);
    const auto capabilities = co_await asking;
    EXPECT_EQ(capabilities->completion.result & 0xffff, 127u);
    auto setting = controller->set_property(Property::configuration, 0);
    const auto reset = co_await setting;
    EXPECT_TRUE(reset->ok());
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(controller->io(0).open());
    EXPECT_FALSE(controller->io(1).open());
    auto enabling = controller->set_property(Property::configuration, 1 | 6u << 16 | 4u << 20);
    co_await enabling;
    auto asking_for_queues = controller->set_feature(7, 3 << 16 | 3);  // as after a Connect
    EXPECT_TRUE((co_await asking_for_queues)->ok());
    auto disabling = controller->set_property(Property::configuration, 0);
    co_await disabling;
    auto identifying = controller->identify(IdentifyKind::controller, 0);
    const auto refused = co_await identifying;
    EXPECT_EQ(refused->completion.outcome.status, Status::command_sequence_error);
    auto configuring = controller->set_property(Property::configuration, 1 | 5u << 16);  // IOSQES 32 bytes
    co_await configuring;
    auto looking = controller->get_property(Property::status);
    const auto fatal = co_await looking;
    EXPECT_EQ(fatal->completion.result, 2u);
    auto shutting = controller->set_property(Property::configuration, 1u << 14);
    co_await shutting;
    auto looking_again = controller->get_property(Property::status);
    const auto down = co_await looking_again;
    EXPECT_EQ(down->completion.result, 8u);
  });
}

TEST(NvmeController, PropertiesHaveFourBytesOrEight) {
  Array array;
  array.run_attached(0, [](Array*, NvmeController* controller) -> Task<void> {
    for (uint32_t size = 1; size < 8; ++size) {
      for (const auto type : {wire::nvme::FabricsType::property_get, wire::nvme::FabricsType::property_set}) {
        Submission entry;
        wire::nvme::PropertyAccess{false, Property::configuration, 0}.encode(entry, type);
        entry.bytes[40] = static_cast<uint8_t>(size);
        EXPECT_EQ(co_await status_of(controller->admin(), entry), Status::invalid_field) << size;
      }
    }
    auto looking = controller->get_property(Property::status);
    const auto ready = co_await looking;
    EXPECT_EQ(ready->completion.result, 1u);
  });
}

Task<NvmeAnswer> page_of(NvmeController* controller, IdentifyKind kind, uint32_t space) {
  auto identifying = controller->identify(kind, space);
  auto answer = co_await identifying;
  co_return std::move(*answer);
}

TEST(NvmeController, IdentifiesItselfAndItsNamespaces) {
  Array array;
  array.run_attached(0, [](Array*, NvmeController* controller) -> Task<void> {
    const auto page = [&](IdentifyKind kind, uint32_t space) { return page_of(controller, kind, space); };
    const NvmeAnswer first = co_await page(IdentifyKind::nvm_namespace, 1);
    EXPECT_EQ(load_le64(first.data.data()), volume_bytes / 512);
    EXPECT_EQ(first.data[99], 0);
    const NvmeAnswer second = co_await page(IdentifyKind::nvm_namespace, 2);
    EXPECT_EQ(second.data[99], 1);  // read only
    const NvmeAnswer none = co_await page(IdentifyKind::nvm_namespace, 3);
    EXPECT_TRUE(none.ok());
    EXPECT_EQ(load_le64(none.data.data()), 0u);
    const NvmeAnswer invalid = co_await page(IdentifyKind::nvm_namespace, 0);
    EXPECT_EQ(invalid.completion.outcome.status, Status::invalid_namespace);
    const NvmeAnswer list = co_await page(IdentifyKind::active_namespaces, 0);
    EXPECT_EQ(load_le32(list.data.data()), 1u);
    EXPECT_EQ(load_le32(list.data.data() + 4), 2u);
    EXPECT_EQ(load_le32(list.data.data() + 8), 0u);
    const NvmeAnswer controllers = co_await page(IdentifyKind::controllers, 0);
    EXPECT_EQ(load_le16(controllers.data.data()), 1);
    const NvmeAnswer unknown = co_await page(static_cast<IdentifyKind>(0x04), 0);
    EXPECT_EQ(unknown.completion.outcome.status, Status::invalid_field);
  });
}

TEST(NvmeController, KeepAliveEndsWhoIsSilent) {
  Array array(2);
  array.run([](Array* the_array) -> Task<void> {
    NvmeQueueOptions options = the_array->options();
    options.keep_alive_milliseconds = 2000;
    auto attaching = attach(options, 2);
    const auto controller = co_await attaching;
    // Commands of any queue keep it alive.
    for (int i = 0; i < 6; ++i) {
      co_await loop::sleep_for(loop::seconds(1));
      EXPECT_EQ(co_await status_of(controller->io(1), initiator::nvme_blocks(IoOpcode::flush, 1, 0, 1)),
                Status::success);
    }
    co_await loop::sleep_for(loop::seconds(5));
    EXPECT_FALSE(controller->admin().open());
    EXPECT_FALSE(controller->io(0).open());
    EXPECT_FALSE(controller->io(1).open());
  });
}

TEST(NvmeController, FeaturesAreKeptAndRefused) {
  Array array;
  array.run_attached(0, [](Array*, NvmeController* controller) -> Task<void> {
    auto asking = controller->set_feature(7, 9 << 16 | 99);
    const auto queues = co_await asking;
    EXPECT_EQ(queues->completion.result, 9u << 16 | 9);
    auto setting = controller->set_feature(4, 350);
    co_await setting;
    auto getting = controller->get_feature(4);
    const auto threshold = co_await getting;
    EXPECT_EQ(threshold->completion.result, 350u);
    auto identifier = controller->get_feature(0x81, 16);
    const auto host_id = co_await identifier;
    EXPECT_EQ(host_id->data[1], 0xaa);
    auto caching = controller->set_feature(6, 1);
    const auto cache = co_await caching;
    EXPECT_EQ(cache->completion.outcome.status, Status::feature_not_changeable);
    auto saving = controller->set_feature(0x7f, 1);
    const auto unknown = co_await saving;
    EXPECT_EQ(unknown->completion.outcome.status, Status::invalid_field);
  });
}

TEST(NvmeController, WhoMayNoLongerUseItIsDropped) {
  Array array(2);
  array.run_attached(2, [](Array* the_array, NvmeController* controller) -> Task<void> {
    const auto nothing = the_array->directory();
    nothing->subsystems.clear();
    the_array->publish(nothing);
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_FALSE(controller->admin().open());
    EXPECT_FALSE(controller->io(1).open());
  });
  EXPECT_EQ(array.connections(), 0u);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
