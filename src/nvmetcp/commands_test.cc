// The NVM command set against a volume, and against hosts of another protocol.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/array_test.h"

namespace ashlar::nvmetcp::test {
namespace {

using initiator::nvme_blocks;

Submission with_action(IoOpcode opcode, uint32_t word10) {
  Submission entry;
  entry.set_opcode(static_cast<uint8_t>(opcode));
  entry.set_namespace_id(1);
  entry.set_word(10, word10);
  return entry;
}

std::vector<uint8_t> keys(uint64_t current, uint64_t other = 0) {
  std::vector<uint8_t> data(16);
  store_le64(data.data(), current);
  store_le64(data.data() + 8, other);
  return data;
}

std::vector<uint8_t> one_key(uint64_t key) {
  std::vector<uint8_t> data(8);
  store_le64(data.data(), key);
  return data;
}

TEST(NvmeCommands, CompareVerifyZeroesAndDeallocate) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    NvmeQueue& queue = controller->io();
    const auto data = pattern(8192, 3);
    EXPECT_EQ(co_await write_blocks(queue, 8, data), Status::success);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::compare, 1, 8, 16), data), Status::success);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::compare, 1, 8, 16), pattern(8192, 4)),
              Status::compare_failure);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::verify, 1, 0, 16384)), Status::success);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::verify, 1, 0, 16385)),
              Status::lba_out_of_range);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::write_zeroes, 1, 8, 8)), Status::success);
    const auto found = co_await read_blocks(queue, 8, 16);
    EXPECT_TRUE(std::all_of(found.begin(), found.begin() + 4096, [](uint8_t byte) { return byte == 0; }));
    EXPECT_TRUE(std::equal(found.begin() + 4096, found.end(), data.begin() + 4096));
    Submission deallocate = with_action(IoOpcode::dataset_management, 0);
    deallocate.set_word(11, 4);
    std::vector<uint8_t> ranges(4096);  // hosts give a whole page, however few ranges there are
    store_le32(ranges.data() + 4, 16);
    store_le64(ranges.data() + 8, 8);
    EXPECT_EQ(co_await status_of(queue, deallocate, ranges), Status::success);
    store_le64(ranges.data() + 8, volume_bytes / 512);
    EXPECT_EQ(co_await status_of(queue, deallocate, ranges), Status::lba_out_of_range);
    EXPECT_EQ(co_await status_of(queue, nvme_blocks(IoOpcode::write_uncorrectable, 1, 0, 1)),
              Status::invalid_opcode);
    EXPECT_EQ(co_await write_blocks(queue, 0, pattern(512, 1), 2), Status::namespace_write_protected);
    EXPECT_EQ(co_await write_blocks(queue, 0, pattern(512, 1), 9), Status::invalid_namespace);
    EXPECT_EQ(co_await write_blocks(queue, UINT64_MAX, pattern(1024, 1)), Status::lba_out_of_range);
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeCommands, Copy) {
  Array array;
  array.run_attached(1, [](Array*, NvmeController* controller) -> Task<void> {
    NvmeQueue& queue = controller->io();
    const auto data = pattern(8192, 9);
    EXPECT_EQ(co_await write_blocks(queue, 0, data), Status::success);
    Submission copy = with_action(IoOpcode::copy, 0);
    copy.set_pair(10, 1000);
    copy.set_word(12, 1);
    std::vector<uint8_t> sources(64);  // the second half first
    store_le64(sources.data() + 8, 8);
    wire::nvme::store_le16(sources.data() + 16, 7);
    wire::nvme::store_le16(sources.data() + 32 + 16, 7);
    EXPECT_EQ(co_await status_of(queue, copy, sources), Status::success);
    const auto found = co_await read_blocks(queue, 1000, 16);
    EXPECT_TRUE(std::equal(found.begin(), found.begin() + 4096, data.begin() + 4096));
    EXPECT_TRUE(std::equal(found.begin() + 4096, found.end(), data.begin()));
    store_le64(sources.data() + 8, volume_bytes / 512);
    EXPECT_EQ(co_await status_of(queue, copy, sources), Status::lba_out_of_range);
    copy.set_word(12, 1 | 1u << 8);
    EXPECT_EQ(co_await status_of(queue, copy, sources), Status::invalid_field);
  });
}

