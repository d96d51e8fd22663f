// Who may do what: every operation of docs/openapi.yaml with every kind of credential, against a judge that reads nothing but
// that file's x-ashlar-role, x-ashlar-kind and x-ashlar-self.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "agent/clock.h"
#include "agent/world_test.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Json;
using api::Operation;
using api::Parameter;

int rank_of(const std::string& role) {
  return role == "admin" ? 3 : role == "operator" ? 2 : role == "viewer" ? 1 : 0;
}

/// What an operation is asked for, so that nothing is changed: dry runs, and names that are not there.
struct Wish {
  std::string path, name;
  Json body;
};

std::string filled(std::string path, const std::string& name) {
  for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{'))
    path.replace(open, path.find('}') - open + 1, name);
  return path;
}

std::string name_for(const Operation& operation) {
  if (operation.kind == "snapshots") return "vol1@none";
  if (operation.kind == "targets") return "iqn.2026-11.io.ashlar:none";
  if (operation.kind == "sessions" || operation.path.find("{number}") != std::string::npos) return "4711";
  if (operation.path.find("{serial}") != std::string::npos) return "abcdef0123";
  return "none1";
}

Json body_for(const Operation& operation, const std::string& name) {
  const std::map<std::string, Json> bodies = {
      {"pools", {{"name", name}, {"kind", "memory"}}},
      {"volumes", {{"name", name}, {"pool", "p0"}, {"size_bytes", 4096}}},
      {"snapshots", {{"name", name}}},
      {"hosts", {{"name", name}}},
      {"host-groups", {{"name", name}}},
      {"portals", {{"name", name}, {"address", "192.0.2.99"}}},
      {"targets", {{"name", name}}},
      {"maps", {{"name", name}, {"volume", "vol1"}, {"target", "iqn.2026-11.io.ashlar:none"}, {"host", "h"}}},
      {"groups", {{"name", name}}},
      {"isns-servers", {{"name", name}, {"address", "192.0.2.53"}}},
      {"users", {{"name", name}}},
      {"tokens", {{"name", name}, {"user", "nobody"}}},
      {"alert-channels", {{"name", name}, {"kind", "syslog"}}},
      {"alert-rules", {{"name", name}, {"metric", "engine_up"}}},
      {"settings", {{"value", "x"}}}};
  const std::map<std::string, Json> others = {{"resizeVolume", {{"size_bytes", 4096}}},
                                              {"cloneSnapshot", {{"name", "vol2"}}},
                                              {"recoverDeletedVolume", Json::object()},
                                              {"setPassword", {{"password", "a long password"}}},
                                              {"confirmTotp", {{"code", "123456"}}},
                                              {"issueCertificate", {{"days", 1}}},
                                              {"applyPlan", Json::object()},
                                              {"discoverTargets", {{"url", "iscsi://192.0.2.7"}}},
                                              {"inspectUnit", {{"urls", {"iscsi://192.0.2.7/iqn.x:a/0"}}}},
                                              {"applyConfiguration", Json::object()},
                                              {"diffConfiguration", Json::object()},
                                              {"login", {{"user", "nobody"}, {"password", "x"}}}};
  if (const auto found = others.find(operation.id); found != others.end()) return found->second;
  if (!operation.body || operation.body->content.contains("text/plain")) return nullptr;
  const auto found = bodies.find(operation.kind);
  return found == bodies.end() ? Json(nullptr) : found->second;
}

http::Request request_for(const ApiWorld& world, const Operation& operation, const Caller& caller,
                          const std::string& name) {
  const bool dry = operation.find_parameter(Parameter::In::query, "dry_run") != nullptr;
  const std::string path = filled(operation.path, name);
  http::Request request = world.request(caller, operation.method, path, body_for(operation, name));
  if (dry) request.query.emplace_back("dry_run", "true");
  if (operation.id == "connectVolume") request.query.emplace_back("host", "h");
  if (operation.id == "getHistory") request.query.emplace_back("series", "none");
  if (operation.id == "importConfiguration") {
    request.query.emplace_back("source", "tgt");
    request.body = "# nothing\n";
    request.headers.emplace_back("Content-Type", "text/plain");
  }
  if (operation.find_parameter(Parameter::In::header, "If-Match") != nullptr)
    request.headers.emplace_back("If-Match", "*");
  return request;
}

enum class Outcome : uint8_t { allowed, unknown, forbidden };

Outcome outcome_of(const Answered& answered) {
  return answered.status == 401   ? Outcome::unknown
         : answered.status == 403 ? Outcome::forbidden
                                  : Outcome::allowed;
}

struct Credential {
  std::string what;
  Caller caller;
  bool counts = true;   ///< false: 401
  std::string role;     ///< of the whole array
  bool scoped = false;  ///< a token that is allowed volumes vol* alone, as operator
  bool no_csrf = false;
};

bool changes(const Operation& operation) { return operation.method != "GET"; }

/// A list is open to whoever may see some of it; the rest needs the role on the very resource.
bool scope_allows(const Operation& operation, const std::string& name) {
  if (operation.kind != "volumes" || rank_of(operation.role) > rank_of("operator")) return false;
  const bool list = operation.path.find('{') == std::string::npos && operation.method == "GET";
  return list || name.starts_with("vol");
}

Outcome judge(const Operation& operation, const Credential& credential, const std::string& name) {
  if (!operation.credentials) return Outcome::allowed;
  if (!credential.counts) return Outcome::unknown;
  if (credential.no_csrf && changes(operation)) return Outcome::forbidden;
  if (rank_of(operation.role) == 0) return Outcome::allowed;
  const bool allowed =
      credential.scoped ? scope_allows(operation, name) : rank_of(credential.role) >= rank_of(operation.role);
  return allowed ? Outcome::allowed : Outcome::forbidden;
}

class AccessMatrix : public testing::Test {
 protected:
  void SetUp() override {
    set_log_level(LogLevel::error);
    world.furnish();
    for (const char* role : {"viewer", "operator", "admin"}) world.add_user(std::string("u-") + role, role);
    world.add_user("ended", "admin");
  }
  void TearDown() override { set_log_level(LogLevel::info); }

  static Caller cookie(const Caller& session, const std::string& csrf) {
    const std::string id = session.headers[0].second.substr(std::string("Bearer ").size());
    Caller caller = ApiWorld::remote({{"Cookie", "theme=dark; ashlar_session=" + id}});
    if (!csrf.empty()) caller.headers.emplace_back("X-CSRF-Token", csrf);
    return caller;
  }
  static Caller certificate(const std::string& subject) {
    Caller caller = ApiWorld::remote();
    caller.peer.certificate_subject = subject;
    return caller;
  }

  std::vector<Credential> credentials() {
    std::vector<Credential> all;
    const auto bad = [&all](std::string what, Caller caller) {
      all.push_back({std::move(what), std::move(caller), false});
    };
    const auto good = [&all](std::string what, Caller caller, std::string role) {
      all.push_back({std::move(what), std::move(caller), true, std::move(role)});
    };
    bad("none", ApiWorld::remote());
    bad("a token that nobody made", ApiWorld::bearer("ashlar_" + std::string(43, 'x')));
    bad("a session that nobody began", ApiWorld::bearer("x"));
    bad("basic", ApiWorld::remote({{"Authorization", "Basic cm9vdDpyb290"}}));
    bad("an empty bearer", ApiWorld::bearer(""));
    for (const std::string role : {"viewer", "operator", "admin"}) {
      good("session of a " + role, world.session("u-" + role), role);
      good("token of a " + role, world.token("t-" + role, "u-" + role, role), role);
      good("admin's token as " + role, world.token("a-" + role, "u-admin", role), role);
    }
    good("viewer's token as admin", world.token("too-much", "u-viewer", "admin"), "viewer");
    const Caller expired = world.token("expired", "u-admin", "admin", {}, rfc3339(world.now + 10));
    const Caller revoked = world.token("revoked", "u-admin", "admin");
    const Caller of_ended = world.token("of-ended", "ended", "admin");
    const Caller session_of_ended = world.session("ended");
    world.must_change([](api::Configuration& next) {
      std::erase_if(next.tokens, [](const api::Token& each) { return each.name == "revoked"; });
      for (api::User& each : next.users) {
        each.disabled = each.name == "ended";
        if (each.name == "u-operator") each.certificate_subjects = {"CN=u-operator,O=Ashlar"};
        if (each.name == "ended") each.certificate_subjects = {"CN=ended,O=Ashlar"};
      }
    });
    world.now += 11;
    bad("an expired token", expired);
    bad("a revoked token", revoked);
    bad("a token of a disabled user", of_ended);
    bad("a session of a disabled user", session_of_ended);
    bad("a disabled user's certificate", certificate("CN=ended,O=Ashlar"));
    bad("a certificate of nobody", certificate("CN=nobody,O=Ashlar"));
    good("an operator's certificate", certificate("CN=u-operator,O=Ashlar"), "operator");
    Caller wrong_beats_right = certificate("CN=u-operator,O=Ashlar");
    wrong_beats_right.headers = {{"Authorization", "Bearer x"}};
    bad("a wrong bearer beside a certificate", wrong_beats_right);
    Caller local = ApiWorld::root();
    good("root on the unix socket", local, "admin");
    local.peer.user_id = 1000;
    bad("another user on the unix socket", local);
    const Caller admin = world.session("u-admin");
    const std::string csrf = world.ask(admin, "GET", "/whoami").body["csrf"];
    good("a cookie with its CSRF token", cookie(admin, csrf), "admin");
    all.push_back({"a cookie alone", cookie(admin, ""), true, "admin", false, true});
    all.push_back(
        {"a cookie with another CSRF token", cookie(admin, csrf + "x"), true, "admin", false, true});
    all.push_back({"a scoped token",
                   world.token("scoped", "u-admin", "admin", {{"volumes", "vol*", "operator"}}), true, "",
                   true});
    world.add_user("granted", "none", {{"volumes", "vol*", "operator"}});
    all.push_back({"a user with a grant", world.session("granted"), true, "", true});
    return all;
  }

  ApiWorld world;
};

TEST_F(AccessMatrix, EveryOperationWithEveryCredential) {
  world.make_certificates();
  std::vector<Credential> all = credentials();
  const uint64_t generation = world.generation();
  size_t cells = 0;
  size_t denied = 0;
  for (const Operation& operation : ApiWorld::api().operations()) {
    if (operation.id == "logout") continue;  // ends what the others need: below
    for (const Credential& credential : all) {
      world.now += 1;  // for the rate limit
      std::vector<std::string> names = {name_for(operation)};
      if (operation.kind == "volumes") names.push_back("vol9");
      for (const std::string& name : names) {
        ++cells;
        const Answered answered = world.ask(request_for(world, operation, credential.caller, name));
        // A login that fails says 401 for reasons of its own.
        if (operation.id == "login") continue;
        const Outcome wanted = judge(operation, credential, name);
        denied += wanted == Outcome::allowed ? 0 : 1;
        EXPECT_EQ(outcome_of(answered), wanted)
            << operation.id << " on " << name << " with " << credential.what << ": " << answered.status << " "
            << answered.text;
        if (wanted == Outcome::unknown) EXPECT_FALSE(answered.header("WWW-Authenticate").empty());
      }
    }
  }
  EXPECT_EQ(world.generation(), generation) << "nothing was changed";
  std::printf("%zu cells, %zu of them denied\n", cells, denied);
  EXPECT_GT(cells, 3000u);
  // Each denial is in the audit log.
  size_t rows = 0;
  for (uint64_t after = 0;;) {
    const auto page = world.database().audit({1000, after, {}});
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const state::AuditRow& each : *page) rows += each.outcome == "401" || each.outcome == "403" ? 1 : 0;
    after = page->back().id;
  }
  EXPECT_GE(rows, denied);
  // Those that must not end a session first.
  std::ranges::partition(all, [](const Credential& each) { return each.no_csrf || !each.counts; });
  for (const Credential& credential : all) {
    const int status = world.ask(credential.caller, "POST", "/logout").status;
    EXPECT_EQ(status, !credential.counts ? 401 : credential.no_csrf ? 403 : 204) << credential.what;
    world.now += 1;
  }
}

