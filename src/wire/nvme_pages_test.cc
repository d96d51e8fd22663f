#include <gtest/gtest.h>

#include "wire/nvme_fabrics.h"
#include "wire/nvme_identify.h"
#include "wire/nvme_log.h"
#include "wire/nvme_reservation.h"

namespace ashlar::wire::nvme {
namespace {

TEST(NvmeSubmission, FieldsOfARead) {
  Submission entry;
  entry.set_opcode(2);
  entry.set_fuse(Fuse::second);
  entry.set_command_id(0x1234);
  entry.set_namespace_id(7);
  entry.set_pair(10, 0x1122334455667788);
  entry.set_word(12, 1u << 30 | 7);
  entry.set_data({DataDescriptor::Kind::transport, 0, 4096});
  EXPECT_EQ(entry.bytes[0], 2);
  EXPECT_EQ(entry.bytes[1], 0x42);
  EXPECT_EQ(load_le16(entry.at(2)), 0x1234);
  EXPECT_EQ(load_le64(entry.at(40)), 0x1122334455667788u);
  EXPECT_EQ(entry.bytes[39], 0x5a);
  EXPECT_EQ(block_range(entry).blocks, 8u);
  EXPECT_TRUE(force_unit_access(entry));
  EXPECT_EQ(entry.data().length, 4096u);
  EXPECT_TRUE(entry.takes_data());
  EXPECT_FALSE(entry.sends_data());
}

TEST(NvmeSubmission, UnknownDescriptors) {
  Submission entry;
  EXPECT_EQ(entry.data().kind, DataDescriptor::Kind::unknown);
  entry.bytes[39] = 0x30;
  EXPECT_EQ(entry.data().kind, DataDescriptor::Kind::unknown);
}

TEST(NvmeCompletion, Layout) {
  uint8_t bytes[completion_bytes];
  const Completion completion{.result = 0x0102030405060708,
                              .submission_head = 9,
                              .queue_id = 3,
                              .command_id = 0xabcd,
                              .outcome = refusal(Status::lba_out_of_range)};
  completion.encode(bytes);
  const uint8_t expected[completion_bytes] = {8, 7, 6, 5, 4, 3, 2, 1, 9, 0, 3, 0, 0xcd, 0xab, 0x00, 0x81};
  EXPECT_TRUE(std::ranges::equal(bytes, expected));
  EXPECT_EQ(Completion::decode(bytes), completion);
}

TEST(NvmeConnect, NamesAreChecked) {
  ConnectData data;
  data.subsystem = std::string(223, 'a');
  data.host = "nqn.2014-08.org.nvmexpress:uuid:1";
  auto bytes = data.encode();
  EXPECT_EQ(ConnectData::decode(bytes), data);
  bytes[256 + 223] = 'a';  // 224 bytes
  EXPECT_FALSE(ConnectData::decode(bytes).subsystem.has_value());
  std::fill(bytes.begin() + 512, bytes.begin() + 768, uint8_t{'x'});  // no zero
  EXPECT_FALSE(ConnectData::decode(bytes).host.has_value());
  bytes[512] = 0;
  EXPECT_FALSE(ConnectData::decode(bytes).host.has_value());
}

TEST(NvmeIdentify, ControllerFields) {
  const IdentifyPage page = encode(ControllerIdentity{.serial = "abc",
                                                      .model = "Ashlar",
                                                      .firmware = "1",
                                                      .many_ports = true,
                                                      .most_transfer = 8,
                                                      .controller_id = 0x0102,
                                                      .access_groups = 4,
                                                      .queue_entries = 128,
                                                      .subsystem = "nqn.2026-11.io.ashlar:demo",
                                                      .capsule_data_bytes = 8192});
  EXPECT_EQ(text_of(ConstBytes(page).subspan(4, 20)), "abc                 ");
  EXPECT_EQ(page[76], 0x0b);
  EXPECT_EQ(page[77], 8);
  EXPECT_EQ(load_le32(page.data() + 1792), (64u + 8192u) / 16);
  const ControllerSummary summary = decode_controller(page);
  EXPECT_EQ(summary.controller_id, 0x0102);
  EXPECT_EQ(summary.capsule_data_bytes, 8192u);
  EXPECT_EQ(summary.subsystem, "nqn.2026-11.io.ashlar:demo");
}

TEST(NvmeIdentify, NamespaceFields) {
  NamespaceIdentity identity{
      .blocks = 1000, .used_blocks = 10, .block_shift = 12, .thin = true, .deallocates = true};
  identity.eui64 = {1, 2, 3, 4, 5, 6, 7, 8};
  const IdentifyPage page = encode(identity);
  EXPECT_EQ(load_le64(page.data()), 1000u);
  EXPECT_EQ(load_le64(page.data() + 16), 10u);
  EXPECT_EQ(page[24], 5);
  EXPECT_EQ(page[130], 12);
  EXPECT_EQ(page[120], 1);
  EXPECT_EQ(decode_namespace(page).block_bytes, 4096u);
  const IdentifyPage descriptors = encode_descriptors(identity);
  EXPECT_EQ(descriptors[0], 1);
  EXPECT_EQ(descriptors[1], 8);
  EXPECT_EQ(descriptors[12], 2);
  EXPECT_EQ(descriptors[13], 16);
  EXPECT_EQ(descriptors[32], 3);
  EXPECT_EQ(descriptors[52], 4);
}

TEST(NvmeIdentify, Lists) {
  std::vector<uint32_t> many;
  for (uint32_t i = 1; i <= 1100; ++i) many.push_back(i);
  const IdentifyPage page = encode_namespace_list(many, 50);
  EXPECT_EQ(load_le32(page.data()), 51u);
  EXPECT_EQ(load_le32(page.data() + 4 * 1023), 1074u);
  const IdentifyPage controllers = encode_controller_list({1, 5, 9}, 5);
  EXPECT_EQ(load_le16(controllers.data()), 2);
  EXPECT_EQ(load_le16(controllers.data() + 2), 5);
}

TEST(NvmeLog, AccessGroupsRoundTrip) {
  const std::vector<AccessGroup> groups = {{1, AccessGroupState::optimized, 3, {1, 2}},
                                           {9, AccessGroupState::inaccessible, 4, {9}}};
  EXPECT_EQ(decode_access_groups(encode_access_groups(groups, 5, false)), groups);
  EXPECT_EQ(encode_access_groups(groups, 5, true).size(), 16u + 64u);
}

TEST(NvmeLog, DiscoveryRoundTrip) {
  const std::vector<DiscoveryEntry> entries = {{.kind = DiscoveryEntry::Kind::subsystem,
                                                .address = "192.0.2.1",
                                                .port = 4420,
                                                .port_id = 1,
                                                .subsystem = "nqn.2026-11.io.ashlar:a"},
                                               {.kind = DiscoveryEntry::Kind::this_discovery,
                                                .address = "2001:db8::1",
                                                .port = 8009,
                                                .persistent = true,
                                                .subsystem = std::string(discovery_name)}};
  const std::vector<uint8_t> page = encode_discovery(7, entries);
  EXPECT_EQ(page.size(), 3072u);
  EXPECT_EQ(page[1024], 3);
  EXPECT_EQ(page[1025], 1);
  EXPECT_EQ(page[2049], 2);
  const DiscoveryLog log = decode_discovery(page);
  EXPECT_EQ(log.generation, 7u);
  EXPECT_EQ(log.entries, entries);
  EXPECT_EQ(decode_discovery(ConstBytes(page).first(2048)).entries.size(), 1u);
}

TEST(NvmeLog, TooManyChangedNamespaces) {
  EXPECT_EQ(load_le32(encode_changed_namespaces({3, 4}).data() + 4), 4u);
  EXPECT_EQ(load_le32(encode_changed_namespaces(std::vector<uint32_t>(1025, 1)).data()), every_namespace);
}

TEST(NvmeReservation, ReportLayouts) {
  ReservationReport report{
      .generation = 5, .kind = ReservationKind::write_exclusive, .persists = true, .registrants = {}};
  report.registrants.push_back({.controller_id = 2, .holds = true, .host_id = {1, 2, 3}, .key = 0xaa});
  const std::vector<uint8_t> plain = encode(report, false);
  EXPECT_EQ(plain.size(), 48u);
  EXPECT_EQ(load_le16(plain.data() + 5), 1);
  EXPECT_EQ(plain[24 + 2], 1);
  EXPECT_EQ(load_le64(plain.data() + 24 + 16), 0xaau);
  const std::vector<uint8_t> extended = encode(report, true);
  EXPECT_EQ(extended.size(), 128u);
  EXPECT_EQ(load_le64(extended.data() + 64 + 8), 0xaau);
  EXPECT_EQ(extended[64 + 16], 1);
}

}  // namespace
}  // namespace ashlar::wire::nvme
