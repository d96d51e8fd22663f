#include "storage/helper_message.h"

#include <gtest/gtest.h>

#include "storage/facts_fields.h"

namespace ashlar::storage {
namespace {

TEST(HelperMessage, ARequestComesBackAsItWent) {
  const auto request = parse_request(print_request(
      "create_file", json::encode(CreateArguments{"/srv/a \"b\"\n", "x.img", UINT64_MAX, true})));
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->verb, "create_file");
  const auto arguments = json::decode<CreateArguments>(request->arguments, "", json::Unknown::refuse);
  ASSERT_TRUE(arguments);
  EXPECT_EQ(arguments->folder, "/srv/a \"b\"\n");
  EXPECT_EQ(arguments->bytes, UINT64_MAX);
  EXPECT_TRUE(arguments->allocate);
  EXPECT_EQ(print_request("x", json::Json::object()).find('\n'), std::string::npos);
}

TEST(HelperMessage, AnAnswerComesBackAsItWent) {
  const DeviceFacts device{"/dev/sda", "/dev/disk/by-id/wwn-1", 1ull << 42, 4096, "M", "S", true, "xfs"};
  const auto result = parse_answer(print_answer(json::encode(DeviceList{{device}})));
  ASSERT_TRUE(result) << result.error().text();
  const auto list = json::decode<DeviceList>(*result, "", json::Unknown::refuse);
  ASSERT_TRUE(list) << list.error().text();
  ASSERT_EQ(list->devices.size(), 1u);
  EXPECT_EQ(list->devices[0].size_bytes, 1ull << 42);
  EXPECT_EQ(list->devices[0].holds, "xfs");
  for (uint8_t code = 0; name_of(static_cast<ErrorCode>(code)) != "unknown"; ++code) {
    const Error error{static_cast<ErrorCode>(code), "place", "sentence"};
    const auto told = parse_answer(print_answer(std::unexpected(error)));
    ASSERT_FALSE(told);
    EXPECT_EQ(told.error().text(), error.text());
  }
}

TEST(HelperMessage, WhatIsNoRequestIsRefused) {
  for (const char* line :
       {"", "x", "[]", "7", "{}", R"({"verb": "x"})", R"({"verb": 7, "arguments": {}})",
        R"({"verb": "x", "arguments": []})", R"({"verb": "x", "arguments": {}, "more": 1})",
        R"({"verb": "x", "verb": "y", "arguments": {}})"})
    EXPECT_FALSE(parse_request(line)) << line;
  const std::string deep =
      R"({"verb": "x", "arguments": {"a": )" + std::string(100, '[') + std::string(100, ']') + "}}";
  EXPECT_FALSE(parse_request(deep));
  EXPECT_EQ(
      parse_request(print_request(std::string(max_request_bytes, 'x'), json::Json::object())).error().code,
      ErrorCode::out_of_range);
}

TEST(HelperMessage, WhatIsNoAnswerIsAProtocolError) {
  for (const char* line :
       {"", "x", "[]", "{}", R"({"result": {}, "error": {"code":"busy","place":"","message":""}})",
        R"({"error": {"code": "odd", "place": "", "message": ""}})", R"({"error": {"code": "busy"}})",
        R"({"error": null})", R"({"more": 1})"}) {
    const auto result = parse_answer(line);
    ASSERT_FALSE(result) << line;
    EXPECT_EQ(result.error().code, ErrorCode::protocol_error) << line;
  }
}

}  // namespace
}  // namespace ashlar::storage
