#include <gtest/gtest.h>

#include <string_view>
#include <utility>

#include "agent/router_test.h"
#include "rpc/methods.h"

namespace ashlar::agent {
namespace {

using api::Json;

// What another array does must not look like what this one does.
TEST_F(RouterTest, OtherArrays) {
  world.furnish();
  rpc::InitiatorParams asked;
  Result<Json> answer = Json{{"targets", Json::array()}};
  world.engine.at_elsewhere = [&](std::string_view method, const rpc::InitiatorParams& params) {
    asked = params;
    return method == rpc::method::initiator_discover ? answer : fail(ErrorCode::unsupported, "method", "?");
  };
  const Json body = {{"url", "iscsi://192.0.2.7"},       {"user", "us"},
                     {"secret", "secret of this array"}, {"mutual_user", "them"},
                     {"mutual_secret", "theirs alone"},  {"initiator", "iqn.2026-11.io.ashlar:us"}};
  EXPECT_EQ(must(200, "POST", "/initiator/discover", body).body, *answer);
  EXPECT_EQ(asked.urls, "iscsi://192.0.2.7");
  EXPECT_EQ(asked.user + asked.mutual_user + asked.initiator, "usthemiqn.2026-11.io.ashlar:us");
  EXPECT_EQ(asked.secret + asked.mutual_secret, "secret of this arraytheirs alone");
  const std::pair<Error, int> table[] = {
      {{ErrorCode::permission_denied, "login", "it said no"}, 502},
      {{ErrorCode::closed, "192.0.2.7:3260", "connection refused"}, 502},
      {{ErrorCode::not_found, "login", "no such target"}, 502},
      {{ErrorCode::closed, "engine", "away"}, 503},
      {{ErrorCode::timed_out, "iscsi://192.0.2.7", "no path came up"}, 504},
      {{ErrorCode::exhausted, "", "too many"}, 429},
      {{ErrorCode::invalid_argument, "urls", "is no URL"}, 422},
  };
  for (const auto& [error, status] : table) {
    answer = std::unexpected(error);
    const Answered answered = must(status, "POST", "/initiator/discover", body);
    EXPECT_EQ(answered.code(), name_of(error.code));
    EXPECT_EQ(answered.text.find("secret of this array"), std::string::npos);
    if (status == 422) EXPECT_EQ(answered.body["field"], "url");
  }
  must(501, "POST", "/initiator/inspect",
       {{"urls", {"iscsi://192.0.2.7/iqn.x:a/0", "iscsi://192.0.2.8/iqn.x:a/0"}}});
  EXPECT_EQ(asked.urls, "iscsi://192.0.2.7/iqn.x:a/0 iscsi://192.0.2.8/iqn.x:a/0");
  must(400, "POST", "/initiator/inspect", {{"urls", Json::array()}});
  must(400, "POST", "/initiator/discover", {{"url", "iscsi://192.0.2.7"}, {"password", "x"}});
  world.engine.set_away(true);
  must(503, "POST", "/initiator/discover", body);
  for (const state::AuditRow& row : *world.database().audit({1000, 0, {}}))
    EXPECT_EQ(row.detail.find("secret of this array"), std::string::npos);
}

}  // namespace
}  // namespace ashlar::agent
