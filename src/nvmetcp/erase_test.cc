// Format NVM and Sanitize: what is offered, what hosts find meanwhile and afterwards.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/array_test.h"
#include "unit/rewriter.h"

namespace ashlar::nvmetcp::test {
namespace {

using wire::nvme::AdminOpcode;
using wire::nvme::IdentifyKind;
using wire::nvme::LogPage;
using Phase = unit::Rewriting::Phase;

constexpr uint32_t block_erase = 2, overwrite = 3, cryptographic_erase = 4, exit_failure = 1;
constexpr uint32_t unrestricted = 1u << 3, no_deallocate = 1u << 9;

Submission erase_entry(AdminOpcode opcode, uint32_t word10, uint32_t space = 0) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(opcode));
  entry.set_namespace_id(space);
  entry.set_word(10, word10);
  return entry;
}
Submission sanitize(uint32_t word10) { return erase_entry(AdminOpcode::sanitize, word10); }
Submission format(uint32_t word10, uint32_t space = 1) {
  return erase_entry(AdminOpcode::format_nvm, word10, space);
}

Task<uint32_t> capabilities_of(NvmeController& controller) {
  auto identifying = controller.identify(IdentifyKind::controller, 0);
  const auto page = co_await identifying;
  co_return load_le32(page->data.data() + 328);
}

struct SanitizeLog {
  uint16_t progress, status;
  uint32_t command;
};
Task<SanitizeLog> sanitize_log(NvmeController& controller) {
  auto reading = controller.log({.page = LogPage::sanitize_status, .bytes = 512});
  const auto page = co_await reading;
  co_return SanitizeLog{load_le16(page->data.data()), load_le16(page->data.data() + 2),
                        load_le32(page->data.data() + 4)};
}

// Keeps every writer of the volume waiting, so that what rewrites it has begun and does not end.
class Standstill {
 public:
  explicit Standstill(Array& array) : array_(array) {
    array_.each([this](uint32_t shard) {
      if (shard == 0) hold().detach();
    });
  }
  Task<void> release() {
    array_.each([this](uint32_t shard) {
      if (shard == 0) array_.unit->on_shard[0]->unlock_range(lock_);
    });
    co_await loop::sleep_for(loop::seconds(1));
  }

 private:
  Task<void> hold() {
    auto locking = array_.unit->on_shard[0]->lock_range(0, volume_bytes);
    lock_ = co_await locking;
  }
  Array& array_;
  unit::RangeLock lock_;
};

Task<void> settle() { co_await loop::sleep_for(loop::seconds(1)); }

unit::Rewriting& rewriting_of(Array& array) {
  return array.scsi_domains[0]->rules_of("volume", *array.unit->on_shard[0])->rewrite;
}

void recall(Array& array, const std::string& text) {
  array.process.loop(0).enter([&] {
    unit::Recalled kept;
    kept.rewrite = text;
    array.scsi_domains[0]->recall("volume", *array.unit->on_shard[0], kept);
  });
}

bool is_all(const std::vector<uint8_t>& data, uint8_t value) {
  return !data.empty() && std::ranges::all_of(data, [value](uint8_t byte) { return byte == value; });
}

TEST(NvmeSanitize, IsOfferedWhereTheSubsystemIsOneVolume) {
  Array array;
  array.run_attached(1, [](Array* the_array, NvmeController* controller) -> Task<void> {
    EXPECT_EQ(co_await capabilities_of(*controller), 1u << 1 | 1u << 2 | 1u << 30);
    // Another host has another volume here: a sanitize of the subsystem would be a lie to one of them.
    const auto several = the_array->directory();
    auto served = std::make_shared<nvme::Subsystem>(*several->subsystems.at(subsystem));
    auto of_another = the_array->view();
    of_another->luns = {{0, {0, false, "theirs", the_array->unit->on_shard}}};
    served->hosts[host_name(9)] = of_another;
    several->subsystems[subsystem] = served;
    the_array->publish(several);
    co_await settle();
    EXPECT_EQ(co_await capabilities_of(*controller), 0u);
    EXPECT_EQ(co_await status_of(controller->admin(), sanitize(block_erase)), Status::invalid_opcode);
    EXPECT_EQ((co_await sanitize_log(*controller)).status, 0);
    // What a host may only read is not its to erase.
    const auto only_read = the_array->directory();
    served = std::make_shared<nvme::Subsystem>(*only_read->subsystems.at(subsystem));
    auto reader = the_array->view();
    reader->luns.erase(0);
    served->any_host = reader;
    only_read->subsystems[subsystem] = served;
    the_array->publish(only_read);
    co_await settle();
    EXPECT_EQ(co_await capabilities_of(*controller), 0u);
    EXPECT_EQ(co_await status_of(controller->admin(), sanitize(block_erase)), Status::invalid_opcode);
  });
}

