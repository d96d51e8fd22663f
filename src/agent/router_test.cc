// What no operation answers, and what each of them does without the engine and without space.
#include "agent/router.h"

#include <gmock/gmock.h>

#include "agent/router_test.h"

namespace ashlar::agent {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(RouterTest, EveryOperationHasARoute) {
  EXPECT_THAT(world.router().gaps(), IsEmpty());
  EXPECT_GT(ApiWorld::api().operations().size(), 100u);
}

TEST_F(RouterTest, PathsAndMethodsThatAreNotThere) {
  EXPECT_EQ(must(404, "GET", "/nothing").code(), "not_found");
  EXPECT_EQ(must(404, "GET", "/api/v2/volumes").code(), "not_found");
  const Answered method = must(405, "PATCH", "/volumes");
  EXPECT_EQ(method.header("Allow"), "GET, POST");
  EXPECT_EQ(must(405, "BREW", "/volumes").code(), "unsupported");
  EXPECT_EQ(must(200, "HEAD", "/volumes").status, 200);
}

TEST_F(RouterTest, RequestsThatAreNotUnderstood) {
  EXPECT_EQ(must(400, "GET", "/volumes?limit=0").body["field"], "limit");
  EXPECT_EQ(must(400, "GET", "/volumes?limti=1").body["field"], "limti");
  must(400, "POST", "/volumes");
  must(400, "POST", "/volumes", {{"name", "db1"}});
  must(400, "POST", "/volumes", {{"name", "db1"}, {"pool", "p0"}, {"sise_bytes", 1}});
  must(400, "GET", "/volumes", {{"name", "db1"}});
  must(415, "POST", "/volumes", {{"name", "db1"}}, {{"Content-Type", "text/html"}});
  must(400, "PATCH", "/volumes/db1", nullptr, {{"If-Match", "*"}});
  must(400, "GET", "/volumes?filter=x");
  must(400, "GET", "/volumes?cursor=x");
  // A patch cannot take the name away, nor change it.
  world.furnish();
  must(200, "PATCH", "/hosts/web1", {{"name", nullptr}}, {{"If-Match", "*"}});
  EXPECT_EQ(must(422, "PATCH", "/hosts/web1", {{"name", "web2"}}, {{"If-Match", "*"}}).body["field"], "name");
  EXPECT_EQ(must(422, "PUT", "/hosts/web1", {{"name", "web2"}}, {{"If-Match", "*"}}).body["field"], "name");
  // Who means to replace what is not there any more does not make it again.
  EXPECT_EQ(must(412, "PUT", "/hosts/gone", {{"name", "gone"}}, {{"If-Match", "\"0123\""}}).code(), "stale");
  must(201, "PUT", "/hosts/new", {{"name", "new"}});
}

TEST_F(RouterTest, WithoutTheEngine) {
  world.furnish();
  world.engine.set_away(true);
  EXPECT_EQ(must(503, "POST", "/volumes", {{"name", "db2"}, {"pool", "p0"}, {"size_bytes", 4096}}).code(),
            "closed");
  must(503, "GET", "/sessions");
  must(503, "GET", "/stats");
  EXPECT_EQ(must(200, "GET", "/volumes/db1").body["status"]["state"], "unknown");
  EXPECT_EQ(must(200, "GET", "/status").body["health"], "critical");
  EXPECT_THAT(must(200, "GET", "/metrics").text, HasSubstr("ashlar_engine_up 0"));
  must(201, "POST", "/users", {{"name", "carol"}});
  world.engine.set_away(false);
  must(201, "POST", "/volumes", {{"name", "db2"}, {"pool", "p0"}, {"size_bytes", 4096}});
}

TEST_F(RouterTest, WithoutSpace) {
  world.furnish();
  world.pools.set_available(1000);
  EXPECT_EQ(
      must(507, "POST", "/volumes", {{"name", "db2"}, {"pool", "p0"}, {"size_bytes", 4096}, {"thin", false}})
          .code(),
      "no_space");
  world.disk.fail_at(world.disk.calls(), ErrorCode::no_space, 1000);
  EXPECT_EQ(must(507, "POST", "/hosts", {{"name", "web2"}}).code(), "no_space");
  EXPECT_EQ(must(200, "GET", "/hosts").body["total"], 1);
}

}  // namespace
}  // namespace ashlar::agent
