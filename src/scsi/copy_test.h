// For tests of third-party copies: a host with several volumes, and parameter lists as a line each.
#pragma once

#include "scsi/host_test.h"
#include "wire/scsi_copy.h"

namespace ashlar::scsi::test {

using List = std::vector<uint8_t>;

struct Segment {
  uint16_t source = 0, destination = 0;
  uint64_t from = 0, to = 0;
  uint16_t blocks = 0;
  uint8_t flags = 0;
};

inline List cscd_of(const FakeMedium& medium) {
  List out(wire::scsi::cscd_bytes);
  out[0] = wire::scsi::identification_cscd;
  out[4] = 1;
  out[5] = 3;
  const ConstBytes naa = medium.identity.naa.bytes();
  out[7] = static_cast<uint8_t>(naa.size());
  std::ranges::copy(naa, out.begin() + 8);
  store_be24(&out[29], medium.geometry.block_bytes);
  return out;
}

inline List segment_list(const std::vector<Segment>& segments) {
  List out;
  for (const Segment& each : segments) {
    uint8_t bytes[28] = {0x02, each.flags, 0, 24};
    store_be16(bytes + 4, each.source);
    store_be16(bytes + 6, each.destination);
    store_be16(bytes + 10, each.blocks);
    store_be64(bytes + 12, each.from);
    store_be64(bytes + 20, each.to);
    out.insert(out.end(), bytes, bytes + 28);
  }
  return out;
}

inline List lid1_list(uint8_t id, const std::vector<List>& cscds, const List& segments, uint8_t flags = 0) {
  List out(wire::scsi::lid1_header_bytes);
  out[0] = id;
  out[1] = flags;
  store_be16(&out[2], static_cast<uint16_t>(cscds.size() * wire::scsi::cscd_bytes));
  store_be32(&out[8], static_cast<uint32_t>(segments.size()));
  for (const List& cscd : cscds) out.insert(out.end(), cscd.begin(), cscd.end());
  out.insert(out.end(), segments.begin(), segments.end());
  return out;
}

inline List lid4_list(uint32_t id, const std::vector<List>& cscds, const List& segments,
                      bool immediate = false) {
  List out(wire::scsi::lid4_header_bytes);
  out[0] = 0x01;
  out[3] = 0x20;
  out[15] = immediate ? 0x01 : 0x00;
  out[16] = 0xff;
  store_be32(&out[20], id);
  store_be16(&out[42], static_cast<uint16_t>(cscds.size() * wire::scsi::cscd_bytes));
  store_be16(&out[44], static_cast<uint16_t>(segments.size()));
  for (const List& cscd : cscds) out.insert(out.end(), cscd.begin(), cscd.end());
  out.insert(out.end(), segments.begin(), segments.end());
  return out;
}

/// THIRD-PARTY COPY OUT or IN with a length at byte 10 and a LIST IDENTIFIER where it is wanted.
inline Cdb copy_cdb(uint8_t opcode, uint8_t action, size_t length, uint32_t list_id = 0, size_t id_at = 2) {
  Cdb cdb(16);
  cdb[0] = opcode;
  cdb[1] = action;
  if (list_id != 0) store_be32(&cdb[id_at], list_id);
  store_be32(&cdb[10], static_cast<uint32_t>(length));
  return cdb;
}

/// Volumes "v" and "w" of 4096 blocks of 512 bytes, "large" of 512 blocks of 4096; a host that maps all, as LUNs 0, 1 and 2.
class CopyTest : public ScsiTest {
 protected:
  explicit CopyTest(uint32_t shards = 1) : ScsiTest(512, shards) {
    w = &target.add_volume("w", 4096);
    large = &target.add_volume("large", 512, 4096);
    for (size_t i = 0; i < medium->data.size(); ++i) medium->data[i] = static_cast<uint8_t>(i / 512 + 1);
    std::ranges::fill(w->data, uint8_t{0xee});
    for (FakeMedium* each : {medium, w}) each->mark(0, each->data.size(), true);
  }
  void SetUp() override { host = &login({{0, "v"}, {1, "w"}, {2, "large"}}); }
  void TearDown() override {
    ScsiTest::TearDown();
    EXPECT_TRUE(w->locks.empty());
  }
  std::unique_ptr<HostTask> copy(NexusState& nexus, const List& list, uint8_t action = 0, uint16_t lun = 0) {
    return run(nexus, copy_cdb(0x83, action, list.size()), list, 0, lun);
  }
  std::string copied(const List& list) { return ending(*copy(*host, list)); }
  /// RECEIVE COPY STATUS(LID1) of the host's LUN 0.
  std::vector<uint8_t> status(uint8_t id) {
    Cdb cdb = copy_cdb(0x84, 0x00, 12);
    cdb[2] = id;
    return data(cdb);
  }
  static std::vector<uint8_t> at(const FakeMedium& from, uint64_t offset, uint64_t length) {
    const auto begin = from.data.begin() + static_cast<std::ptrdiff_t>(offset);
    return {begin, begin + static_cast<std::ptrdiff_t>(length)};
  }
  FakeMedium* w;
  FakeMedium* large;
};

}  // namespace ashlar::scsi::test
