#include <gtest/gtest.h>

#include "scsi/rewrite_test.h"

namespace ashlar::scsi::test {
namespace {

constexpr uint8_t overwrite = 0x01, cryptographic_erase = 0x03, exit_failure_mode = 0x1f;
constexpr uint8_t immediate = 0x80, unrestricted_exit = 0x20;

std::vector<uint8_t> overwrite_list(uint8_t flags, const std::vector<uint8_t>& pattern) {
  std::vector<uint8_t> list = {flags, 0, static_cast<uint8_t>(pattern.size() >> 8),
                               static_cast<uint8_t>(pattern.size())};
  list.insert(list.end(), pattern.begin(), pattern.end());
  return list;
}

class Sanitize : public RewriteTest {
 protected:
  using RewriteTest::RewriteTest;
  std::string overwrite_with(const std::vector<uint8_t>& list) {
    return end(sanitize(overwrite, static_cast<uint16_t>(list.size())), list);
  }
};
class SanitizeOnTwoShards : public Sanitize {
 protected:
  SanitizeOnTwoShards() : Sanitize(512, 2) {}
};

TEST_F(Sanitize, BlockEraseLeavesZeroesWithoutSpace) {
  std::ranges::fill(medium->data, uint8_t{7});
  medium->mark(0, medium->data.size(), true);
  EXPECT_EQ(erase(), "GOOD");
  EXPECT_TRUE(all_of(0));
  EXPECT_TRUE(std::ranges::none_of(medium->allocated, [](bool each) { return each; }));
  EXPECT_EQ(medium->flushes, 1u);
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(Sanitize, BlockEraseOfAVolumeThatKeepsItsSpace) {
  medium->geometry.thin = false;
  std::ranges::fill(medium->data, uint8_t{7});
  EXPECT_EQ(erase(), "GOOD");
  EXPECT_TRUE(all_of(0));
  EXPECT_TRUE(std::ranges::all_of(medium->allocated, [](bool each) { return each; }));
}

TEST_F(Sanitize, OverwriteFillsEachBlockFromItsFirstByte) {
  EXPECT_EQ(overwrite_with(overwrite_list(1, {1, 2, 3})), "GOOD");
  for (const uint64_t lba : {uint64_t{0}, uint64_t{2047}, uint64_t{2048}, uint64_t{4095}}) {
    const std::vector<uint8_t> block = on_medium(lba, 1);
    for (size_t i = 0; i < block.size(); ++i) ASSERT_EQ(block[i], 1 + i % 3) << lba << " " << i;
  }
  EXPECT_EQ(medium->flushes, 1u);
  EXPECT_EQ(overwrite_with(overwrite_list(1, filled(512, 0xaa))), "GOOD");
  EXPECT_TRUE(all_of(0xaa));
}

TEST_F(Sanitize, PassesAreInvertedSoThatTheLastIsThePattern) {
  for (const uint8_t passes : {1, 2, 3}) {
    target.unit("v").hold = true;
    const auto list = overwrite_list(static_cast<uint8_t>(0x80 | passes), {0xf0});
    const auto done = start(*host, sanitize(overwrite, 5), list);
    for (int pass = passes; pass > 0; --pass) {
      for (int piece = 0; piece < 2; ++piece) target.release("v", 0, 1);
      EXPECT_TRUE(all_of(pass % 2 != 0 ? 0xf0 : 0x0f)) << int{passes} << " " << pass;
      target.release("v", 0, 1);  // the flush
    }
    EXPECT_EQ(ending(*done), "GOOD");
    target.unit("v").hold = false;
  }
  EXPECT_EQ(medium->flushes, 6u);
}

TEST_F(Sanitize, ProgressIsToldAndEverythingElseHasToWait) {
  target.unit("v").hold = true;
  const auto overwriting = start(*host, sanitize(overwrite, 5), overwrite_list(1, {9}));
  EXPECT_EQ(ending(*overwriting), "pending");
  const std::vector<uint8_t> none = data(cdb6(0x03, 0, 0, 0, 18));
  EXPECT_EQ(none[2], 0x02);
  EXPECT_EQ(load_be16(&none[12]), 0x041b);
  EXPECT_EQ(none[15], 0x80) << "SKSV";
  EXPECT_EQ(load_be16(&none[16]), 0);
  target.release("v", 0, 1);
  const std::vector<uint8_t> half = data(cdb6(0x03, 0, 0, 0, 18));
  EXPECT_EQ(load_be16(&half[16]), 0x7fff);
  for (const Cdb& cdb :
       {test_unit_ready, cdb10(0x28, 0, 1), cdb10(0x2a, 0, 1), cdb10(0x25, 0, 0), cdb6(0x1b, 1, 0, 0, 1),
        cdb6(0x1a, 0, 0x3f, 0, 255), sanitize(block_erase), sanitize(exit_failure_mode)})
    EXPECT_EQ(end(cdb, filled(512, 0)), "2/04/1b") << int{cdb[0]};
  EXPECT_EQ(end(cdb6(0x12, 0, 0, 0, 96)), "GOOD");
  EXPECT_EQ(end(cdb12(0xa0, 0, 64)), "GOOD");
  EXPECT_EQ(end(cdb10(0x5e, 0, 8)), "GOOD");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*overwriting), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_TRUE(all_of(9));
}

TEST_F(Sanitize, ImmediateAnswersOnceAllIsChecked) {
  target.unit("v").hold = true;
  EXPECT_EQ(end(sanitize(block_erase | immediate)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(end(sanitize(overwrite | immediate, 5), overwrite_list(1, {})), "5/1a/00") << "not even begun";
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeOnTwoShards, EveryShardIsKeptOutAndNoOldWriteComesAfter) {
  NexusState& other = login({{0, "v"}}, 1);
  target.unit("v", 1).hold = true;
  const auto in_device = start(other, cdb10(0x2a, 0, 1), filled(512, 5));
  auto late = task(cdb10(0x2a, 1, 1), filled(512, 6));
  late->hold_data_out = true;
  target.submit(other, *late);
  target.shards.run();
  target.unit("v").hold = true;
  const auto erasing = start(*host, sanitize(block_erase));
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "2/04/1b");
  target.shards.at(1).in_turn([&] { late->deliver(); });
  target.shards.run();
  EXPECT_EQ(ending(*late), "b/2f/02") << "its data came too late";
  target.unit("v", 1).hold = false;
  target.release("v", 1);
  EXPECT_EQ(ending(*in_device), "GOOD");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*erasing), "GOOD");
  EXPECT_EQ(ending(*run(other, test_unit_ready)), "GOOD");
}

TEST_F(Sanitize, GoesOnWhateverBecomesOfWhoAskedForIt) {
  NexusState& other = login();
  target.unit("v").hold = true;
  const auto waiting = start(other, sanitize(overwrite, 5), overwrite_list(1, {3}));
  EXPECT_EQ(ending(*waiting), "pending");
  const auto aborted = target.manage(other, TaskManagement::abort_task, 0, waiting->tag);
  target.shards.run();
  EXPECT_EQ(ending(*waiting), "aborted");
  EXPECT_EQ(*aborted, TaskManagementResponse::complete);
  const auto reset = target.manage(other, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(*reset, TaskManagementResponse::complete);
  EXPECT_EQ(end(test_unit_ready), "6/29/03");
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  bool closed = false;
  target.shards.at(0).in_turn([&] { other.close([&] { closed = true; }); });
  target.shards.run();
  EXPECT_TRUE(closed) << "no nexus waits for it";
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == &other; });
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_TRUE(all_of(3));
}

