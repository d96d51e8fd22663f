#include "wire/nvme_tcp_pdu.h"

#include <gtest/gtest.h>

#include <vector>

namespace ashlar::wire::nvme {
namespace {

// Layouts are written out as NVMe/TCP 1.0 3.6 draws them, so that encode and decode cannot be wrong together.
TEST(NvmeTcpPdu, InitializationLayout) {
  std::array<uint8_t, most_header_bytes> header;
  header.fill(0xee);
  const Initialization pdu{
      .format = 0x0102, .data_alignment = 3, .header_digest = true, .data_digest = true, .most = 0x11121314};
  pdu.encode(header.data(), PduType::initialize_request);
  std::array<uint8_t, most_header_bytes> expected{};
  const uint8_t front[] = {0, 0, 128, 0, 128, 0, 0, 0, 0x02, 0x01, 3, 3, 0x14, 0x13, 0x12, 0x11};
  std::ranges::copy(front, expected.begin());
  EXPECT_EQ(header, expected);
  EXPECT_EQ(Initialization::decode(expected.data()), pdu);
}

TEST(NvmeTcpPdu, DataTransferLayout) {
  const uint8_t expected[data_header_bytes] = {7,    0x0e, 24,   24,   0x18, 0x10, 0,    0,
                                               0x22, 0x11, 0x44, 0x33, 0x08, 0x07, 0x06, 0x05,
                                               0x00, 0x10, 0x00, 0x00, 0,    0,    0,    0};
  std::array<uint8_t, data_header_bytes> header;
  header.fill(0xee);
  CommonHeader{PduType::controller_data, PduFlag::data_digest | PduFlag::last | PduFlag::success, 24, 24,
               4120}
      .encode(header.data());
  DataTransfer{.command_id = 0x1122, .transfer_tag = 0x3344, .offset = 0x05060708, .length = 4096}.encode(
      header.data());
  EXPECT_TRUE(std::ranges::equal(header, expected));
  EXPECT_EQ(
      DataTransfer::decode(expected),
      (DataTransfer{.command_id = 0x1122, .transfer_tag = 0x3344, .offset = 0x05060708, .length = 4096}));
}

TEST(NvmeTcpPdu, TerminationQuotesTheHeader) {
  std::array<uint8_t, data_header_bytes + most_quoted_bytes> pdu;
  pdu.fill(0xee);
  const std::vector<uint8_t> quoted = {4, 0, 71, 0};
  const Termination termination{FatalError::invalid_header_field, 2};
  EXPECT_EQ(termination.encode(pdu.data(), PduType::controller_termination, quoted), 28u);
  EXPECT_EQ(load_le32(pdu.data() + 4), 28u);
  EXPECT_EQ(pdu[0], 3);
  EXPECT_EQ(pdu[2], 24);
  EXPECT_EQ(Termination::decode(pdu.data()), termination);
  EXPECT_EQ(pdu[26], 71);
  const std::vector<uint8_t> long_header(200, 7);
  EXPECT_EQ(termination.encode(pdu.data(), PduType::controller_termination, long_header), 152u);
}

struct HeaderCase {
  const char* name;
  CommonHeader header;
  bool header_digest, data_digest;
  bool found;
  FatalError error;
  uint32_t offset;
};

class NvmeTcpHeader : public testing::TestWithParam<HeaderCase> {};

TEST_P(NvmeTcpHeader, IsChecked) {
  const HeaderCase& the_case = GetParam();
  const HeaderFault fault =
      check_header(the_case.header, the_case.header_digest, the_case.data_digest, 131072);
  EXPECT_EQ(fault.found, the_case.found);
  if (!the_case.found) return;
  EXPECT_EQ(fault.error, the_case.error);
  EXPECT_EQ(fault.offset, the_case.offset);
}

constexpr auto field = FatalError::invalid_header_field;
constexpr auto command = PduType::command;
INSTANTIATE_TEST_SUITE_P(
    All, NvmeTcpHeader,
    testing::Values(
        HeaderCase{"no_data", {command, 0, 72, 0, 72}, false, false, false, field, 0},
        HeaderCase{"data", {command, 0, 72, 72, 72 + 512}, false, false, false, field, 0},
        HeaderCase{"aligned_data", {command, 0, 72, 128, 128 + 512}, false, false, false, field, 0},
        HeaderCase{"both_digests", {command, 3, 72, 76, 76 + 512 + 4}, true, true, false, field, 0},
        HeaderCase{"no_data_no_digest", {command, 1, 72, 0, 76}, true, true, false, field, 0},
        HeaderCase{"unknown_type", {static_cast<PduType>(0x0a), 0, 24, 0, 24}, false, false, true, field, 0},
        HeaderCase{"digest_not_agreed", {command, 1, 72, 0, 76}, false, false, true, field, 1},
        HeaderCase{"digest_missing", {command, 0, 72, 0, 72}, true, false, true, field, 1},
        HeaderCase{"data_digest_missing", {command, 0, 72, 72, 584}, false, true, true, field, 1},
        HeaderCase{"wrong_header_length", {command, 0, 64, 0, 72}, false, false, true, field, 2},
        HeaderCase{"data_in_header", {command, 0, 72, 68, 584}, false, false, true, field, 3},
        HeaderCase{"data_not_aligned", {command, 0, 72, 73, 585}, false, false, true, field, 3},
        HeaderCase{"shorter_than_header", {command, 0, 72, 0, 71}, false, false, true, field, 4},
        HeaderCase{"empty_data", {command, 0, 72, 76, 76}, false, false, true, field, 4},
        HeaderCase{"only_digest", {command, 2, 72, 72, 76}, false, true, true, field, 4},
        HeaderCase{"host_data_without", {PduType::host_data, 0, 24, 0, 24}, false, false, true, field, 4},
        HeaderCase{"too_much_data",
                   {command, 0, 72, 72, 72 + 131073},
                   false,
                   false,
                   true,
                   FatalError::transfer_limit_exceeded,
                   0},
        HeaderCase{"most_data", {command, 0, 72, 72, 72 + 131072}, false, false, false, field, 0},
        HeaderCase{"all_ones",
                   {static_cast<PduType>(0xff), 0xff, 0xff, 0xff, 0xffffffff},
                   true,
                   true,
                   true,
                   field,
                   0},
        HeaderCase{"huge",
                   {command, 0, 72, 72, 0xffffffff},
                   false,
                   false,
                   true,
                   FatalError::transfer_limit_exceeded,
                   0},
        HeaderCase{
            "termination", {PduType::host_termination, 0, 24, 0, 24 + 72}, true, true, false, field, 0},
        HeaderCase{"termination_quotes_too_much",
                   {PduType::host_termination, 0, 24, 0, 24 + 129},
                   true,
                   true,
                   true,
                   field,
                   4},
        HeaderCase{
            "initialization", {PduType::initialize_request, 0, 128, 0, 128}, false, false, false, field, 0},
        HeaderCase{"long_initialization",
                   {PduType::initialize_request, 0, 128, 0, 129},
                   false,
                   false,
                   true,
                   field,
                   4}),
    [](const auto& info) { return info.param.name; });

TEST(NvmeTcpPdu, DataBytes) {
  EXPECT_EQ(data_bytes_of({command, 3, 72, 76, 76 + 512 + 4}), 512u);
  EXPECT_EQ(data_bytes_of({command, 1, 72, 0, 76}), 0u);
  EXPECT_EQ(data_bytes_of({PduType::host_termination, 0, 24, 0, 96}), 72u);
}

}  // namespace
}  // namespace ashlar::wire::nvme