// Format 2h: from any namespace that the host may read, and from no other.
TEST(NvmeCommands, CopyAcrossNamespaces) {
  Array array;
  array.publish(array.tenants());
  array.run_two_hosts(1, [](Array* the_array, NvmeController* one, NvmeController* two) -> Task<void> {
    NvmeQueue& queue = one->io();
    const auto data = pattern(4096, 9);
    EXPECT_EQ(co_await write_blocks(queue, 0, data), Status::success);
    Submission copy = with_action(IoOpcode::copy, 0);
    copy.set_namespace_id(3);
    copy.set_pair(10, 100);
    copy.set_word(12, 2u << 8);
    std::vector<uint8_t> source(32);
    store_le32(source.data(), 1);
    wire::nvme::store_le16(source.data() + 16, 7);
    // The host has to say that it knows of it.
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::invalid_field);
    std::vector<uint8_t> behavior(512);
    behavior[4] = 1 << 2;
    Submission set;
    set.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::set_features));
    set.set_word(10, 0x16);
    EXPECT_EQ(co_await status_of(one->admin(), set, behavior), Status::success);
    EXPECT_EQ(co_await status_of(two->admin(), set, behavior), Status::success);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::success);
    auto reading = queue.run(nvme_blocks(IoOpcode::read, 3, 100, 8), {}, 4096);
    const auto found = co_await reading;
    EXPECT_EQ(found->data, data);
    // From the namespace that is read only for this host, and within the one.
    store_le32(source.data(), 2);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::success);
    store_le32(source.data(), 3);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::success);
    // The other host has namespace 3 alone: what the first has is not there for it, whatever it is.
    for (const uint32_t not_there : {1u, 2u, 4u, 0u, 0xffffffffu}) {
      store_le32(source.data(), not_there);
      EXPECT_EQ(co_await status_of(two->io(), copy, source), Status::invalid_namespace) << not_there;
    }
    store_le32(source.data(), 1);
    wire::nvme::store_le16(source.data() + 22, 1u << 15);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::fast_copy_not_possible);
    wire::nvme::store_le16(source.data() + 22, 0);
    wire::nvme::store_le16(source.data() + 16, 0xffff);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::command_size_limit_exceeded);
    wire::nvme::store_le16(source.data() + 16, 7);
    // Into what may not be written, and from what another host has reserved.
    copy.set_namespace_id(2);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::namespace_write_protected);
    copy.set_namespace_id(3);
    auto attaching_third = attach(the_array->options(3));
    const auto three = co_await attaching_third;
    EXPECT_EQ(co_await status_of(three->io(), with_action(IoOpcode::reservation_register, 0), keys(0, 0xc)),
              Status::success);
    EXPECT_EQ(co_await status_of(three->io(), with_action(IoOpcode::reservation_acquire, 2u << 8), keys(0xc)),
              Status::success);
    EXPECT_EQ(co_await status_of(queue, copy, source), Status::reservation_conflict);
  });
  EXPECT_EQ(array.buffers_in_use(), 0u);
}

TEST(NvmeReservations, KeepOtherHostsOut) {
  Array array(2);
  array.run_two_hosts(1, [](Array* the_array, NvmeController* one, NvmeController* two) -> Task<void> {
    NvmeQueueOptions other_way = the_array->options(1);
    other_way.endpoint = second_endpoint;
    auto attaching_third = attach(other_way);
    const auto same_host = co_await attaching_third;
    const auto do_register = with_action(IoOpcode::reservation_register, 0);
    const auto acquire = with_action(IoOpcode::reservation_acquire, 1u << 8);
    EXPECT_EQ(co_await status_of(one->io(), acquire, keys(0xa)), Status::reservation_conflict);
    EXPECT_EQ(co_await status_of(one->io(), do_register, keys(0, 0xa)), Status::success);
    EXPECT_EQ(co_await status_of(one->io(), do_register, keys(0, 0xa)), Status::success);
    EXPECT_EQ(co_await status_of(one->io(), do_register, keys(0, 0xb)), Status::reservation_conflict);
    EXPECT_EQ(co_await status_of(one->io(), acquire, keys(0xa)), Status::success);
    EXPECT_EQ(co_await write_blocks(one->io(), 0, pattern(512, 1)), Status::success);
    EXPECT_EQ(co_await write_blocks(same_host->io(), 0, pattern(512, 1)), Status::success);
    EXPECT_EQ(co_await write_blocks(two->io(), 0, pattern(512, 1)), Status::reservation_conflict);
    EXPECT_EQ((co_await read_blocks(two->io(), 0, 1)).size(), 512u);
    Submission report = with_action(IoOpcode::reservation_report, 4096 / 4 - 1);
    EXPECT_EQ(co_await status_of(two->io(), report, no_data, 4096), Status::host_identifier_inconsistent);
    report.set_word(11, 1);
    auto reporting = two->io().run(report, no_data, 4096);
    const auto told = co_await reporting;
    EXPECT_EQ(told->data[4], 1);
    EXPECT_EQ(load_le16(told->data.data() + 5), 1);
    EXPECT_EQ(told->data[64 + 2], 1);
    EXPECT_EQ(told->data[64 + 16], 1);  // host id of host 1
    // The second preempts, and the first hears of it.
    EXPECT_EQ(co_await status_of(two->io(), do_register, keys(0, 0xb)), Status::success);
    Submission event;
    event.set_opcode(0x0c);
    auto hearing = one->admin().run(event);
    EXPECT_EQ(co_await status_of(two->io(), with_action(IoOpcode::reservation_acquire, 1u << 8 | 2),
                                 keys(0xb, 0xa)),
              Status::success);
    const auto heard = co_await hearing;
    EXPECT_EQ(heard->completion.result, 0x800006u);
    auto reading = one->log({.page = wire::nvme::LogPage::reservation_notification, .bytes = 64});
    const auto notice = co_await reading;
    EXPECT_EQ(notice->data[8], 1);
    EXPECT_EQ(co_await write_blocks(one->io(), 0, pattern(512, 1)), Status::reservation_conflict);
    EXPECT_EQ(co_await write_blocks(same_host->io(), 0, pattern(512, 1)), Status::reservation_conflict);
    EXPECT_EQ(co_await status_of(two->io(), with_action(IoOpcode::reservation_release, 1), one_key(0xb)),
              Status::success);
    EXPECT_EQ(co_await write_blocks(one->io(), 0, pattern(512, 1)), Status::success);
  });
}