TEST_F(Sanitize, FailureWithUnrestrictedExit) {
  fail_next();
  EXPECT_EQ(erase(unrestricted_exit), "3/31/03");
  for (const Cdb& cdb : {test_unit_ready, cdb10(0x28, 0, 1), cdb6(0x04), cdb6(0x1b, 0, 0, 0, 1)})
    EXPECT_EQ(end(cdb), "3/31/03") << int{cdb[0]};
  EXPECT_EQ(load_be16(&data(cdb6(0x03, 0, 0, 0, 18))[12]), 0x3103);
  EXPECT_EQ(end(cdb6(0x12, 0, 0, 0, 96)), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(end(test_unit_ready), "6/29/03");
  EXPECT_EQ(end(test_unit_ready), "3/31/03") << "a reset does not leave it";
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "GOOD") << "nothing to leave";
}

TEST_F(Sanitize, FailureWithoutItIsLeftBySuccessAlone) {
  fail_next();
  EXPECT_EQ(erase(), "3/31/03");
  const auto refused = run(sanitize(exit_failure_mode));
  EXPECT_EQ(ending(*refused), "5/24/00");
  EXPECT_EQ(field(*refused), "cdb 1.4");
  const auto unrestricted = run(sanitize(block_erase | unrestricted_exit));
  EXPECT_EQ(ending(*unrestricted), "5/24/00");
  EXPECT_EQ(field(*unrestricted), "cdb 1.5");
  EXPECT_EQ(end(test_unit_ready), "3/31/03");
  EXPECT_EQ(erase(), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(Sanitize, AFailedFlushIsAFailure) {
  target.unit("v").fault = block::Status::device_failed;
  target.unit("v").fault_in = 2;
  EXPECT_EQ(erase(immediate), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "3/31/03");
}

TEST_F(Sanitize, AClosedUnitEndsItEarly) {
  target.unit("v").hold = true;
  const auto waiting = start(*host, sanitize(block_erase));
  target.unit("v").fault = block::Status::aborted;  // what a unit says that closes
  target.unit("v").fault_in = 1;
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*waiting), "3/31/03");
}