TEST(NvmeSanitize, ErasesWhileEverythingElseIsRefused) {
  Array array(2);
  array.run_two_hosts(1, [](Array* the_array, NvmeController* first, NvmeController* other) -> Task<void> {
    EXPECT_EQ(co_await write_blocks(first->io(), 0, pattern(8192, 1)), Status::success);
    EXPECT_EQ((co_await sanitize_log(*first)).status, 0);
    EXPECT_EQ((co_await sanitize_log(*first)).progress, 0xffff);
    Submission event;
    event.set_opcode(static_cast<uint8_t>(AdminOpcode::asynchronous_event_request));
    auto hearing = other->admin().run(event);
    Standstill standstill(*the_array);
    co_await settle();
    EXPECT_EQ(co_await status_of(first->admin(), sanitize(block_erase | no_deallocate)), Status::success);
    for (NvmeController* each : {first, other}) {
      EXPECT_EQ(co_await write_blocks(each->io(), 0, pattern(512, 1)), Status::sanitize_in_progress);
      EXPECT_EQ(co_await status_of(each->io(), initiator::nvme_blocks(IoOpcode::read, 2, 0, 1), no_data, 512),
                Status::sanitize_in_progress);
      EXPECT_EQ(co_await status_of(each->admin(), sanitize(block_erase)), Status::sanitize_in_progress);
      EXPECT_EQ(co_await status_of(each->admin(), sanitize(exit_failure)), Status::sanitize_in_progress);
      EXPECT_EQ(co_await status_of(each->admin(), format(0)), Status::sanitize_in_progress);
      const SanitizeLog log = co_await sanitize_log(*each);
      EXPECT_EQ(log.status, 2);
      EXPECT_EQ(log.command, block_erase | no_deallocate);
      EXPECT_NE(log.progress, 0xffff);
      // What tells hosts where they stand goes on.
      auto identifying = each->identify(IdentifyKind::nvm_namespace, 1);
      EXPECT_TRUE((co_await identifying)->ok());
      auto getting = each->get_feature(7);
      EXPECT_TRUE((co_await getting)->ok());
    }
    EXPECT_FALSE(hearing.done());
    co_await standstill.release();
    const auto heard = co_await hearing;
    EXPECT_EQ(heard->completion.result, 0x810106u);
    const SanitizeLog log = co_await sanitize_log(*other);
    EXPECT_EQ(log.status, 1);
    EXPECT_EQ(log.command, block_erase | no_deallocate);
    EXPECT_EQ(log.progress, 0xffff);
    EXPECT_TRUE(is_all(co_await read_blocks(other->io(), 0, 16), 0));
  });
}