TEST_F(AccessMatrix, UsersMayDoSomeThingsToThemselves) {
  const Caller viewer = world.session("u-viewer");
  const auto status = [&](const char* method, const std::string& path, const Json& body = nullptr) {
    return world.ask(viewer, method, path, body).status;
  };
  EXPECT_EQ(status("GET", "/users/u-viewer"), 200);
  EXPECT_EQ(status("GET", "/users/u-admin"), 403);
  EXPECT_EQ(status("GET", "/users"), 403);
  EXPECT_EQ(status("POST", "/users/u-viewer/totp"), 200);
  EXPECT_EQ(status("POST", "/users/u-admin/totp"), 403);
  EXPECT_EQ(status("DELETE", "/users/u-admin/totp"), 403);
  EXPECT_EQ(status("PATCH", "/users/u-viewer", {{"role", "admin"}}), 403);
  EXPECT_EQ(status("DELETE", "/users/u-viewer"), 403);
  EXPECT_EQ(status("POST", "/users/u-viewer/certificate", {{"days", 1}}), 403);
  // The password needs the old one.
  EXPECT_EQ(status("POST", "/users/u-viewer/password", {{"password", "a long password"}}), 403);
  EXPECT_EQ(status("POST", "/users/u-admin/password", {{"password", "a long password"}}), 403);
  const Caller scoped = world.token("self", "u-viewer", "viewer", {{"volumes", "*", "viewer"}});
  EXPECT_EQ(world.ask(scoped, "GET", "/users/u-viewer").status, 403) << "a scope is a scope";
  // A token that got out must not be able to take a second factor away.
  const Caller token = world.token("weak", "u-admin", "viewer");
  EXPECT_EQ(world.ask(token, "DELETE", "/users/u-admin/totp").status, 403);
  EXPECT_EQ(world.ask(token, "POST", "/users/u-admin/totp").status, 403);
}

