#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/mode_pages.h"

namespace ashlar::scsi::test {
namespace {

const std::vector<uint8_t> caching = {0x08, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const std::vector<uint8_t> control = {0x0a, 10, 0, 0x10, 0, 0, 0, 0, 0xff, 0xff, 0, 0};
const std::vector<uint8_t> exceptions = {0x1c, 10, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0};
const std::vector<uint8_t> recovery = {0x01, 10, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

std::vector<uint8_t> joined(const std::vector<std::vector<uint8_t>>& parts) {
  std::vector<uint8_t> out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}
std::vector<uint8_t> with(std::vector<uint8_t> bytes, size_t at, uint8_t value) {
  bytes.at(at) = value;
  return bytes;
}

class Mode : public ScsiTest {
 protected:
  Cdb sense6(uint8_t page, uint8_t subpage = 0, uint8_t flags = 0x08) {
    return cdb6(0x1a, flags, page, subpage, 255);
  }
  Cdb sense10(uint8_t page, uint8_t flags = 0x08) { return {0x5a, flags, page, 0, 0, 0, 0, 1, 0, 0}; }
  std::vector<uint8_t> page(uint8_t code) {
    std::vector<uint8_t> out = data(sense6(code));
    return {out.begin() + 4, out.end()};
  }
  std::unique_ptr<HostTask> select6(const std::vector<uint8_t>& list, uint8_t flags = 0x10) {
    return run(cdb6(0x15, flags, 0, 0, static_cast<uint8_t>(list.size())), list);
  }
  std::string sets(const std::vector<uint8_t>& page) {
    return ending(*select6(joined({{0, 0, 0, 0}, page})));
  }
  /// "5/26/00 at list 6.2"
  std::string refusal(const std::vector<uint8_t>& list) {
    const auto done = select6(list);
    return ending(*done) + " at " + field(*done);
  }
};

TEST_F(Mode, SensesEachPageAndAll) {
  EXPECT_EQ(page(0x08), caching);
  EXPECT_EQ(page(0x0a), control);
  EXPECT_EQ(page(0x1c), exceptions);
  EXPECT_EQ(page(0x01), recovery);
  const std::vector<uint8_t> all = joined({recovery, caching, control, exceptions});
  EXPECT_EQ(page(0x3f), all);
  EXPECT_EQ(data(sense6(0x3f, 0xff)), joined({{59, 0, 0x10, 0}, all}));
  EXPECT_EQ(data(sense10(0x3f)), joined({{0, 62, 0, 0x10, 0, 0, 0, 0}, all}));
  EXPECT_EQ(data(sense6(0x08, 0xff)).size(), 24u);
}

TEST_F(Mode, BlockDescriptors) {
  EXPECT_EQ(data(sense6(0x0a, 0, 0)), joined({{23, 0, 0x10, 8}, {0, 0, 0x10, 0, 0, 0, 2, 0}, control}));
  EXPECT_EQ(
      data(sense10(0x0a, 0x10)),
      joined({{0, 34, 0, 0x10, 1, 0, 0, 16}, {0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 2, 0}, control}));
  medium->geometry.size_bytes = uint64_t{1} << 45;
  EXPECT_EQ(load_be32(&data(sense6(0x0a, 0, 0)).at(4)), UINT32_MAX);
}

TEST_F(Mode, PageControl) {
  EXPECT_EQ(page(0x40 | 0x08), with(with(caching, 2, 0x04), 0, 0x08));
  EXPECT_EQ(page(0x40 | 0x0a), (std::vector<uint8_t>{0x0a, 10, 0x04, 0, 0x08, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(page(0x40 | 0x1c), (std::vector<uint8_t>{0x1c, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(sets(with(control, 4, 0x08)), "GOOD");
  EXPECT_EQ(page(0x0a), with(control, 4, 0x08));
  EXPECT_EQ(page(0x80 | 0x0a), control);
  EXPECT_EQ(end(sense6(0xc0 | 0x0a)), "5/39/00");
}

TEST_F(Mode, RefusesPagesThatAreNotThere) {
  EXPECT_EQ(field(*run(sense6(0x19))), "cdb 2.5");
  EXPECT_EQ(field(*run(sense6(0x0a, 0x01))), "cdb 3");
  EXPECT_EQ(end(sense6(0x3f, 0x01)), "5/24/00");
}

TEST_F(Mode, AllocationLengthCutsWithoutResidual) {
  const auto done = run(cdb6(0x1a, 0, 0x3f, 0, 4), {}, 4);
  EXPECT_EQ(done->data_in.size(), 4u);
  EXPECT_EQ(done->data_in_wanted_bytes, 4u);
  EXPECT_EQ(done->data_in[0], 67) << "the length tells of what was cut";
}

TEST_F(Mode, WriteProtectBit) {
  NexusState& reader = login({{0, "v", true}});
  EXPECT_EQ(run(reader, sense6(0x0a), {}, 255)->data_in.at(2), 0x90);
  EXPECT_EQ(data(sense6(0x0a)).at(2), 0x10);
  medium->geometry.read_only = true;
  EXPECT_EQ(data(sense6(0x0a)).at(2), 0x90);
}

TEST_F(Mode, SoftwareWriteProtect) {
  NexusState& other = login();
  EXPECT_EQ(sets(with(control, 4, 0x08)), "GOOD");
  EXPECT_EQ(data(sense6(0x0a)).at(2), 0x90);
  EXPECT_EQ(end(cdb10(0x2a, 0, 1), filled(512, 1)), "7/27/02");
  EXPECT_EQ(end(cdb10(0x28, 0, 1)), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb10(0x2a, 0, 1), filled(512, 1))), "6/2a/01");
  EXPECT_EQ(ending(*run(other, cdb10(0x2a, 0, 1), filled(512, 1))), "7/27/02");
  EXPECT_EQ(sets(control), "GOOD");
  EXPECT_EQ(end(cdb10(0x2a, 0, 1), filled(512, 1)), "GOOD");
}

TEST_F(Mode, DescriptorSense) {
  EXPECT_FALSE(run({0xff})->descriptor_sense);
  EXPECT_EQ(sets(with(control, 2, 0x04)), "GOOD");
  EXPECT_TRUE(run({0xff})->descriptor_sense);
}

TEST_F(Mode, WriteCacheIsFlushedWhenItIsTurnedOff) {
  EXPECT_EQ(sets(with(caching, 2, 0x04)), "GOOD");
  EXPECT_TRUE(medium->geometry.write_cache);
  EXPECT_EQ(page(0x08), with(caching, 2, 0x04));
  EXPECT_EQ(medium->flushes, 0u);
  EXPECT_EQ(sets(caching), "GOOD");
  EXPECT_FALSE(medium->geometry.write_cache);
  EXPECT_EQ(medium->flushes, 1u);
}

TEST_F(Mode, SelectTakesDescriptorsSeveralPagesAndTenBytes) {
  const std::vector<uint8_t> descriptor = {0, 0, 0x10, 0, 0, 0, 2, 0};
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 8}, descriptor, with(caching, 2, 4), with(control, 2, 4)}))),
            "GOOD");
  EXPECT_EQ(page(0x08)[2], 4);
  EXPECT_EQ(page(0x0a)[2], 4);
  const std::vector<uint8_t> list =
      joined({{0, 0, 0, 0, 1, 0, 0, 16}, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0}, caching, control});
  EXPECT_EQ(end({0x55, 0x10, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(list.size()), 0}, list), "GOOD");
  EXPECT_EQ(page(0x08), caching);
  EXPECT_EQ(page(0x0a), control);
}

TEST_F(Mode, NothingChangedIsNotToldToOthers) {
  NexusState& other = login();
  EXPECT_EQ(sets(control), "GOOD");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0})), "GOOD");
  EXPECT_EQ(end(cdb6(0x15, 0x10)), "GOOD") << "an empty list";
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "GOOD");
}