TEST(NvmeSanitize, OverwritesAsOftenAsAsked) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    Submission entry = sanitize(overwrite | 3u << 4 | 1u << 8);
    entry.set_word(11, 0xa5a5a5a5);
    EXPECT_EQ(co_await status_of(controller->admin(), entry), Status::success);
    co_await loop::sleep_for(loop::seconds(30));
    const SanitizeLog log = co_await sanitize_log(*controller);
    EXPECT_EQ(log.status, 1 | 3 << 3);
    EXPECT_EQ(log.command, overwrite | 3u << 4 | 1u << 8);
    EXPECT_TRUE(is_all(co_await read_blocks(controller->io(), 16383, 1), 0xa5));
    EXPECT_EQ(co_await status_of(controller->admin(), sanitize(cryptographic_erase)), Status::invalid_field);
    for (const uint32_t unknown : {0u, 5u, 6u, 7u})
      EXPECT_EQ(co_await status_of(controller->admin(), sanitize(unknown)), Status::invalid_field);
    EXPECT_EQ(co_await status_of(controller->admin(), sanitize(exit_failure)), Status::success);
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeSanitize, FailuresAreLeftAsTheModeSays) {
  Array array;
  recall(array, "sanitize_failed");
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    EXPECT_TRUE((co_await read_blocks(controller->io(), 0, 1)).empty());
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::sanitize_failed);
    EXPECT_EQ(co_await status_of(controller->admin(), format(0)), Status::sanitize_failed);
    EXPECT_EQ((co_await sanitize_log(*controller)).status, 3);
    EXPECT_EQ(co_await status_of(controller->admin(), sanitize(exit_failure)), Status::success);
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::success);
  });
  recall(array, "sanitize_failed_restricted");
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    NvmeQueue& admin = controller->admin();
    EXPECT_EQ(co_await status_of(admin, sanitize(exit_failure)), Status::sanitize_failed);
    EXPECT_EQ(co_await status_of(admin, sanitize(block_erase | unrestricted)), Status::sanitize_failed);
    EXPECT_EQ(co_await status_of(admin, sanitize(block_erase)), Status::success);
    co_await settle();
    EXPECT_TRUE(is_all(co_await read_blocks(controller->io(), 0, 1), 0));
  });
}

TEST(NvmeFormat, ErasesOneNamespaceForAllItsHosts) {
  Array array(2);
  array.run_two_hosts(1, [](Array* the_array, NvmeController* first, NvmeController* other) -> Task<void> {
    NvmeQueue& admin = first->admin();
    EXPECT_EQ(co_await write_blocks(first->io(), 0, pattern(8192, 1)), Status::success);
    EXPECT_EQ(co_await status_of(admin, format(1)), Status::invalid_format);
    // With protection information; with a key to destroy, of which there is none.
    EXPECT_EQ(co_await status_of(admin, format(1u << 5)), Status::invalid_format);
    EXPECT_EQ(co_await status_of(admin, format(2u << 9)), Status::invalid_field);
    EXPECT_EQ(co_await status_of(admin, format(3u << 9)), Status::invalid_field);
    EXPECT_EQ(co_await status_of(admin, format(0, wire::nvme::every_namespace)), Status::invalid_field);
    EXPECT_EQ(co_await status_of(admin, format(0, 9)), Status::invalid_namespace);
    EXPECT_EQ(co_await status_of(admin, format(0, 2)), Status::namespace_write_protected);
    EXPECT_EQ(co_await read_blocks(other->io(), 0, 16), pattern(8192, 1));
    Standstill standstill(*the_array);
    co_await settle();
    auto formatting = status_of(admin, format(1u << 9));
    co_await settle();
    EXPECT_FALSE(formatting.done());
    EXPECT_EQ(co_await write_blocks(other->io(), 0, pattern(512, 1)), Status::format_in_progress);
    EXPECT_EQ(co_await status_of(other->admin(), format(0)), Status::format_in_progress);
    EXPECT_EQ(co_await status_of(other->admin(), sanitize(block_erase)), Status::format_in_progress);
    auto identifying = other->identify(IdentifyKind::nvm_namespace, 1);
    EXPECT_EQ((co_await identifying)->data[32], 0x80 | 100);  // FPI: all of it is left
    EXPECT_EQ(rewriting_of(*the_array).phase(),
              Phase::formatting);  // which is what hosts of SCSI are told, too
    co_await standstill.release();
    EXPECT_EQ(co_await formatting, Status::success);
    EXPECT_TRUE(is_all(co_await read_blocks(other->io(), 0, 16), 0));
    auto identifying_again = other->identify(IdentifyKind::nvm_namespace, 1);
    EXPECT_EQ((co_await identifying_again)->data[32], 0x80);
    EXPECT_EQ((co_await sanitize_log(*first)).status, 0);  // it was none
  });
}

