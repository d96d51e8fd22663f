#include <gtest/gtest.h>

#include "scsi/copy_test.h"

namespace ashlar::scsi::test {
namespace {

class ExtendedCopy : public CopyTest {
 protected:
  List v_to_w(const std::vector<Segment>& segments, uint8_t id = 1) {
    return lid1_list(id, {cscd_of(*medium), cscd_of(*w)}, segment_list(segments));
  }
  // A copy of four blocks that waits within the device.
  std::unique_ptr<HostTask> held_copy() {
    target.unit("w").hold = true;
    const List list = v_to_w({{0, 1, 0, 0, 4}});
    return start(*host, copy_cdb(0x83, 0, list.size()), list);
  }
  void let_go() {
    target.unit("w").hold = false;
    target.release("w");
  }
};

TEST_F(ExtendedCopy, CopiesEachSegment) {
  EXPECT_EQ(copied(v_to_w({{0, 1, 10, 20, 5}, {0, 1, 100, 4000, 96}, {1, 1, 20, 30, 2}})), "GOOD");
  EXPECT_EQ(at(*w, 20 * 512, 5 * 512), at(*medium, 10 * 512, 5 * 512));
  EXPECT_EQ(at(*w, 4000 * 512, 96 * 512), at(*medium, 100 * 512, 96 * 512));
  EXPECT_EQ(at(*w, 30 * 512, 2 * 512), at(*medium, 10 * 512, 2 * 512));
  EXPECT_EQ(at(*w, 25 * 512, 512), filled(512, 0xee));
  EXPECT_EQ(status(1), (std::vector<uint8_t>{0, 0, 0, 8, 0x01, 0, 3, 0, 0, 0, 0xce, 0x00}));
}

TEST_F(ExtendedCopy, OverEui64AndTheUnitItself) {
  List cscd = cscd_of(*w);
  cscd[5] = 2;
  std::ranges::copy(w->identity.eui64, cscd.begin() + 8);
  EXPECT_EQ(copied(lid1_list(0, {cscd}, segment_list({{0xffff, 0, 1, 2, 3}}), 0x18)), "GOOD");
  EXPECT_EQ(at(*w, 2 * 512, 3 * 512), at(*medium, 512, 3 * 512));
}

TEST_F(ExtendedCopy, BlocksOfTwoSizes) {
  const List both = lid1_list(1, {cscd_of(*medium), cscd_of(*large)}, segment_list({{0, 1, 8, 3, 16}}));
  EXPECT_EQ(copied(both), "GOOD");
  EXPECT_EQ(at(*large, 3 * 4096, 2 * 4096), at(*medium, 8 * 512, 16 * 512));
  const List counted =
      lid1_list(1, {cscd_of(*medium), cscd_of(*large)}, segment_list({{0, 1, 0, 9, 2, 0x02}}));
  EXPECT_EQ(copied(counted), "GOOD") << "DC: the count is of the destination";
  EXPECT_EQ(at(*large, 9 * 4096, 2 * 4096), at(*medium, 0, 16 * 512));
  const auto inexact =
      copy(*host, lid1_list(1, {cscd_of(*medium), cscd_of(*large)}, segment_list({{0, 1, 0, 0, 12}})));
  EXPECT_EQ(ending(*inexact), "a/26/0a");
  EXPECT_EQ(inexact->sense.segment, 0u);
}

TEST_F(ExtendedCopy, NothingToDoIsGood) {
  EXPECT_EQ(end(copy_cdb(0x83, 0, 0)), "GOOD");
  EXPECT_EQ(copied(lid1_list(1, {}, {})), "GOOD");
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 0}})), "GOOD");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
}

TEST_F(ExtendedCopy, ListsThatCannotBeUnderstood) {
  const List whole = v_to_w({{0, 1, 0, 0, 1}});
  EXPECT_EQ(end(copy_cdb(0x83, 0, whole.size() - 1), whole), "5/1a/00");
  EXPECT_EQ(end(copy_cdb(0x83, 0, whole.size() + 1), whole), "5/1a/00") << "it never comes whole";
  EXPECT_EQ(end(copy_cdb(0x83, 0, 100000), filled(100000, 0)), "5/1a/00");
  const auto refused = [&](size_t byte, uint8_t value) {
    List list = whole;
    list[byte] = value;
    const auto done = copy(*host, list);
    return ending(*done) + " " + field(*done);
  };
  EXPECT_EQ(refused(1, 0x08), "5/26/00 list 1.4");
  EXPECT_EQ(refused(15, 1), "5/26/0b none");
  EXPECT_EQ(refused(16, 0xe0), "5/26/07 list 16");
  EXPECT_EQ(refused(80, 0x03), "5/26/09 list 80");
  EXPECT_EQ(refused(16 + 29, 0x10), "5/26/00 list 45") << "another block length than the unit has";
  EXPECT_EQ(refused(17, 0x05), "a/0d/03 none") << "not a disk";
  EXPECT_EQ(copied(lid1_list(1, std::vector<List>(17, cscd_of(*w)), {})), "5/26/06");
  EXPECT_EQ(copied(v_to_w(std::vector<Segment>(65))), "5/26/08");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
}

