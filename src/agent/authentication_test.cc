// Logins and what stands around them: one-time passwords, second factors, lock-outs, the rate limit, repeats, the audit log; and
// that no secret comes out anywhere.
#include "agent/authentication.h"

#include <archive.h>
#include <archive_entry.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>

#include "agent/first_start.h"
#include "agent/world_test.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Json;
using testing::HasSubstr;

constexpr const char* password = "correct horse battery";

class Authenticated : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::error); }
  void TearDown() override { set_log_level(LogLevel::info); }

  void add_bob() {
    const Answered made =
        world.ask("POST", "/users", {{"name", "bob"}, {"role", "operator"}, {"password", password}});
    ASSERT_EQ(made.status, 201) << made.text;
  }
  Answered login(const std::string& user, const std::string& word, const std::string& totp = "") {
    Json body = {{"user", user}, {"password", word}};
    if (!totp.empty()) body["totp"] = totp;
    return world.ask(ApiWorld::remote(), "POST", "/login", body);
  }
  std::string code_now(const std::string& secret) const { return totp_code(secret, world.now); }
  std::vector<state::AuditRow> audit_rows() {
    auto rows = world.database().audit({10'000, 0, {}});
    EXPECT_TRUE(rows);
    return rows.value_or(std::vector<state::AuditRow>{});
  }

  ApiWorld world;
};

TEST_F(Authenticated, ALoginAndItsEnd) {
  add_bob();
  const Answered in = login("bob", password);
  ASSERT_EQ(in.status, 200);
  EXPECT_EQ(in.body["role"], "operator");
  const Caller bob = ApiWorld::bearer(in.body["session"]);
  EXPECT_EQ(world.ask(bob, "GET", "/volumes").status, 200);
  EXPECT_EQ(world.ask(bob, "POST", "/logout").status, 204);
  EXPECT_EQ(world.ask(bob, "GET", "/volumes").status, 401);
  // Unused for half an hour.
  const Caller idle = world.session("bob");
  world.now += 29 * 60;
  EXPECT_EQ(world.ask(idle, "GET", "/volumes").status, 200);
  world.now += 31 * 60;
  EXPECT_EQ(world.ask(idle, "GET", "/volumes").status, 401);
  // The user goes, and takes the logins along; so does a new password that somebody else sets.
  const Caller other = world.session("bob");
  EXPECT_EQ(world.ask("POST", "/users/bob/password", {{"password", "another good password"}}).status, 204);
  EXPECT_EQ(world.ask(other, "GET", "/volumes").status, 401);
  const Caller last = world.session("bob");
  EXPECT_EQ(world.ask("DELETE", "/users/bob?dry_run=true").status, 200);
  EXPECT_EQ(world.ask(last, "GET", "/volumes").status, 200);
  EXPECT_EQ(world.ask("DELETE", "/users/bob").status, 200);
  EXPECT_EQ(world.ask(last, "GET", "/volumes").status, 401);
}

TEST_F(Authenticated, WrongOnesAreToldApartByNobody) {
  add_bob();
  world.must_change([](api::Configuration& next) {
    next.users.push_back({.name = "directory", .source = "ldap"});
    next.users.push_back({.name = "nopassword"});
  });
  const std::string wrong = login("bob", "wrong").body["detail"];
  for (const char* user : {"nobody", "nopassword"})
    EXPECT_EQ(login(user, "wrong").body["detail"], wrong) << user;
  EXPECT_EQ(login("directory", "wrong").status, 401);
  ASSERT_EQ(world.ask("PATCH", "/users/bob", {{"disabled", true}}, {{"If-Match", "*"}}).status, 200);
  const Answered disabled = login("bob", password);
  EXPECT_EQ(disabled.status, 401);
  EXPECT_EQ(disabled.body["detail"], wrong);
}

TEST_F(Authenticated, GuessingGetsSlow) {
  add_bob();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(login("bob", "wrong").status, 401);
  const Answered locked = login("bob", password);
  EXPECT_EQ(locked.status, 429);
  EXPECT_FALSE(locked.header("Retry-After").empty());
  EXPECT_THAT(world.ask("GET", "/alerts").text, HasSubstr("login_lockout"));
  world.now += std::atoi(locked.header("Retry-After").c_str()) + 1;
  EXPECT_EQ(login("bob", password).status, 200);
}

TEST_F(Authenticated, TheFirstPasswordCountsOnce) {
  const std::string file = world.folder() + "/first-password";
  ASSERT_TRUE(make_first_configuration(world.array(), file));
  std::string word;
  std::getline(std::ifstream(file), word);
  ASSERT_GT(word.size(), 12u);
  // Two at the same time: one comes too late.
  auto first = std::async(std::launch::async, [&] { return login("admin", word); });
  const Answered second = login("admin", word);
  const Answered other = first.get();
  EXPECT_EQ((second.status == 200) + (other.status == 200), 1) << second.status << " " << other.status;
  EXPECT_EQ(login("admin", word).status, 401);
  const Caller admin = ApiWorld::bearer((second.status == 200 ? second : other).body["session"]);
  EXPECT_EQ(world.ask(admin, "POST", "/users/admin/password", {{"password", "one of my own 123"}}).status,
            204);
  EXPECT_EQ(login("admin", "one of my own 123").status, 200);
  EXPECT_EQ(login("admin", "one of my own 123").status, 200) << "a password that was set counts for ever";
  ASSERT_TRUE(make_first_configuration(world.array(), file)) << "nothing: there is a user";
  EXPECT_EQ(world.configuration().users.size(), 1u);
}

TEST_F(Authenticated, ASecondFactor) {
  add_bob();
  const Caller bob = world.session("bob");
  const std::string secret = world.ask(bob, "POST", "/users/bob/totp").body["secret"];
  EXPECT_EQ(login("bob", password).status, 200) << "it does not count before it is confirmed";
  EXPECT_EQ(world.ask(bob, "POST", "/users/bob/totp/confirm", {{"code", code_now(secret)}}).status, 204);
  EXPECT_EQ(world.ask(bob, "GET", "/users/bob").body["totp_secret"], "(redacted)");
  const Answered asked = login("bob", password);
  EXPECT_EQ(asked.status, 401);
  EXPECT_EQ(asked.body["field"], "totp");
  EXPECT_EQ(login("bob", password, code_now(secret)).status, 401) << "the code of the enrolment was used";
  world.now += 30;
  EXPECT_EQ(login("bob", "wrong", code_now(secret)).status, 401);
  EXPECT_EQ(login("bob", password, code_now(secret)).status, 200);
  EXPECT_EQ(login("bob", password, code_now(secret)).status, 401) << "a code counts once";
  world.now += 30;
  const std::string wrong = code_now(secret) == "000000" ? "000001" : "000000";
  EXPECT_EQ(login("bob", password, wrong).status, 401);
  EXPECT_EQ(world.ask(bob, "DELETE", "/users/bob/totp").status, 204);
  EXPECT_EQ(login("bob", password).status, 200);
}

TEST_F(Authenticated, TooManyRequests) {
  const auto health = [&](const char* address) {
    Caller caller = ApiWorld::remote();
    caller.peer.address = address;
    return world.ask(caller, "GET", "/health").status;
  };
  int allowed = 0;
  while (health("192.0.2.7") == 200) ASSERT_LT(++allowed, 1000);
  EXPECT_EQ(allowed, 400) << "two seconds' worth";
  const Answered refused = world.ask(ApiWorld::remote(), "GET", "/health");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.header("Retry-After"), "1");
  EXPECT_EQ(health("192.0.2.8"), 200) << "others are not held up";
  EXPECT_EQ(world.ask("GET", "/health").status, 200) << "nor is this machine itself";
  world.now += 1;
  EXPECT_EQ(health("192.0.2.7"), 200);
  // As many as the setting says, from now on.
  ASSERT_EQ(world.ask("PUT", "/settings/api.requests_per_second", {{"value", 2}}).status, 200);
  for (allowed = 0; health("192.0.2.9") == 200; ++allowed) ASSERT_LT(allowed, 1000);
  EXPECT_EQ(allowed, 4);
  ASSERT_EQ(world.ask("DELETE", "/settings/api.requests_per_second").status, 200);
  // One user from many addresses.
  world.add_user("bob", "viewer");
  Caller bob = world.session("bob");
  allowed = 0;
  do {
    bob.peer.address = fmt::format("198.51.100.{}", allowed / 10);
    ASSERT_LT(++allowed, 1000);
  } while (world.ask(bob, "GET", "/whoami").status == 200);
  EXPECT_EQ(allowed, 401);
}