const unit::NexusName scsi_host{"iqn.2026-11.com.example:h,i,0x1", 1, "iqn.2026-11.io.ashlar:t,t,0x1"};

Task<unit::ReservationStatus> change_there(Array* array, unit::ReservationRequest request) {
  scsi::Domain& domain = *array->scsi_domains[0];
  auto changing = domain.change_reservations(domain.rules_of("volume", *array->unit->on_shard[0]), "volume",
                                             std::move(request));
  co_return co_await changing;
}

/// By the SCSI host, on the shard that decides.
Task<unit::ReservationStatus> changed_by_scsi(Array* array, unit::ReservationAction action, uint64_t key,
                                              uint64_t new_key) {
  unit::ReservationRequest request;
  request.action = action;
  request.nexus = scsi_host;
  request.key = key;
  request.new_key = new_key;
  request.type = unit::ReservationType::exclusive_access;
  std::optional<Task<unit::ReservationStatus>> running;
  array->each([&](uint32_t i) {
    if (i == 0) running.emplace(change_there(array, request));
  });
  while (!running || !running->done()) co_await loop::sleep_for(loop::milliseconds(10));
  co_return running->take();
}

// What a SCSI host holds keeps an NVMe host out; what that holds is told to the SCSI room.
TEST(NvmeReservations, AreTheSameForScsi) {
  Array array(2);
  array.run_attached(1, [](Array* the_array, NvmeController* host) -> Task<void> {
    EXPECT_EQ(co_await write_blocks(host->io(), 0, pattern(512, 1)), Status::success);
    EXPECT_EQ(co_await changed_by_scsi(the_array, unit::ReservationAction::register_key, 0, 5),
              unit::ReservationStatus::good);
    EXPECT_EQ(co_await changed_by_scsi(the_array, unit::ReservationAction::reserve, 5, 0),
              unit::ReservationStatus::good);
    EXPECT_EQ(co_await write_blocks(host->io(), 0, pattern(512, 1)), Status::reservation_conflict);
    EXPECT_TRUE((co_await read_blocks(host->io(), 0, 1)).empty());
    EXPECT_EQ(co_await status_of(host->io(), with_action(IoOpcode::reservation_register, 0), keys(0, 0xa)),
              Status::success);
    EXPECT_EQ(
        co_await status_of(host->io(), with_action(IoOpcode::reservation_acquire, 2u << 8 | 1), keys(0xa, 5)),
        Status::success);
    EXPECT_EQ(co_await write_blocks(host->io(), 0, pattern(512, 1)), Status::success);
    const auto now = the_array->scsi_domains[1]->reservations_of("volume");
    EXPECT_EQ(now->type, unit::ReservationType::exclusive_access);
    EXPECT_EQ(now->holder.target_port, subsystem);
    EXPECT_EQ(now->find(scsi_host), nullptr);
  });
}

TEST(NvmeAbort, EndsWhatWaitsForTheHost) {
  Array array(2);
  array.run_attached(2, [](Array*, NvmeController* controller) -> Task<void> {
    NvmeQueue& queue = controller->io(1);
    queue.hold_data = true;
    auto writing = write_blocks(queue, 0, pattern(16384, 1));
    co_await loop::sleep_for(loop::seconds(1));
    Submission abort;
    abort.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::abort));
    abort.set_word(10, 2u << 16 | 2);  // the second command of queue 2: Connect was the first
    auto aborting = controller->admin().run(abort);
    const auto aborted = co_await aborting;
    EXPECT_EQ(aborted->completion.result, 0u);
    EXPECT_EQ(co_await writing, Status::abort_requested);
    auto again = controller->admin().run(abort);
    const auto gone = co_await again;
    EXPECT_EQ(gone->completion.result, 1u);
    // Its data may still come, and is forgotten.
    std::vector<uint8_t> pdu(24 + 16384);
    wire::nvme::DataTransfer{2, queue.last_transfer_tag, 0, 16384}.encode(pdu.data());
    wire::nvme::CommonHeader{wire::nvme::PduType::host_data, wire::nvme::PduFlag::last, 24, 24, 24 + 16384}
        .encode(pdu.data());
    queue.send_raw(pdu);
    queue.hold_data = false;
    EXPECT_EQ((co_await read_blocks(queue, 0, 32)), std::vector<uint8_t>(16384));
    EXPECT_EQ(co_await write_blocks(queue, 0, pattern(16384, 2)), Status::success);
  });
  array.world.run_for(loop::seconds(1));
  for (auto& server : array.servers) EXPECT_EQ(server->impl().commands.in_use(), 0u);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