TEST_F(ExtendedCopy, EverySegmentIsCheckedBeforeTheFirstIsCopied) {
  struct Case {
    Segment segment;
    const char* ending;
  };
  for (const Case& each : {Case{{0, 2, 0, 0, 1}, "a/08/04"}, Case{{0, 1, 4095, 0, 2}, "a/00/00"},
                           Case{{0, 1, 0, 4095, 2}, "a/00/00"}, Case{{0, 1, UINT64_MAX, 0, 1}, "a/00/00"}}) {
    const auto done = copy(*host, v_to_w({{0, 1, 0, 0, 1}, each.segment}));
    EXPECT_EQ(ending(*done), each.ending);
    EXPECT_TRUE(done->sense.segment_valid);
    EXPECT_EQ(done->sense.segment, 1u);
    EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
  }
  List null_unit = v_to_w({{0, 1, 0, 0, 1}});
  null_unit[17] = 0x20;
  EXPECT_EQ(copied(null_unit), "a/08/04");
  EXPECT_EQ(status(1)[4], 0x02) << "failed, and it is remembered";
}

TEST_F(ExtendedCopy, DeviceErrorsSayWhichSideAndWhichSegment) {
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 4;  // two for each segment: holes are looked for
  const auto bad_source = copy(*host, v_to_w({{0, 1, 0, 0, 1}, {0, 1, 1, 1, 1}}));
  EXPECT_EQ(ending(*bad_source), "a/0d/01");
  EXPECT_EQ(bad_source->sense.segment, 1u);
  EXPECT_EQ(bad_source->sense.third_party.side, unit::CopySide::source);
  EXPECT_EQ(bad_source->sense.third_party.code, 0x1100);
  EXPECT_EQ(status(1), (std::vector<uint8_t>{0, 0, 0, 8, 0x02, 0, 1, 0, 0, 0, 0x02, 0x00}));
  target.unit("w").fault = block::Status::no_space;
  target.unit("w").fault_in = 1;
  const auto full = copy(*host, v_to_w({{0, 1, 0, 0, 1}}));
  EXPECT_EQ(ending(*full), "a/0d/01");
  EXPECT_EQ(full->sense.third_party.side, unit::CopySide::destination);
  EXPECT_EQ(full->sense.third_party.key, SenseKey::data_protect);
}

TEST_F(ExtendedCopy, FailureDetailsAreTheSenseAgain) {
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 2;
  copied(v_to_w({{0, 1, 0, 0, 1}}));
  Cdb cdb = copy_cdb(0x84, 0x04, 200);
  cdb[2] = 1;
  const auto details = data(cdb);
  ASSERT_EQ(details.size(), 60u + 37);
  EXPECT_EQ(load_be32(&details[0]), details.size() - 4);
  EXPECT_EQ(details[56], 0x02);
  EXPECT_EQ(load_be16(&details[58]), 37);
  EXPECT_EQ(details[60 + 2], 0x0a);
  EXPECT_EQ(load_be16(&details[60 + 12]), 0x0d01);
  EXPECT_EQ(details[60 + 8], 18) << "the source's status and sense begin there";
  EXPECT_EQ(details[60 + 18], 0x02);
  EXPECT_EQ(load_be16(&details[60 + 19 + 12]), 0x1100);
  cdb[2] = 9;
  EXPECT_EQ(end(cdb), "5/24/00");
}

TEST_F(ExtendedCopy, WithoutMemoryItIsBusyAndForgotten) {
  std::vector<std::unique_ptr<Buffer>> hoard;
  BufferPool& pool = target.shards.at(0).buffers();
  for (bool more = true; more;) {
    hoard.push_back(std::make_unique<Buffer>());
    more = pool.allocate(*hoard.back(), 262144);
  }
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 4}})), "BUSY");
  Cdb cdb = copy_cdb(0x84, 0x00, 12);
  cdb[2] = 1;
  EXPECT_EQ(end(cdb), "5/24/00");
  hoard.clear();
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 4}})), "GOOD");
}

TEST_F(ExtendedCopy, OneListIdentifierIsOneCopyAtATime) {
  const auto first = held_copy();
  EXPECT_EQ(ending(*first), "pending");
  EXPECT_EQ(status(1), (std::vector<uint8_t>{0, 0, 0, 8, 0x00, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 1}})), "5/00/16") << "OPERATION IN PROGRESS";
  let_go();
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 1}})), "GOOD");
}