TEST_F(Authenticated, AKeyMakesAChangeOnce) {
  world.furnish();
  const http::Headers key = {{"Idempotency-Key", "k1"}};
  const Json body = {{"name", "db2"}, {"pool", "p0"}, {"size_bytes", 4096}};
  const Answered first = world.ask("POST", "/volumes", body, key);
  ASSERT_EQ(first.status, 201);
  const Answered again = world.ask("POST", "/volumes", body, key);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.text, first.text);
  EXPECT_EQ(again.header("Location"), first.header("Location"));
  EXPECT_EQ(again.header("ETag"), first.header("ETag"));
  EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
  EXPECT_EQ(
      world.ask("POST", "/volumes", {{"name", "db3"}, {"pool", "p0"}, {"size_bytes", 4096}}, key).status,
      422);
  EXPECT_EQ(world.ask("POST", "/volumes?force=true", body, key).status, 422);
  EXPECT_EQ(world.ask("POST", "/volumes?dry_run=true", body, key).status, 409) << "a dry run changes nothing";
  // Another user's key is another key.
  world.add_user("bob", "operator");
  Caller bob = world.session("bob");
  bob.headers.emplace_back("Idempotency-Key", "k1");
  EXPECT_EQ(world.ask(bob, "POST", "/volumes", body).status, 409);
  // A refusal for good is kept, one for now is not.
  const http::Headers away = {{"Idempotency-Key", "k2"}};
  world.engine.set_away(true);
  const Json other = {{"name", "db4"}, {"pool", "p0"}, {"size_bytes", 4096}};
  EXPECT_EQ(world.ask("POST", "/volumes", other, away).status, 503);
  world.engine.set_away(false);
  EXPECT_EQ(world.ask("POST", "/volumes", other, away).status, 201);
  // For a day.
  world.now += 24 * 3600 + 1;
  EXPECT_EQ(world.ask("POST", "/volumes", body, key).status, 409);
}

