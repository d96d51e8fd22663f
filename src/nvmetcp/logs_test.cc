// Log pages, Identify and features that hosts read before they begin.
#include <gtest/gtest.h>

#include <deque>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::Effects;
using wire::nvme::LogPage;
using wire::nvme::LogRequest;

LogRequest request_of(LogPage page, uint64_t bytes) { return {.page = page, .bytes = bytes}; }

Task<NvmeAnswer> log_of(NvmeController& controller, LogRequest request) {
  auto reading = controller.log(request);
  auto answer = co_await reading;
  co_return std::move(*answer);
}

Task<NvmeAnswer> identity_of(NvmeController& controller, uint32_t word10, uint32_t space,
                             uint32_t word11 = 0) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::identify));
  entry.set_namespace_id(space);
  entry.set_word(10, word10);
  entry.set_word(11, word11);
  auto running = controller.admin().run(entry, no_data, wire::nvme::identify_bytes);
  auto answer = co_await running;
  co_return std::move(*answer);
}

uint32_t word_of(const NvmeAnswer& page, size_t index) { return load_le32(page.data.data() + index * 4); }

// Each page that is told of can be read, and no other.
Task<void> expect_pages_to_be_as_told(NvmeController& controller) {
  const NvmeAnswer told = co_await log_of(controller, request_of(LogPage::supported_pages, 1024));
  for (uint32_t id = 0; id < 256; ++id) {
    LogRequest request{.page = static_cast<LogPage>(id), .bytes = 64, .retain_event = true};
    if (request.page == LogPage::persistent_events) request.specific = 1;  // establish a context
    const NvmeAnswer answer = co_await log_of(controller, request);
    EXPECT_EQ(answer.completion.outcome.status == Status::invalid_log_page, (word_of(told, id) & 1) == 0)
        << id;
    if ((word_of(told, id) & 1) != 0) EXPECT_TRUE(answer.ok()) << id;
  }
}

TEST(NvmeLogs, SupportedPagesAreThoseThatThereAre) {
  Array array;
  array.run_attached(0, [](Array* the_array, NvmeController* controller) -> Task<void> {
    co_await expect_pages_to_be_as_told(*controller);
    NvmeQueueOptions options = the_array->options();
    options.subsystem = wire::nvme::discovery_name;
    auto attaching_discovery = attach(options, 0);
    const auto discovery = co_await attaching_discovery;
    co_await expect_pages_to_be_as_told(*discovery);
  });
}

TEST(NvmeLogs, EffectsAreThoseOfTheCommandsThatThereAre) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    const NvmeAnswer page = co_await log_of(*controller, request_of(LogPage::command_effects, 4096));
    for (uint32_t opcode = 0; opcode < 256; ++opcode) {
      if (opcode == wire::nvme::fabrics_opcode) continue;
      Submission entry;
      entry.set_opcode(static_cast<uint8_t>(opcode));
      entry.set_namespace_id(9);  // there is none: known commands end with another status, or fail otherwise
      const Status status = co_await status_of(controller->io(), entry);
      EXPECT_EQ(status == Status::invalid_opcode, word_of(page, 256 + opcode) == 0) << opcode;
      if (opcode == 0x0c) continue;  // an event request is held
      EXPECT_EQ(co_await status_of(controller->admin(), entry) == Status::invalid_opcode,
                word_of(page, opcode) == 0)
          << opcode;
    }
    EXPECT_EQ(word_of(page, 256 + 1), Effects::supported | Effects::data | Effects::of_namespace);
    EXPECT_EQ(word_of(page, 256 + 2), Effects::supported | Effects::of_namespace);
    EXPECT_EQ(word_of(page, 8), Effects::supported | Effects::of_controller);
    const LogRequest zoned{.page = LogPage::command_effects, .bytes = 4096, .command_set = 2};
    EXPECT_EQ((co_await log_of(*controller, zoned)).completion.outcome.status, Status::invalid_field);
  });
}

TEST(NvmeLogs, FeatureEffectsAreThoseOfTheFeaturesThatThereAre) {
  Array array;
  array.run_attached(0, [](Array*, NvmeController* controller) -> Task<void> {
    const NvmeAnswer page = co_await log_of(*controller, request_of(LogPage::feature_effects, 1024));
    for (uint32_t id = 0; id < 256; ++id) {
      Submission entry;
      entry.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::get_features));
      entry.set_namespace_id(1);
      entry.set_word(10, id | 3u << 8);
      auto asking = controller->admin().run(entry);
      const auto answer = co_await asking;
      EXPECT_EQ(answer->ok(), (word_of(page, id) & 1) != 0) << id;
      if (!answer->ok()) continue;
      EXPECT_EQ((answer->completion.result & 2) != 0, (word_of(page, id) & Effects::of_namespace) != 0) << id;
      // Saved and default values are there for all of them.
      for (const uint32_t selection : {1u, 2u}) {
        entry.set_word(10, id | selection << 8);
        entry.set_word(11, 1);
        EXPECT_EQ(co_await status_of(controller->admin(), entry, no_data, 512), Status::success) << id;
      }
    }
    const NvmeAnswer none = co_await log_of(*controller, request_of(LogPage::management_effects, 4096));
    EXPECT_EQ(none.data, std::vector<uint8_t>(4096));
    auto saving = controller->set_feature(4, 350);
    co_await saving;
    Submission save;
    save.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::set_features));
    save.set_word(10, 4 | 1u << 31);
    EXPECT_EQ(co_await status_of(controller->admin(), save), Status::feature_not_saveable);
  });
}

