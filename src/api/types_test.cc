// The C++ types against docs/openapi.yaml: names and types of all fields, both ways. A field that is added to one alone fails.
#include <gtest/gtest.h>

#include <algorithm>

#include "api/lists.h"
#include "api/openapi_file_test.h"
#include "api/plan.h"

namespace ashlar::api {
namespace {

/// All fields set that print nothing while they are not.
Host full(Host host) {
  host.chap.emplace();
  host.dhchap.emplace();
  return host;
}
Pool full(Pool pool) {
  pool.chap.emplace();
  pool.dhchap.emplace();
  return pool;
}
Portal full(Portal portal) {
  portal.discovery_chap.emplace();
  return portal;
}
Target full(Target target) {
  target.nvme.emplace();
  return target;
}
Map full(Map map) {
  map.lun = 0;
  return map;
}
Setting full(Setting setting) {
  setting.value = "words";
  return setting;
}
template <typename T>
T full(T value) {
  return value;
}

template <typename T>
Json print(T value) {
  return encode(full(std::move(value)), Secrets::show);
}

/// Of the schema alone: what is told beside the fields.
bool told(const std::string& name, const std::string& schema) {
  return name == "status" || (schema == "Token" && name == "token");
}

void expect_same(const std::string& name, const Json& printed) {
  const Schema* schema = openapi_file().schema(name);
  ASSERT_NE(schema, nullptr) << name;
  const std::map<std::string, Schema> properties = schema->properties();
  for (const auto& [field, value] : printed.items()) {
    const auto property = properties.find(field);
    ASSERT_TRUE(property != properties.end()) << name << "." << field << " is not in docs/openapi.yaml";
    // Its type alone counts here, not its bounds: a default may be too short or none of an enum. Those errors say so.
    const Result<void> fits =
        property->second.check(value, {.direction = Direction::response, .partial = true});
    EXPECT_TRUE(fits || !fits.error().message.starts_with("must be "))
        << name << "." << field << ": " << fits.error().text();
  }
  for (const auto& [property, unused] : properties)
    EXPECT_TRUE(printed.contains(property) || told(property, name))
        << name << "." << property << " is in no C++ type";
}

/// What the schema requires is what the C++ type requires.
template <typename T>
void expect_required(const std::string& name) {
  const Schema& schema = *openapi_file().schema(name);
  const std::vector<std::string> required = schema.required();
  const Json printed = print(T{});
  for (const auto& [field, value] : printed.items()) {
    Json without = printed;
    without.erase(field);
    const Result<T> decoded = decode<T>(without, "", Unknown::refuse);
    EXPECT_EQ(!decoded, std::ranges::find(required, field) != required.end()) << name << "." << field;
  }
}

template <typename T>
void expect_resource(const std::string& name) {
  expect_same(name, print(T{}));
  expect_required<T>(name);
}

TEST(Types, Resources) {
  expect_resource<Pool>("Pool");
  expect_resource<Volume>("Volume");
  expect_resource<Snapshot>("Snapshot");
  expect_resource<Host>("Host");
  expect_resource<HostGroup>("HostGroup");
  expect_resource<Portal>("Portal");
  expect_resource<Target>("Target");
  expect_resource<Map>("Map");
  expect_resource<Group>("Group");
  expect_resource<DeletedVolume>("DeletedVolume");
  expect_resource<User>("User");
  expect_resource<Token>("Token");
  expect_resource<Setting>("Setting");
  expect_resource<AlertRule>("AlertRule");
  expect_resource<AlertChannel>("AlertChannel");
}

TEST(Types, PartsOfResources) {
  expect_resource<Identity>("Identity");
  expect_resource<Layer>("Layer");
  expect_resource<Chap>("Chap");
  expect_resource<Dhchap>("Dhchap");
  expect_resource<Grant>("Grant");
  expect_resource<GroupAccess>("GroupAccess");
}

TEST(Types, Plans) {
  expect_same("PlanStep", print(PlanStep{}));
  expect_same("Difference", print(Difference{}));
  expect_same("Interruption", print(Interruption{}));
  expect_same("Plan", print(Plan{}));
}

TEST(Types, ConfigurationHasEveryKind) {
  expect_same("Configuration", write_configuration({}, Secrets::show));
}

TEST(Types, EveryKindHasItsPathsAndGrants) {
  const OpenApi& api = openapi_file();
  const Schema grants = api.schema("Grant")->properties().at("kind");
  for (const Kind& kind : kinds) {
    EXPECT_TRUE(grants.check(Json(kind.path))) << kind.path;
    const Match all = api.match("GET", fmt::format("/api/v1/{}", kind.path));
    ASSERT_NE(all.operation, nullptr) << kind.path;
    EXPECT_EQ(all.operation->kind, kind.path);
    const Match one = api.match("DELETE", fmt::format("/api/v1/{}/it", kind.path));
    ASSERT_NE(one.operation, nullptr) << kind.path;
    EXPECT_EQ(one.operation->kind, kind.path);
    if (kind.path == "settings" || kind.path == "recycle-bin") continue;
    for (const char* method : {"GET", "PUT", "PATCH"})
      EXPECT_NE(api.match(method, fmt::format("/api/v1/{}/it", kind.path)).operation, nullptr)
          << method << kind.path;
    EXPECT_NE(api.match("POST", fmt::format("/api/v1/{}", kind.path)).operation, nullptr) << kind.path;
  }
}

}  // namespace
}  // namespace ashlar::api