TEST_F(Sanitize, TheMediumMayShrinkMeanwhile) {
  target.unit("v").hold = true;
  const auto waiting = start(*host, sanitize(overwrite, 5), overwrite_list(1, {4}));
  target.release("v", 0, 1);
  medium->geometry.size_bytes = 3000 * 512;
  medium->data.resize(3000 * 512);
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*waiting), "GOOD");
  EXPECT_TRUE(all_of(4));
}

class SanitizeEncrypted : public Sanitize {
 protected:
  void SetUp() override {
    Sanitize::SetUp();
    medium->limits.erasable_key = true;
    std::ranges::fill(medium->data, uint8_t{7});
    medium->mark(0, medium->data.size(), true);
  }
};

TEST_F(SanitizeEncrypted, CryptographicEraseTakesTheKeyAndGivesTheSpaceBack) {
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "GOOD");
  EXPECT_EQ(medium->keys_erased, 1u);
  EXPECT_TRUE(all_of(0));
  EXPECT_TRUE(std::ranges::none_of(medium->allocated, [](bool each) { return each; }));
  EXPECT_EQ(medium->flushes, 1u);
  EXPECT_TRUE(medium->locks.empty());
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeEncrypted, CryptographicEraseOfAVolumeThatKeepsItsSpaceWritesNothing) {
  medium->geometry.thin = false;
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "GOOD");
  EXPECT_EQ(medium->keys_erased, 1u);
  EXPECT_TRUE(std::ranges::none_of(medium->data, [](uint8_t byte) { return byte == 7; }));
  EXPECT_FALSE(all_of(0));
}

TEST_F(SanitizeEncrypted, IsThereOnlyWhereTheKeyMayGo) {
  const Cdb ask = cdb12(0xa3, 0x03480000 | 0x0003, 64, 0x0c);  // REPORTING OPTIONS 011b, SANITIZE, 3
  EXPECT_EQ(data(ask)[1] & 0x07, 3);
  EXPECT_EQ(data({0x12, 1, 0xb1, 0, 64, 0})[7], 0x50) << "WABEREQ and WACEREQ 01b";
  medium->limits.erasable_key = false;
  EXPECT_EQ(data(ask)[1] & 0x07, 1);
  EXPECT_EQ(data({0x12, 1, 0xb1, 0, 64, 0})[7], 0x40);
  const auto refused = run(sanitize(cryptographic_erase));
  EXPECT_EQ(ending(*refused), "5/24/00");
  EXPECT_EQ(field(*refused), "cdb 1.4");
  EXPECT_TRUE(all_of(7));
  EXPECT_EQ(medium->keys_erased, 0u);
}

TEST_F(SanitizeEncrypted, ImmediateProgressAndFailureAreAsOfTheOthers) {
  target.unit("v").hold = true;
  EXPECT_EQ(end(sanitize(cryptographic_erase | immediate)), "GOOD");
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  target.unit("v").fault_in = -1;
  EXPECT_EQ(end(sanitize(cryptographic_erase | unrestricted_exit)), "3/31/03");
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "GOOD");
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "3/31/03");
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "5/24/00");
  target.unit("v").fault_in = 0;
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "GOOD");
  EXPECT_EQ(medium->keys_erased, 2u);
}