TEST(NvmeFormat, GoesOnWithoutWhoAsked) {
  Array array(2);
  array.run_two_hosts(1, [](Array* the_array, NvmeController* first, NvmeController* other) -> Task<void> {
    EXPECT_EQ(co_await write_blocks(first->io(), 0, pattern(8192, 1)), Status::success);
    Standstill standstill(*the_array);
    co_await settle();
    auto formatting = status_of(first->admin(), format(0));
    co_await settle();
    EXPECT_EQ(co_await status_of(other->admin(), sanitize(block_erase)), Status::format_in_progress);
    the_array->each([&](uint32_t i) {
      if (i == 0) the_array->domains[0]->drop_controller(first->id(), "a test");
    });
    EXPECT_EQ(co_await formatting, Status::internal_path_error);
    EXPECT_EQ(co_await write_blocks(other->io(), 0, pattern(512, 1)), Status::format_in_progress);
    co_await standstill.release();
    EXPECT_TRUE(is_all(co_await read_blocks(other->io(), 0, 16), 0));
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeFormat, AnAbortedOneIsAnsweredAndGoesOn) {
  Array array;
  array.run_attached(1, [](Array* the_array, NvmeController* controller) -> Task<void> {
    Standstill standstill(*the_array);
    co_await settle();
    auto formatting = controller->admin().run(format(0));
    co_await settle();
    // Its id: Connect, Property Set and Property Get came before it.
    Submission abort = erase_entry(AdminOpcode::abort, 0);
    bool found = false;
    for (uint32_t id = 0; id < 16 && !found; ++id) {
      abort.set_word(10, id << 16);
      auto aborting = controller->admin().run(abort);
      found = (co_await aborting)->completion.result == 0;
    }
    EXPECT_TRUE(found);
    EXPECT_EQ((co_await formatting)->completion.outcome.status, Status::abort_requested);
    EXPECT_EQ(rewriting_of(*the_array).phase(), Phase::formatting);
    co_await standstill.release();
    EXPECT_EQ(rewriting_of(*the_array).phase(), Phase::idle);
  });
}

TEST(NvmeFormat, OfAVolumeThatAFormatLeftCorrupt) {
  Array array;
  recall(array, "format_corrupt");
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::namespace_not_ready);
    EXPECT_EQ(co_await status_of(controller->admin(), format(0)), Status::success);
    EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), Status::success);
  });
}

// What a host of SCSI does to the volume is seen here, and its reservation keeps out who would erase it.
TEST(NvmeErase, ScsiHostsAndTheirReservations) {
  Array array;
  array.run_attached(1, [](Array* the_array, NvmeController* controller) -> Task<void> {
    for (const auto& [phase, expected] : {std::pair{Phase::sanitizing, Status::sanitize_in_progress},
                                          std::pair{Phase::formatting, Status::format_in_progress},
                                          std::pair{Phase::sanitize_failed, Status::sanitize_failed},
                                          std::pair{Phase::format_corrupt, Status::namespace_not_ready}}) {
      EXPECT_TRUE(rewriting_of(*the_array).move(Phase::idle, phase));
      EXPECT_EQ(co_await write_blocks(controller->io(), 0, pattern(512, 1)), expected);
      EXPECT_TRUE(rewriting_of(*the_array).move(phase, Phase::idle));
    }
    the_array->each([the_array](uint32_t i) {
      if (i != 0) return;
      scsi::Domain& domain = *the_array->scsi_domains[0];
      const auto rules = domain.rules_of("volume", *the_array->unit->on_shard[0]);
      const auto reserve = [](scsi::Domain* of, std::shared_ptr<unit::UnitRules> rules) -> Task<void> {
        unit::ReservationRequest request;
        request.nexus = {"iqn.2026-11.com.example:h,i,0x1", 1, "iqn.2026-11.io.ashlar:t,t,0x1"};
        request.action = unit::ReservationAction::register_key;
        request.new_key = 5;
        auto registering = of->change_reservations(rules, "volume", request);
        co_await registering;
        request.action = unit::ReservationAction::reserve;
        request.key = 5;
        request.type = unit::ReservationType::write_exclusive;
        auto reserving = of->change_reservations(rules, "volume", request);
        co_await reserving;
      };
      reserve(&domain, rules).detach();
    });
    co_await settle();
    EXPECT_EQ(co_await status_of(controller->admin(), format(0)), Status::reservation_conflict);
    EXPECT_EQ(co_await status_of(controller->admin(), sanitize(block_erase)), Status::reservation_conflict);
  });
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