TEST(NvmeLogs, HealthCountsWhatHostsDid) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512000, 1)), Status::success);
    EXPECT_EQ((co_await read_blocks(controller->io(), 0, 8)).size(), 4096u);
    const NvmeAnswer page = co_await log_of(*controller, request_of(LogPage::health, 512));
    // Two namespaces are one volume here: each is counted.
    EXPECT_EQ(load_le64(page.data.data() + 32), 1u);  // read units of 512,000 bytes, rounded up
    EXPECT_EQ(load_le64(page.data.data() + 48), 2u);
    EXPECT_EQ(load_le64(page.data.data() + 64), 2u);
    EXPECT_EQ(load_le64(page.data.data() + 80), 2u);
    Submission of_one;
    LogRequest{.page = LogPage::health, .bytes = 512}.encode(of_one);
    of_one.set_namespace_id(1);
    EXPECT_EQ(co_await status_of(controller->admin(), of_one, no_data, 512), Status::invalid_field);
  });
}

// What a page tells once is told when there was memory for it.
TEST(NvmeLogs, WithoutMemoryNothingIsForgotten) {
  Array array;
  array.run([](Array* the_array) -> Task<void> {
    auto attaching = attach(the_array->options(), 0);
    const auto controller = co_await attaching;
    const auto directory = the_array->directory();
    auto fewer = std::make_shared<nvme::Subsystem>(*directory->subsystems.at(subsystem));
    auto view = the_array->view();
    view->luns.erase(1);
    fewer->any_host = view;
    directory->subsystems[subsystem] = fewer;
    the_array->publish(directory);
    std::deque<Buffer> all;
    the_array->each([&](uint32_t i) {
      while (the_array->process.loop(i).buffers().allocate(all.emplace_back(), 4096)) {
      }
    });
    co_await loop::sleep_for(loop::seconds(1));
    const LogRequest request = request_of(LogPage::changed_namespaces, 4096);
    EXPECT_EQ((co_await log_of(*controller, request)).completion.outcome.status, Status::command_interrupted);
    the_array->each([&](uint32_t) { all.clear(); });
    co_await loop::sleep_for(loop::seconds(1));
    EXPECT_EQ(word_of(co_await log_of(*controller, request), 0), 2u);
    EXPECT_EQ(word_of(co_await log_of(*controller, request), 0), 0u) << "told once";
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeIdentify, EveryPageThatThereIs) {
  Array array;
  array.run_attached(0, [](Array* the_array, NvmeController* controller) -> Task<void> {
    auto attaching_other = attach(the_array->options(2), 0);
    const auto other = co_await attaching_other;
    const std::vector<uint32_t> with_namespace = {0x00, 0x03, 0x05, 0x08, 0x11, 0x12, 0x1b};
    const std::vector<uint32_t> without = {0x01, 0x02, 0x06, 0x07, 0x10, 0x13, 0x1a, 0x1c};
    for (uint32_t kind = 0; kind < 256; ++kind) {
      const bool known = std::ranges::find(with_namespace, kind) != with_namespace.end() ||
                         std::ranges::find(without, kind) != without.end();
      const uint32_t space = std::ranges::find(without, kind) != without.end() ? 0 : 1;
      const uint32_t word10 = kind == 0x1c ? kind | 0xffffu << 16 : kind;
      const NvmeAnswer answer = co_await identity_of(*controller, word10, space);
      EXPECT_EQ(answer.completion.outcome.status, known ? Status::success : Status::invalid_field) << kind;
    }
    // Of a namespace the host's own controllers are told, of the subsystem all.
    const NvmeAnswer own = co_await identity_of(*controller, 0x12, 1);
    EXPECT_EQ(load_le16(own.data.data()), 2);  // one host entry is for both
    const NvmeAnswer all = co_await identity_of(*controller, 0x13 | uint32_t{other->id()} << 16, 0);
    EXPECT_EQ(load_le16(all.data.data()), 1);
    EXPECT_EQ(load_le16(all.data.data() + 2), other->id());
    const NvmeAnswer sets = co_await identity_of(*controller, 0x1c | uint32_t{other->id()} << 16, 0);
    EXPECT_EQ(sets.data[0], 1);
    const NvmeAnswer nobody = co_await identity_of(*controller, 0x1c | 4000u << 16, 0);
    EXPECT_EQ(nobody.completion.outcome.status, Status::invalid_field);
    const NvmeAnswer zoned = co_await identity_of(*controller, 0x05, 1, 2u << 24);
    EXPECT_EQ(zoned.completion.outcome.status, Status::invalid_field);
    const NvmeAnswer descriptors = co_await identity_of(*controller, 0x03, 1);
    EXPECT_EQ(descriptors.data[0], 1);   // EUI-64
    EXPECT_EQ(descriptors.data[12], 2);  // NGUID
    EXPECT_EQ(descriptors.data[32], 3);  // UUID
    EXPECT_EQ(descriptors.data[52], 4);  // CSI
    const NvmeAnswer itself = co_await identity_of(*controller, 0x01, 0);
    EXPECT_EQ(load_le16(itself.data.data() + 128), 1);            // CRDT1
    EXPECT_EQ(itself.data[261], 0x36);                            // LPA
    EXPECT_EQ(load_le32(itself.data.data() + 352), 1u);           // PELS
    EXPECT_EQ(load_le16(itself.data.data() + 256) & 1u << 4, 0);  // no device self-test
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