TEST_F(Mode, RefusedListsChangeNothingAndSayWhere) {
  const std::vector<uint8_t> header = {0, 0, 0, 0};
  EXPECT_EQ(refusal(joined({header, with(control, 4, 0x08), with(caching, 2, 0x05)})),
            "5/26/00 at list 18.0");
  EXPECT_EQ(refusal(joined({header, with(control, 3, 0x00)})), "5/26/00 at list 7.4");
  EXPECT_EQ(refusal(joined({header, with(control, 1, 11)})), "5/26/00 at list 5");
  EXPECT_EQ(refusal(joined({header, with(control, 0, 0x0b)})), "5/26/00 at list 4.5");
  EXPECT_EQ(refusal(joined({header, with(control, 0, 0x4a)})), "5/26/00 at list 4.6");
  EXPECT_EQ(refusal({0, 1, 0, 0}), "5/26/00 at list 1");
  EXPECT_EQ(refusal({0, 0, 0, 4, 0, 0, 0, 0}), "5/26/00 at list 3");
  EXPECT_EQ(refusal(joined({{0, 0, 0, 8}, {0, 0, 0x10, 1, 0, 0, 2, 0}})), "5/26/00 at list 4");
  EXPECT_EQ(refusal(joined({{0, 0, 0, 8}, {0, 0, 0, 0, 0, 0, 0x10, 0}})), "5/26/00 at list 9");
  EXPECT_EQ(page(0x3f), joined({recovery, caching, control, exceptions}));
}

TEST_F(Mode, ListLengthErrors) {
  EXPECT_EQ(ending(*select6({0, 0, 0})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 8, 0})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x0a})), "5/1a/00");
  EXPECT_EQ(ending(*select6({0, 0, 0, 0, 0x0a, 10, 0})), "5/1a/00");
  EXPECT_EQ(end(cdb6(0x15, 0x10, 0, 0, 16), filled(8, 0)), "5/1a/00") << "less than the CDB says";
  EXPECT_EQ(end({0x55, 0x10, 0, 0, 0, 0, 0, 0xff, 0xff, 0}, filled(65535, 0)), "5/1a/00");
}

TEST_F(Mode, PageFormatAndSavePages) {
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 0}, control}), 0x00)), "5/24/00");
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 0}, control}), 0x11)), "5/24/00");
}

TEST_F(Mode, AFailedFlushIsTold) {
  EXPECT_EQ(sets(with(caching, 2, 0x04)), "GOOD");
  target.unit("v").fault = block::Status::device_failed;
  target.unit("v").fault_in = 1;
  EXPECT_EQ(sets(caching), "4/44/00");
}

TEST_F(Mode, ResetGoesBackToDefaults) {
  EXPECT_EQ(ending(*select6(joined({{0, 0, 0, 0}, with(caching, 2, 4), with(control, 4, 8)}))), "GOOD");
  target.manage(*host, TaskManagement::logical_unit_reset, 0);
  target.shards.run();
  EXPECT_EQ(end(cdb6(0x00)), "6/29/03");
  EXPECT_EQ(page(0x08), caching);
  EXPECT_EQ(page(0x0a), control);
}

}  // namespace
}  // namespace ashlar::scsi::test