// A grant on all kinds is not a way to more than the grant.
TEST_F(AccessMatrix, GrantsMakeNobodyAnAdmin) {
  for (const char* role : {"viewer", "operator"}) {
    const std::string name = std::string("grant-") + role;
    world.add_user(name, "none", {{"*", "*", role}});
    const Caller caller = world.session(name);
    const Caller token = world.token("tok-" + name, name, "admin");
    for (const Caller& each : {caller, token}) {
      EXPECT_EQ(world.ask(each, "POST", "/users", {{"name", "eve"}, {"role", "admin"}}).status, 403) << role;
      EXPECT_EQ(world.ask(each, "POST", "/tokens", {{"name", "eve"}, {"user", "u-admin"}, {"role", "admin"}})
                    .status,
                403)
          << role;
      EXPECT_EQ(world.ask(each, "PUT", "/users/eve", {{"name", "eve"}, {"role", "admin"}}).status, 403)
          << role;
      EXPECT_EQ(world.ask(each, "PUT", "/settings/array.name", {{"value", "eves"}}).status, 403) << role;
      EXPECT_EQ(world.ask(each, "POST", "/hosts", {{"name", "h-" + name}}).status,
                rank_of(role) >= 2 && each.headers == caller.headers ? 201
                : rank_of(role) >= 2                                 ? 409
                                                                     : 403);
    }
  }
  EXPECT_EQ(world.configuration().users.size(), 6u);
}

TEST_F(AccessMatrix, ListsShowWhatMayBeSeen) {
  world.must_change([](api::Configuration& next) {
    for (const char* name : {"vol1", "vol2"}) next.volumes.push_back(volume_of(name));
  });
  world.add_user("some", "none", {{"volumes", "vol?", "viewer"}});
  const Caller some = world.session("some");
  const Answered list = world.ask(some, "GET", "/volumes?fields=name");
  EXPECT_EQ(list.body["total"], 2);
  EXPECT_EQ(list.text.find("db1"), std::string::npos);
  EXPECT_EQ(world.ask(some, "GET", "/volumes/vol1").status, 200);
  EXPECT_EQ(world.ask(some, "GET", "/volumes/db1").status, 403);
  EXPECT_EQ(world.ask(some, "GET", "/hosts").status, 403);
  EXPECT_EQ(world.ask(some, "PATCH", "/volumes/vol1", {{"comment", "x"}}).status, 403);
}

}  // namespace
}  // namespace ashlar::agent