TEST_F(SanitizeEncrypted, AReadInTheDeviceIsWaitedFor) {
  target.unit("v").hold = true;
  const auto reading = start(*host, cdb10(0x28, 0, 1));
  EXPECT_EQ(end(sanitize(cryptographic_erase, 8), filled(8, 0)), "5/24/00");
  EXPECT_EQ(end(sanitize(cryptographic_erase | 0x40)), "5/24/00") << "ZNR";
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*reading), "GOOD");
}

TEST_F(Sanitize, WhatIsRefused) {
  EXPECT_EQ(end(sanitize(cryptographic_erase)), "5/24/00") << "there is no key";
  EXPECT_EQ(end(sanitize(0x00)), "5/24/00");
  EXPECT_EQ(end(sanitize(block_erase | 0x40)), "5/24/00") << "ZNR";
  EXPECT_EQ(end(sanitize(block_erase, 8), filled(8, 0)), "5/24/00");
  for (const uint16_t length : {0, 1, 2, 3, 4, 517})
    EXPECT_EQ(end(sanitize(overwrite, length), filled(length, 1)), "5/24/00") << length;
  const auto field_of = [&](const std::vector<uint8_t>& list) {
    return field(*run(sanitize(overwrite, static_cast<uint16_t>(list.size())), list));
  };
  EXPECT_EQ(field_of(overwrite_list(0, {1})), "cdb 7") << "no passes";
  EXPECT_EQ(field_of(overwrite_list(0x21, {1})), "list 0.6") << "TEST";
  EXPECT_EQ(field_of({1, 1, 0, 1, 5}), "list 1");
  EXPECT_EQ(field_of({1, 0, 0, 0, 5}), "list 2");
  EXPECT_EQ(field_of({1, 0, 0, 2, 5}), "list 2") << "a pattern longer than the list";
  EXPECT_EQ(end(sanitize(overwrite, 8), overwrite_list(1, {1})), "5/1a/00") << "a list shorter than it says";
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(Sanitize, WriteProtectionAndReservationsKeepItOut) {
  NexusState& other = login();
  EXPECT_EQ(ending(*run(other, cdb6(0x16))), "GOOD");
  EXPECT_EQ(erase(), "status 18");
  EXPECT_EQ(overwrite_with(overwrite_list(1, {1})), "status 18");
  EXPECT_EQ(ending(*run(other, cdb6(0x17))), "GOOD");
  medium->geometry.read_only = true;
  EXPECT_EQ(erase(), "7/27/00");
  EXPECT_EQ(end(cdb6(0x04)), "7/27/00");
}

TEST_F(Sanitize, NoMemoryBeginsNothing) {
  std::vector<Buffer> all(512);
  BufferPool& pool = target.domains[0]->loop().buffers();
  for (Buffer& each : all) {
    if (!pool.allocate(each, 262144)) break;
  }
  EXPECT_EQ(overwrite_with(overwrite_list(1, {1})), "BUSY");
  all.clear();
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

/// Somebody keeps what has begun.
class SanitizeKept : protected WithKeeper, public Sanitize {
 protected:
  SanitizeKept() : Sanitize(512, 2, &keeper) {}
  const std::string& record() { return keeper.rewrites[medium->identity.uuid]; }
  bool sanitized() { return record().starts_with("sanitized "); }
  // A volume that an engine before this one left so.
  NexusState& recalled(const std::string& text) {
    const std::string name = fmt::format("volume{}", target.volumes.size());
    target.add_volume(name, 64);
    target.domains[0]->recall(name, target.unit(name),
                              {.reservations = {}, .mode_parameters = "", .rewrite = text});
    return login({{0, name}}, 1);
  }
};

TEST_F(SanitizeKept, ItIsWrittenDownBeforeTheAnswerAndUntilTheEnd) {
  keeper.hold = true;
  const auto immediately = start(*host, sanitize(block_erase | immediate | unrestricted_exit));
  EXPECT_EQ(ending(*immediately), "pending");
  EXPECT_EQ(end(test_unit_ready), "2/04/1b");
  target.unit("v").hold = true;
  keeper.hold = false;
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*immediately), "GOOD");
  EXPECT_EQ(record(), "sanitize_failed");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(record(), "sanitized 2 0 2");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeKept, WhatCannotBeWrittenDownDoesNotBegin) {
  std::ranges::fill(medium->data, uint8_t{7});
  keeper.refuse = true;
  for (const Cdb& cdb : {sanitize(block_erase), sanitize(block_erase | immediate), cdb6(0x04)})
    EXPECT_EQ(end(cdb), "4/44/00");
  EXPECT_EQ(overwrite_with(overwrite_list(1, {1})), "4/44/00");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
  EXPECT_TRUE(all_of(7));
}