TEST_F(ExtendedCopy, OfOneHostSomeRunAtATimeAndOthersFindRoom) {
  target.unit("v").hold = true;
  std::vector<std::unique_ptr<HostTask>> copies;
  for (uint8_t id = 0; id < unit::CopyBudget::most_copies_of_nexus; ++id) {
    const List list = v_to_w({{0, 1, id, id, 1}}, id);
    copies.push_back(start(*host, copy_cdb(0x83, 0, list.size()), list));
    EXPECT_EQ(ending(*copies.back()), "pending");
  }
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 1}}, 200)), "TASK SET FULL");
  NexusState& other = login({{0, "v"}, {1, "w"}});
  const List list = v_to_w({{0, 1, 100, 100, 1}});
  copies.push_back(start(other, copy_cdb(0x83, 0, list.size()), list));
  EXPECT_EQ(ending(*copies.back()), "pending");
  target.unit("v").hold = false;
  target.release("v");
  for (const auto& copy : copies) EXPECT_EQ(ending(*copy), "GOOD");
  EXPECT_EQ(copied(v_to_w({{0, 1, 0, 0, 1}}, 200)), "GOOD");
}

TEST_F(ExtendedCopy, AnAbortedTaskWritesNoMore) {
  target.unit("v").hold = true;
  const List list = v_to_w({{0, 1, 0, 0, 4}});
  const auto task = start(*host, copy_cdb(0x83, 0, list.size()), list);
  const auto answer = target.manage(*host, TaskManagement::abort_task, 0, task->tag);
  target.shards.run();
  EXPECT_FALSE(answer->has_value()) << "a read is in the device";
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
  EXPECT_EQ(ending(*task), "aborted");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
}

TEST_F(ExtendedCopy, AResetOfEitherUnitEndsItFirst) {
  for (const uint16_t lun : {0, 1}) {
    const auto task = held_copy();
    const auto answer = target.manage(*host, TaskManagement::logical_unit_reset, lun);
    target.shards.run();
    EXPECT_FALSE(answer->has_value()) << lun;
    let_go();
    EXPECT_EQ(*answer, TaskManagementResponse::complete);
    EXPECT_EQ(ending(*task), lun == 0 ? "aborted" : "GOOD") << "its last write was in the device already";
    for (const uint16_t each : {0, 1}) run(*host, cdb6(0x00), {}, 0, each);
  }
}

TEST_F(ExtendedCopy, Lid4InTheBackground) {
  target.unit("w").hold = true;
  const List list = lid4_list(0x01020304, {cscd_of(*medium), cscd_of(*w)},
                              segment_list({{0, 1, 0, 0, 4}, {0, 1, 9, 9, 1}}), true);
  EXPECT_EQ(ending(*copy(*host, list, 1)), "GOOD");
  const Cdb ask = copy_cdb(0x84, 0x05, 200, 0x01020304);
  auto told = data(ask);
  ASSERT_EQ(told.size(), 32u);
  EXPECT_EQ(load_be32(&told[0]), 28u);
  EXPECT_EQ(told[4], 0x01);
  EXPECT_EQ(told[5], 0x12) << "in progress, in background";
  let_go();
  told = data(ask);
  EXPECT_EQ(told[5], 0x01);
  EXPECT_EQ(told[15], 0xf1);
  EXPECT_EQ(load_be64(&told[16]), 5u) << "blocks";
  EXPECT_EQ(load_be16(&told[24]), 2u);
  EXPECT_EQ(at(*w, 0, 4 * 512), at(*medium, 0, 4 * 512));
}

TEST_F(ExtendedCopy, CountsBlocksOfTheUnitThatWasAsked) {
  const List list = lid4_list(7, {}, segment_list({{0xffff, 0xffff, 0, 8, 4}}));
  EXPECT_EQ(ending(*copy(*host, list, 1, 2)), "GOOD");
  const auto told = run(*host, copy_cdb(0x84, 0x05, 200, 7), {}, 200, 2)->data_in;
  ASSERT_EQ(told.size(), 32u);
  EXPECT_EQ(told[15], 0xf1);
  EXPECT_EQ(load_be64(&told[16]), 4u) << "of 4096 bytes";
}

