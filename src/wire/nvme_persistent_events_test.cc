#include "wire/nvme_persistent_events.h"

#include <gtest/gtest.h>

namespace ashlar::wire::nvme {
namespace {

PersistentLog some_log() {
  PersistentLog log{.milliseconds = 1'796'000'000'000,
                    .power_cycles = 3,
                    .serial = "abc",
                    .model = "Ashlar",
                    .subsystem = "nqn.2026-11.io.example:main",
                    .generation = 9};
  log.events.push_back({.kind = PersistentEventKind::format_start,
                        .milliseconds = 1'795'999'999'999,
                        .data = format_start_data(4, 8, 0x200)});
  log.events.push_back({.kind = PersistentEventKind::timestamp_change,
                        .controller_id = 7,
                        .port_id = 2,
                        .milliseconds = 5,
                        .data = timestamp_change_data(0x0002000000000001, 99)});
  return log;
}

TEST(NvmePersistentEvents, HeaderLayout) {
  std::vector<uint8_t> page = encode(some_log());
  ASSERT_EQ(page.size(), 512u + 24 + 12 + 24 + 16);
  EXPECT_EQ(page[0], 0x0d);
  EXPECT_EQ(load_le32(&page[4]), 2u);
  EXPECT_EQ(load_le64(&page[8]), page.size());
  EXPECT_EQ(page[16], 3);
  EXPECT_EQ(load_le16(&page[18]), 492);  // of 512, behind itself
  EXPECT_EQ(load_le64(&page[20]), 1'796'000'000'000u);
  EXPECT_EQ(load_le64(&page[44]), 3u);
  EXPECT_EQ(load_le16(&page[372]), 9);
  EXPECT_EQ(load_le16(&page[480]), 0x0798);  // 03h, 04h, 07h to 0Ah
  EXPECT_EQ(load_le32(&page[374]), 0u);
  put_request_fields(page, 11, 5);
  EXPECT_EQ(load_le64(&page[28]), 11u);
  EXPECT_EQ(load_le32(&page[374]), 0x50005u);
  put_request_fields(page, 11, std::nullopt);
  EXPECT_EQ(load_le32(&page[374]), 0u);
}

TEST(NvmePersistentEvents, EventLayout) {
  const std::vector<uint8_t> page = encode(some_log());
  const uint8_t* event = &page[512 + 36];
  EXPECT_EQ(event[0], 3);
  EXPECT_EQ(event[1], 1);
  EXPECT_EQ(event[2], 21);
  EXPECT_EQ(event[3], 1);
  EXPECT_EQ(load_le16(event + 4), 7);
  EXPECT_EQ(load_le64(event + 6), 5u);
  EXPECT_EQ(load_le16(event + 14), 2);
  EXPECT_EQ(load_le16(event + 20), 0);
  EXPECT_EQ(load_le16(event + 22), 16);
  EXPECT_EQ(page[512 + 3], 3);  // of no port
  EXPECT_EQ(load_le16(&page[512 + 4]), 0xffff);
}

TEST(NvmePersistentEvents, DataOfEachKind) {
  const auto reset = reset_data({"1", 7, 3, 1000, 2000});
  ASSERT_EQ(reset.size(), 44u);
  EXPECT_EQ(text_of(ConstBytes(reset).first(8)), "1       ");
  EXPECT_EQ(load_le16(&reset[8]), 7);
  EXPECT_EQ(load_le32(&reset[24]), 3u);
  EXPECT_EQ(load_le64(&reset[28]), 1000u);
  EXPECT_EQ(load_le64(&reset[36]), 2000u);
  const auto ended = format_completion_data({.namespace_id = 9,
                                             .remaining_percent = 60,
                                             .incomplete = true,
                                             .error = true,
                                             .outcome = refusal(Status::internal_error)});
  EXPECT_EQ(load_le32(&ended[0]), 9u);
  EXPECT_EQ(ended[4], 60);
  EXPECT_EQ(ended[5], 3);
  EXPECT_EQ(load_le16(&ended[8]), refusal(Status::internal_error).field());
  EXPECT_EQ(ended.size(), 12u);
  EXPECT_EQ(load_le32(&sanitize_start_data(1, 2, 3)[8]), 3u);
  EXPECT_EQ(load_le16(&sanitize_completion_data(0xffff, 1)[2]), 1);
}

TEST(NvmePersistentEvents, WhatIsCutOffIsNotRead) {
  const std::vector<uint8_t> page = encode(some_log());
  EXPECT_EQ(decode_persistent_log(page), some_log());
  for (size_t bytes = 0; bytes < page.size(); ++bytes)
    EXPECT_LT(decode_persistent_log(ConstBytes(page).first(bytes)).events.size(), 2u) << bytes;
}

}  // namespace
}  // namespace ashlar::wire::nvme