TEST_F(Authenticated, TwoWithOneKeyAtTheSameTime) {
  world.furnish();
  std::promise<void> entered, go_on;
  std::atomic<bool> once = false;
  world.engine.at_apply = [&] {
    if (once.exchange(true)) return;
    entered.set_value();
    go_on.get_future().wait();
  };
  const http::Request request = [&] {
    http::Request made = world.request(ApiWorld::root(), "POST", "/volumes",
                                       {{"name", "db2"}, {"pool", "p0"}, {"size_bytes", 4096}});
    made.headers.emplace_back("Idempotency-Key", "k1");
    return made;
  }();
  auto first = std::async(std::launch::async, [&] { return world.router().handle(request); });
  entered.get_future().wait();
  EXPECT_EQ(world.ask(request).status, 409);
  go_on.set_value();
  EXPECT_EQ(first.get().status, 201);
  EXPECT_EQ(world.ask(request).status, 201);
}

TEST_F(Authenticated, ATokenIsToldOnceAndToNoDisk) {
  world.add_user("bob", "viewer");
  const http::Headers headers = {{"Idempotency-Key", "k1"}, {"Prefer", "respond-async"}};
  const Answered made = world.ask("POST", "/tokens", {{"name", "t"}, {"user", "bob"}}, headers);
  ASSERT_EQ(made.status, 201) << made.text;
  const std::string token = made.body["token"];
  EXPECT_EQ(world.ask(ApiWorld::bearer(token), "GET", "/whoami").body["credential"], "token t");
  EXPECT_EQ(world.ask("POST", "/tokens", {{"name", "t"}, {"user", "bob"}}, headers).text, made.text);
  EXPECT_EQ(world.ask("GET", "/tokens/t").text.find(token), std::string::npos);
  for (const char* name : {"/state.db", "/state.db-wal"}) {
    std::ifstream file(world.folder() + name, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    EXPECT_EQ(bytes.find(token), std::string::npos) << name;
  }
  world.now += 24 * 3600 + 1;
  EXPECT_EQ(world.ask("POST", "/tokens", {{"name", "t"}, {"user", "bob"}}, headers).status, 409);
}

TEST_F(Authenticated, TheAuditLogTellsWhoDidWhat) {
  add_bob();
  const Caller bob = world.session("bob");
  world.ask(bob, "POST", "/hosts", {{"name", "web1"}});
  world.ask(bob, "POST", "/hosts", {{"name", "web1"}});
  world.ask(bob, "GET", "/users");
  world.ask(bob, "GET", "/hosts");
  world.ask(ApiWorld::remote(), "GET", "/hosts");
  login("bob", password);
  login("bob", "wrong");
  std::vector<std::string> rows;
  for (const state::AuditRow& each : audit_rows())
    rows.push_back(
        fmt::format("{} {} {} {} {}", each.actor, each.address, each.method, each.path, each.outcome));
  EXPECT_THAT(rows, testing::ElementsAre(
                        "root unix socket POST /api/v1/users 201", "bob 192.0.2.7 POST /api/v1/hosts 201",
                        "bob 192.0.2.7 POST /api/v1/hosts 409", "bob 192.0.2.7 GET /api/v1/users 403",
                        "unknown 192.0.2.7 GET /api/v1/hosts 401", "bob 192.0.2.7 POST /api/v1/login 200",
                        "unknown 192.0.2.7 POST /api/v1/login 401"));
  EXPECT_EQ(*world.database().verify_audit(), 0u);
}

std::string unpacked(const std::string& file) {
  archive* reader = archive_read_new();
  archive_read_support_filter_gzip(reader);
  archive_read_support_format_tar(reader);
  EXPECT_EQ(archive_read_open_filename(reader, file.c_str(), 65536), ARCHIVE_OK);
  std::string all;
  archive_entry* entry = nullptr;
  while (archive_read_next_header(reader, &entry) == ARCHIVE_OK) {
    all += archive_entry_pathname(entry);
    char bytes[65536];
    for (la_ssize_t got = 0; (got = archive_read_data(reader, bytes, sizeof bytes)) > 0;)
      all.append(bytes, static_cast<size_t>(got));
  }
  archive_read_free(reader);
  return all;
}

/// Secrets are put everywhere one can go, rightly and wrongly; then all that ever came out is searched.
class Secrets : public Authenticated {
 protected:
  void plant() {
    world.furnish();
    const auto say = [this](const char* method, const std::string& target, const Json& body) {
      return world.ask(method, target, body,
                       {{"If-Match", "*"}, {"Idempotency-Key", fmt::format("k{}", ++keys_)}});
    };
    const Json chap = {{"user", "u"},
                       {"secret", "planted-chap-one"},
                       {"mutual_user", "m"},
                       {"mutual_secret", "planted-chap-two"}};
    EXPECT_EQ(say("POST", "/hosts", {{"name", "h"}, {"chap", chap}}).status, 201);
    EXPECT_EQ(say("POST", "/hosts?dry_run=true", {{"name", "i"}, {"chap", chap}}).status, 200);
    EXPECT_EQ(say("POST", "/hosts", {{"name", "h"}, {"chap", chap}}).status, 409);
    EXPECT_EQ(say("POST", "/users", {{"name", "u"}, {"password", "planted-password"}}).status, 201);
    EXPECT_EQ(say("POST", "/users/u/password", {{"password", "planted-password-2"}}).status, 204);
    EXPECT_EQ(say("POST", "/alert-channels",
                  {{"name", "c"},
                   {"kind", "webhook"},
                   {"secret", "planted-channel"},
                   {"options", {{"url", "https://127.0.0.1:1/"}}}})
                  .status,
              201);
    EXPECT_EQ(say("PUT", "/configuration", {{"hosts", {{{"name", "j"}, {"chap", chap}}}}}).status, 200);
    // Wrongly: of the wrong type, too short, not JSON, in the wrong place.
    say("POST", "/hosts", {{"name", "k"}, {"chap", {{"user", "u"}, {"secret", "planted-sht"}}}});
    say("POST", "/hosts", {{"name", "k"}, {"chap", {{"user", "u"}, {"secret", {"planted-in-a-list"}}}}});
    say("POST", "/hosts", {{"name", "k"}, {"chap", {{"user", "u"}, {"secret", 4711424242}}}});
    say("POST", "/hosts", {{"name", "k"}, {"chap", {{"user", "u"}, {"secrte", "planted-misspelt"}}}});
    say("POST", "/users", {{"name", "l"}, {"password", std::string(300, 'x') + "planted-long"}});
    say("POST", "/users", {{"name", "planted"}, {"password", "planted"}});
    say("POST", "/login", {{"user", "u"}, {"password", "planted-guess"}});
    say("POST", "/login", {{"user", "u"}, {"password", {{"planted-object", 1}}}});
    say("POST", "/users/u/totp/confirm", {{"code", "471142"}});
    http::Request broken = world.request(ApiWorld::root(), "POST", "/login");
    broken.headers = {{"Content-Type", "application/json"}};
    broken.body = R"({"user":"u","password":"planted-broken)";
    world.ask(broken);
    broken.body = R"({"user":"u","password":planted-unquoted})";
    world.ask(broken);
    Caller bad = ApiWorld::bearer("planted-bearer");
    world.ask(bad, "GET", "/volumes");
  }
  void read_everything() {
    for (const api::Operation& each : ApiWorld::api().operations()) {
      const bool plain = each.method == "GET" && each.path.find('{') == std::string::npos;
      if (plain && each.id != "getOpenApiJson")
        world.ask("GET", each.path + (each.id == "getHistory" ? "?series=x" : ""));
    }
    for (const char* path : {"/hosts/h", "/users/u", "/alert-channels/c", "/configuration?format=yaml",
                             "/configuration?format=toml", "/generations/1/diff", "/generations/2",
                             "/generations/3", "/audit?format=csv", "/events?limit=1000"})
      EXPECT_EQ(world.ask("GET", path).status, 200) << path;
    const std::string job = world.ask("POST", "/support-bundle").body["id"];
    EXPECT_EQ(world.ask("GET", "/jobs/" + job + "?wait=30").body["state"], "succeeded");
  }
  int keys_ = 0;
};