TEST_F(ExtendedCopy, CopyOperationAbortWaitsForTheEnd) {
  target.unit("v").hold = true;
  const List list = lid4_list(7, {cscd_of(*medium), cscd_of(*w)}, segment_list({{0, 1, 0, 0, 4}}), true);
  EXPECT_EQ(ending(*copy(*host, list, 1)), "GOOD");
  Cdb abort(16);
  abort[0] = 0x83;
  abort[1] = 0x1c;
  abort[5] = 7;
  const auto aborting = start(*host, abort);
  EXPECT_EQ(ending(*aborting), "pending");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*aborting), "GOOD");
  EXPECT_EQ(data(copy_cdb(0x84, 0x05, 200, 7))[5], 0x60);
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
  EXPECT_EQ(end(abort), "5/24/00") << "it does not run any more";
}

TEST_F(ExtendedCopy, ANexusThatGoesTakesItsCopyAlong) {
  target.unit("v").hold = true;
  const List list = lid4_list(7, {cscd_of(*medium), cscd_of(*w)}, segment_list({{0, 1, 0, 0, 4}}), true);
  NexusState& other = login({{0, "v"}, {1, "w"}});
  EXPECT_EQ(ending(*copy(other, list, 1)), "GOOD");
  bool closed = false;
  target.shards.at(0).in_turn([&] { other.close([&] { closed = true; }); });
  target.shards.run();
  EXPECT_FALSE(closed);
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_TRUE(closed);
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
  const auto same = [&](const auto& nexus) { return nexus.get() == &other; };
  std::erase_if(target.nexuses, same);
}

TEST_F(ExtendedCopy, OperatingParameters) {
  const auto told = data(copy_cdb(0x84, 0x03, 200));
  ASSERT_EQ(told.size(), 47u);
  EXPECT_EQ(load_be32(&told[0]), 43u);
  EXPECT_EQ(told[4], 0x01);
  EXPECT_EQ(load_be16(&told[8]), 16);
  EXPECT_EQ(load_be16(&told[10]), 64);
  EXPECT_EQ(load_be32(&told[12]), 2304u);
  EXPECT_EQ(load_be16(&told[34]), 64);
  EXPECT_EQ(told[36], 16);
  EXPECT_EQ(told[43], 3);
  EXPECT_EQ((std::vector<uint8_t>(told.begin() + 44, told.end())), (std::vector<uint8_t>{0x02, 0x07, 0xe4}));
}

TEST_F(ExtendedCopy, VerifyOfACscd) {
  const List verify = {0x07, 0, 0, 8, 0, 0, 0, 0, 1, 0, 0, 0};
  EXPECT_EQ(copied(lid1_list(1, {cscd_of(*w)}, verify)), "GOOD");
  target.unit("w");
  run(*host, cdb6(0x1b), {}, 0, 1);  // stopped
  const auto done = copy(*host, lid1_list(1, {cscd_of(*w)}, verify));
  EXPECT_EQ(ending(*done), "a/0d/01");
  EXPECT_EQ(done->sense.third_party.code, 0x0402);
  run(*host, cdb6(0x1b, 0, 0, 0, 1), {}, 0, 1);
}

TEST_F(ExtendedCopy, NothingIsCopiedFromOrToWhatIsBeingSanitized) {
  target.unit("w").hold = true;
  EXPECT_EQ(ending(*run(*host, cdb10(0x48, 0, 0, 0x82), {}, 0, 1)), "GOOD");  // BLOCK ERASE, IMMED
  for (const auto& [source, destination] : {std::pair<uint16_t, uint16_t>{0, 1}, {1, 0}}) {
    const List segments = segment_list({{.source = source, .destination = destination, .blocks = 1}});
    const auto done = copy(*host, lid1_list(1, {cscd_of(*medium), cscd_of(*w)}, segments));
    EXPECT_EQ(ending(*done), "a/0d/01");
    EXPECT_EQ(done->sense.third_party.code, 0x041b);
  }
  target.unit("w").hold = false;
  target.release("w");
}

class ExtendedCopyOnTwoShards : public CopyTest {
 protected:
  ExtendedCopyOnTwoShards() : CopyTest(2) {}
};

// PREEMPT AND ABORT and resets come from any shard; a copy in the background has no task that they could find.
TEST_F(ExtendedCopyOnTwoShards, AResetFromAnotherShardWaitsForACopyInTheBackground) {
  NexusState& other = login({{0, "w"}}, 1);
  target.unit("v").hold = true;
  const List list = lid4_list(7, {cscd_of(*medium), cscd_of(*w)}, segment_list({{0, 1, 0, 0, 4}}), true);
  EXPECT_EQ(ending(*copy(*host, list, 1)), "GOOD");
  const auto answer = target.manage(other, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_FALSE(answer->has_value());
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(*answer, TaskManagementResponse::complete);
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
  EXPECT_EQ(data(copy_cdb(0x84, 0x05, 200, 7))[5], 0x60) << "aborted";
}

}  // namespace
}  // namespace ashlar::scsi::test
