#include "rpc/messages.h"

#include <gtest/gtest.h>

#include "rpc/events.h"
#include "rpc/methods.h"
#include "rpc/status_fields.h"

namespace ashlar::rpc {
namespace {

TEST(Messages, RequestComesBackAsItWent) {
  Json params = Json::object();
  params["name"] = "demo";
  params["size"] = "2GiB";
  const auto request = parse_request(print_request(7, method::volume_resize, params));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->id, 7);
  EXPECT_TRUE(request->wants_answer);
  EXPECT_EQ(request->method, "volume.resize");
  const auto decoded = decode<VolumeResizeParams>(request->params, "", Unknown::refuse);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->size_bytes, 2ull << 30);
}

TEST(Messages, BadRequestsHaveTheCodesOfTheStandard) {
  const std::pair<const char*, int> table[] = {
      {"", parse_error},
      {"{", parse_error},
      {"{\"a\": 1, \"a\": 2}", parse_error},
      {"[]", invalid_request},
      {"7", invalid_request},
      {R"({"jsonrpc":"2.0","id":1})", invalid_request},
      {R"({"jsonrpc":"1.0","id":1,"method":"status"})", invalid_request},
      {R"({"jsonrpc":"2.0","id":[1],"method":"status"})", invalid_request},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", invalid_request},
      {R"({"jsonrpc":"2.0","id":1,"method":"status","params":[1]})", invalid_params},
  };
  for (const auto& [line, code] : table) {
    const auto request = parse_request(line);
    ASSERT_FALSE(request) << line;
    EXPECT_EQ(request.error().code, code) << line;
    EXPECT_FALSE(request.error().error.message.empty()) << line;
  }
}

TEST(Messages, TheIdOfABadRequestIsKept) {
  const auto request = parse_request(R"({"jsonrpc":"2.0","id":"seven","params":{}})");
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().id, "seven");
}

TEST(Messages, WithoutIdNoAnswerIsWanted) {
  const auto request = parse_request(R"({"jsonrpc":"2.0","method":"status"})");
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->wants_answer);
  EXPECT_TRUE(request->params.is_object());
}

TEST(Messages, EveryErrorCodeTravels) {
  for (uint8_t number = 0; number <= static_cast<uint8_t>(ErrorCode::closed); ++number) {
    const Error error{static_cast<ErrorCode>(number), "volumes[0].name", "a \"quoted\" reason"};
    const std::string line = print_error(Json(3), error);
    EXPECT_EQ(line.back(), '\n');
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto response = parse_response(line);
    ASSERT_TRUE(response);
    ASSERT_FALSE(response->result);
    EXPECT_EQ(response->id, 3u);
    EXPECT_EQ(response->result.error().code, error.code);
    EXPECT_EQ(response->result.error().place, error.place);
    EXPECT_EQ(response->result.error().message, error.message);
    EXPECT_EQ(parse_json(line)->at("error").at("code"), server_error - number);
  }
}

TEST(Messages, NotificationsAreTold) {
  const Event event{
      12, "2026-11-20T19:25:04.123Z", "session.login", {{"initiator", "iqn.2026-11.io.ashlar:h"}}};
  const auto response = parse_response(print_notification(method::event_notification, encode(event)));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->method, "event");
  EXPECT_EQ(*decode<Event>(response->params, "", Unknown::refuse), event);
}

TEST(Messages, AnswersThatAreNoneAreErrors) {
  EXPECT_FALSE(parse_response("[]"));
  EXPECT_FALSE(parse_response("{}"));
  EXPECT_FALSE(parse_response("nonsense"));
}

TEST(Messages, OddBytesDoNotBreakTheAnswer) {
  Json result = Json::object();
  result["initiator"] = std::string("\xff\xfe host");
  EXPECT_TRUE(parse_response(print_result(Json(1), result)));
}

TEST(Json, BoundsHold) {
  EXPECT_TRUE(parse_json(std::string(max_json_depth, '[') + std::string(max_json_depth, ']')));
  EXPECT_FALSE(parse_json(std::string(max_json_depth + 1, '[') + std::string(max_json_depth + 1, ']')));
  EXPECT_FALSE(parse_json(std::string(1'000'000, '[')));
  std::string members;
  for (size_t i = 0; i <= max_object_members; ++i)
    members += fmt::format("{}\"k{}\":1", i == 0 ? "" : ",", i);
  EXPECT_FALSE(parse_json("{" + members + "}"));
  EXPECT_FALSE(parse_json(std::string(max_json_bytes + 1, ' ')));
}

TEST(Json, ErrorsNameLineAndColumn) {
  const auto parsed = parse_json("{\n  \"a\": 1,\n  \"b\": oops\n}");
  ASSERT_FALSE(parsed);
  EXPECT_TRUE(parsed.error().place.starts_with("line 3, column 8")) << parsed.error().text();
}

TEST(Status, SurvivesTheWire) {
  EngineStatus status;
  status.version = "0.1.0";
  status.state = "serving";
  status.volumes.push_back({.name = "demo",
                            .state = "online",
                            .size_bytes = 1ull << 30,
                            .store = {"file", {{"path", "/srv/demo"}}}});
  status.portals.push_back({.name = "p", .address = "::1", .port = 3260, .listening = true});
  status.targets.push_back({.name = "iqn.2026-11.io.ashlar:demo", .portals = {"p"}, .sessions = 2});
  status.hosts.push_back({.name = "h", .any = true, .authentication = "none"});
  const auto back = decode<EngineStatus>(*parse_json(print_json(encode(status))), "", Unknown::refuse);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, status);
}

TEST(Status, ANewerEngineMayTellMore) {
  const Json json = *parse_json(R"({"engine":"9.0.0","protocol":1,"colour":"blue"})");
  EXPECT_TRUE(decode<Version>(json, "", Unknown::overlook));
  EXPECT_FALSE(decode<Version>(json, "", Unknown::refuse));
}

TEST(Events, Time) {
  EXPECT_EQ(event_time(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(event_time(1'795'202'704'123'999'999), "2026-11-20T19:25:04.123Z");
}

}  // namespace
}  // namespace ashlar::rpc