TEST_F(Secrets, ComeOutNowhere) {
  plant();
  read_everything();
  std::map<std::string, std::string> places = {{"answers", world.everything_said()},
                                               {"the bundle", unpacked(world.folder() + "/support.tar.gz")}};
  for (const char* name : {"/state.db", "/state.db-wal"}) {
    std::ifstream file(world.folder() + name, std::ios::binary);
    places[name].assign((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  }
  for (const auto& [path, entry] : world.disk.view()) {
    if (!path.starts_with("./secrets")) places[path] = entry.bytes;
  }
  EXPECT_GT(places["the bundle"].size(), 1000u);
  EXPECT_GT(places["/state.db"].size() + places["/state.db-wal"].size(), 10000u);
  for (const auto& [place, text] : places) {
    for (const char* each : {"planted-chap-one", "planted-chap-two", "planted-password", "planted-password-2",
                             "planted-channel", "planted-sht", "planted-in-a-list", "4711424242",
                             "planted-misspelt", "planted-long", "planted-guess", "planted-object", "471142",
                             "planted-broken", "planted-unquoted", "planted-bearer", "argon2", chap_secret}) {
      const size_t at = text.find(each);
      EXPECT_EQ(at, std::string::npos)
          << each << " stands in " << place << ": " << text.substr(at < 100 ? 0 : at - 100, 300);
    }
    // References of secrets are nobody's business either, but for the configuration's own files.
    if (!place.starts_with("./config")) {
      for (const std::string& each : world.kept_secrets())
        EXPECT_EQ(text.find(each), std::string::npos) << each << " stands in " << place;
    }
  }
}

}  // namespace
}  // namespace ashlar::agent