TEST_F(SanitizeKept, FailuresStayWrittenDown) {
  fail_next();
  EXPECT_EQ(erase(), "3/31/03");
  EXPECT_EQ(record(), "sanitize_failed_restricted");
  EXPECT_EQ(erase(), "GOOD");
  EXPECT_TRUE(sanitized());
  fail_next();
  EXPECT_EQ(end(cdb6(0x04)), "3/31/00");
  EXPECT_EQ(record(), "format_corrupt");
  fail_next();
  EXPECT_EQ(erase(unrestricted_exit), "3/31/03");
  EXPECT_EQ(record(), "sanitize_failed");
  keeper.refuse = true;
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "4/44/00");
  EXPECT_EQ(end(test_unit_ready), "3/31/03");
  keeper.refuse = false;
  EXPECT_EQ(end(sanitize(exit_failure_mode)), "GOOD");
  EXPECT_EQ(record(), "");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeKept, NothingBeginsWhileAFailureIsLeft) {
  fail_next();
  EXPECT_EQ(erase(unrestricted_exit), "3/31/03");
  keeper.hold = true;
  const auto leaving = start(*host, sanitize(exit_failure_mode));
  EXPECT_EQ(ending(*leaving), "pending");
  EXPECT_EQ(ending(*start(login(), sanitize(block_erase))), "2/04/1b") << "its record would be taken back";
  keeper.hold = false;
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*leaving), "GOOD");
  EXPECT_EQ(record(), "");
  EXPECT_EQ(end(test_unit_ready), "GOOD");
}

TEST_F(SanitizeKept, TheEndOfAKeyIsWrittenDownAsSuch) {
  medium->limits.erasable_key = true;
  target.unit("v").hold = true;
  const auto erasing = start(*host, sanitize(cryptographic_erase));
  EXPECT_EQ(record(), "erasing_key, sanitize_failed_restricted");
  target.unit("v").hold = false;
  target.release("v");
  EXPECT_EQ(ending(*erasing), "GOOD");
  EXPECT_TRUE(sanitized());
}

TEST_F(SanitizeKept, OneThatBeganToEraseTheKeyGoesOn) {
  for (const bool erasable : {true, false}) {
    const std::string text = "erasing_key, sanitize_failed";
    NexusState& late = recalled(text);
    EXPECT_EQ(ending(*run(late, test_unit_ready)), "3/31/03") << "until it is told to";
    const std::string name = fmt::format("volume{}", target.volumes.size() - 1);
    const TestTarget::Volume& volume = target.volumes.at(name);
    volume.medium->limits.erasable_key = erasable;
    keeper.rewrites[volume.medium->identity.uuid] = text;
    target.shards.at(0).in_turn([&] { target.domains[0]->resume_rewrite(name, volume.units[0], text); });
    target.shards.run();
    EXPECT_EQ(ending(*run(late, test_unit_ready)), erasable ? "GOOD" : "3/31/03");
    EXPECT_EQ(volume.medium->keys_erased, erasable ? 1u : 0u);
    EXPECT_TRUE(keeper.rewrites[volume.medium->identity.uuid].starts_with(erasable ? "sanitized 4" : text));
  }
}

TEST_F(SanitizeKept, OneThatAnEarlierEngineDidNotEndHasFailed) {
  const std::pair<const char*, const char*> cases[] = {{"", "GOOD"},
                                                       {"sanitize_failed", "3/31/03"},
                                                       {"sanitize_failed_restricted", "3/31/03"},
                                                       {"format_corrupt", "3/31/00"},
                                                       {"erasing_key, sanitize_failed", "3/31/03"},
                                                       {"?", "3/31/03"}};
  for (const auto& [text, expected] : cases) {
    NexusState& late = recalled(text);
    EXPECT_EQ(ending(*run(late, test_unit_ready)), expected) << text;
  }
  NexusState& unknown = recalled("what a later version wrote");
  EXPECT_EQ(ending(*run(unknown, sanitize(exit_failure_mode))), "GOOD") << "left without harm";
  EXPECT_EQ(ending(*run(unknown, test_unit_ready)), "GOOD");
}

}  // namespace
}  // namespace ashlar::scsi::test
