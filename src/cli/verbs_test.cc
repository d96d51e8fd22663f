// Verbs of single nouns: what they ask the agent.
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "cli/fake_world_test.h"

namespace ashlar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class Verbs : public CliTest {};

TEST_F(Verbs, ResizeTakesSizesAsPeopleWriteThem) {
  api_->answers("GET /volumes/v", 200, R"({"name":"v","size_bytes":1073741824})", {{"ETag", "\"5\""}});
  api_->answers("POST /volumes/v/resize", 200, R"({"name":"v"})");
  ASSERT_EQ(ashlar({"volume", "resize", "v", "+10GiB"}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"size_bytes":11811160064,"shrink":false})");
  EXPECT_EQ(last().header("If-Match"), "\"5\"");
  EXPECT_EQ(talk_, "volume v has 11 GiB\n");
  EXPECT_EQ(ashlar({"volume", "resize", "v", "512MiB", "--shrink"}), exit_ok);
  EXPECT_EQ(last().body, R"({"size_bytes":536870912,"shrink":true})");
  EXPECT_EQ(ashlar({"volume", "resize", "v", "2G"}), exit_usage);
  EXPECT_EQ(ashlar({"volume", "resize", "v", "+17000000TiB"}), exit_usage);
}

TEST_F(Verbs, MediaGoInAndOut) {
  api_->answers("POST /volumes/cd0/insert", 200, R"({"name":"cd0","medium":"a.iso"})");
  api_->answers("POST /volumes/cd0/eject", 200, R"({"name":"cd0"})");
  api_->answers("POST /volumes", 201, R"({"name":"cd0"})");
  ASSERT_EQ(ashlar({"volume", "insert", "cd0", "a.iso"}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"medium":"a.iso"})");
  EXPECT_EQ(talk_, "a.iso is in drive cd0\n");
  ASSERT_EQ(ashlar({"volume", "eject", "cd0", "--force"}), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/volumes/cd0/eject?force=true");
  EXPECT_EQ(talk_, "drive cd0 is empty\n");
  EXPECT_EQ(ashlar({"volume", "insert", "cd0"}), exit_usage);
  ASSERT_EQ(ashlar({"volume", "create", "cd0", "--pool", "iso", "--kind", "cdrom", "--medium", "a.iso"}),
            exit_ok);
  EXPECT_EQ(last().body, R"({"name":"cd0","pool":"iso","kind":"cdrom","medium":"a.iso"})");
}

TEST_F(Verbs, CloneOfAVolumeFreezesItFirst) {
  api_->answers("POST /snapshots", 201, "{}");
  api_->answers("POST /snapshots/v%40for-w/clone", 201, "{}");
  ASSERT_EQ(ashlar({"volume", "clone", "v", "w", "--description", "x"}), exit_ok) << talk_;
  ASSERT_EQ(api_->requests.size(), 4u);
  EXPECT_EQ(api_->requests[1].body, R"({"name":"v@for-w","volume":"v"})");
  EXPECT_EQ(last().body, R"({"name":"w","comment":"x"})");
  api_->answers("POST /snapshots/v%40s/clone", 201, "{}");
  EXPECT_EQ(ashlar({"volume", "clone", "v@s", "w"}), exit_ok);
  EXPECT_EQ(api_->requests.size(), 2u);
  EXPECT_EQ(ashlar({"snapshot", "clone", "v@s", "w"}), exit_ok);
}

TEST_F(Verbs, TheRecycleBinIsKnownByTheVolume) {
  api_->answers("GET /recycle-bin", 200,
                R"({"items":[{"name":"v.11111111","volume":{"name":"v"}},{"name":"w.2","volume":{"name":"w"}},
                             {"name":"w.3","volume":{"name":"w"}}]})");
  api_->answers("POST /recycle-bin/v.11111111/recover", 200, "{}");
  api_->answers("DELETE /recycle-bin/w.3", 200, "{}");
  EXPECT_EQ(ashlar({"volume", "deleted", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "v.11111111\nw.2\nw.3\n");
  EXPECT_EQ(ashlar({"volume", "recover", "v", "--name", "v2"}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"name":"v2"})");
  EXPECT_EQ(ashlar({"volume", "purge", "w", "-y"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("w.2, w.3"));
  EXPECT_EQ(ashlar({"volume", "purge", "w.3", "-y"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/recycle-bin/w.3");
  EXPECT_EQ(ashlar({"volume", "recover", "x"}), exit_not_found);
  EXPECT_EQ(ashlar({"volume", "purge", "w.3"}), exit_usage) << "not without -y";
}

TEST_F(Verbs, RestoreAndRollbackAsk) {
  api_->answers("POST /snapshots/v%40s/restore", 200, "{}");
  api_->answers("POST /generations/7/rollback", 200, "{}");
  EXPECT_EQ(ashlar({"snapshot", "restore", "v@s"}), exit_usage);
  EXPECT_EQ(ashlar({"snapshot", "restore", "v@s", "-y"}), exit_ok);
  EXPECT_EQ(ashlar({"generation", "rollback", "7"}), exit_usage);
  EXPECT_EQ(ashlar({"generation", "rollback", "7", "-y"}), exit_ok);
}

TEST_F(Verbs, MapFindsTheOnlyTarget) {
  api_->answers("GET /targets", 200, R"({"items":[{"name":"iqn.t"}]})");
  api_->answers("POST /maps", 201, "{}");
  EXPECT_EQ(ashlar({"map", "create", "v", "--host-group", "g"}), exit_ok);
  EXPECT_EQ(last().json().at("target"), "iqn.t");
  EXPECT_EQ(talk_, "map v.g is created\n");
  api_ = std::make_shared<FakeApi>();
  api_->answers("GET /targets", 200, R"({"items":[{"name":"a"},{"name":"b"}]})");
  EXPECT_EQ(ashlar({"map", "create", "v", "--host", "h"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("say which: a, b"));
}

TEST_F(Verbs, HostsAreDiscovered) {
  api_->answers("GET /hosts", 200, R"({"items":[{"name":"h","initiators":["iqn.known"]}]})");
  api_->answers(
      "GET /sessions", 200,
      R"({"items":[{"initiator":"iqn.known"},{"initiator":"iqn.new","peer_address":"192.0.2.1"}]})");
  api_->answers(
      "GET /events", 200,
      R"({"items":[{"time":"2026-11-25T22:30:41.123Z","action":"login.refused","data":{"initiator":"iqn.\u001bevil"}}]})");
  ASSERT_EQ(ashlar({"host", "discover"}), exit_ok) << talk_;
  EXPECT_THAT(data_, HasSubstr("iqn.\\x1bevil"));
  EXPECT_THAT(data_, HasSubstr("2026-11-25 22:30:41 login.refused"));
  EXPECT_THAT(data_, HasSubstr("iqn.new"));
  EXPECT_THAT(data_, Not(HasSubstr("iqn.known")));
}

TEST_F(Verbs, OtherArraysAreDiscovered) {
  api_->answers("POST /initiator/discover", 200,
                R"({"targets":[{"name":"iqn.far","portals":["192.0.2.7:3260","192.0.2.\u001b8:3260"]}]})");
  const std::string secret = home_ + "/secret";
  std::ofstream(secret) << "a secret of ours\n";
  ASSERT_EQ(ashlar({"initiator", "discover", "iscsi://192.0.2.7", "--chap-user", "u", "--chap-secret",
                    "@" + secret}),
            exit_ok)
      << talk_;
  EXPECT_EQ(last().body, R"({"url":"iscsi://192.0.2.7","user":"u","secret":"a secret of ours"})");
  EXPECT_EQ(data_, "iqn.far\n  192.0.2.7:3260\n  192.0.2.\\x1b8:3260\n");
  EXPECT_EQ(ashlar({"initiator", "discover", "iscsi://192.0.2.7", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "iqn.far\n");
  EXPECT_EQ(ashlar({"initiator", "discover", "iscsi://192.0.2.7", "-o", "json"}), exit_ok);
  EXPECT_EQ(api::parse_json(data_)->at("targets")[0]["name"], "iqn.far");
  EXPECT_EQ(ashlar({"initiator", "discover"}), exit_usage);
}

TEST_F(Verbs, UnitsOfOtherArraysAreInspectedByAllPaths) {
  api_->answers("POST /initiator/inspect", 200,
                R"({"identity":"naa.6","vendor":"V","product":"P","revision":"1","size_bytes":1073741824,
                    "block_bytes":512,"discard":true,"paths":[{"url":"iscsi://a","state":"up","access":"optimized"},
                    {"url":"iscsi://b","state":"down","error":"connection refused"}]})");
  ASSERT_EQ(ashlar({"initiator", "inspect", "iscsi://a", "iscsi://b", "--initiator", "iqn.us"}), exit_ok)
      << talk_;
  EXPECT_EQ(last().body, R"({"urls":["iscsi://a","iscsi://b"],"initiator":"iqn.us"})");
  EXPECT_EQ(data_,
            "naa.6\n  V P 1, 1 GiB, blocks of 512 bytes\n  it can discard\n  iscsi://a up optimized\n"
            "  iscsi://b down connection refused\n");
  api_ = std::make_shared<FakeApi>();
  api_->answers("POST /initiator/inspect", 502,
                R"({"status":502,"code":"permission_denied","field":"login","detail":"it said no"})");
  EXPECT_EQ(ashlar({"initiator", "inspect", "iscsi://a"}), exit_failed) << "we were not denied by our array";
  EXPECT_THAT(talk_, HasSubstr("login: it said no"));
}

TEST_F(Verbs, AWordThatIsNoCommandIsNamed) {
  EXPECT_EQ(ashlar({"volume", "creat", "x"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("volume: 'creat' is no command; did you mean \"create\"? Known here: "));
  EXPECT_EQ(ashlar({"volme", "list"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("'volme' is no command; did you mean \"volume\"?"));
  EXPECT_EQ(ashlar({"volume"}), exit_usage);
  EXPECT_THAT(talk_, HasSubstr("subcommand is required"));
}

TEST_F(Verbs, BenchBecomesAnotherProgram) {
  EXPECT_EQ(ashlar({"initiator", "bench", "iscsi://a/iqn.x/0", "--rw", "randread", "--help"}),
            exit_not_found);
  EXPECT_EQ(became_,
            (std::vector<std::string>{"ashlar-bench", "iscsi://a/iqn.x/0", "--rw", "randread", "--help"}));
  EXPECT_TRUE(api_->requests.empty());
  became_.clear();
  EXPECT_EQ(ashlar({"-o", "json", "initiator", "bench", "iscsi://a/iqn.x/0"}), exit_usage);
  terminal_->lines = {"initiator bench iscsi://a/iqn.x/0"};
  EXPECT_NE(ashlar({"shell"}), exit_ok);
  EXPECT_THAT(talk_, HasSubstr("leave the shell first"));
  EXPECT_TRUE(became_.empty());
}

TEST_F(Verbs, ConnectTextKeepsItsLines) {
  api_->answers("GET /volumes/v/connect", 200, R"({"text":"iscsiadm -m node\n\tlogin \u001b[2J\n"})");
  EXPECT_EQ(ashlar({"connect", "show", "v", "--host", "h", "--format", "linux"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/volumes/v/connect?host=h&format=linux");
  EXPECT_EQ(data_, "iscsiadm -m node\n\tlogin \\x1b[2J\n");
}

TEST_F(Verbs, SessionsAreDropped) {
  api_->answers("DELETE /sessions/17", 200, "{}");
  EXPECT_EQ(ashlar({"session", "drop", "17"}), exit_usage);
  EXPECT_EQ(ashlar({"session", "drop", "17", "-y"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/sessions/17");
}

TEST_F(Verbs, TokensAreShownOnce) {
  api_->answers("GET /whoami", 200, R"({"user":"alice"})");
  api_->answers("POST /tokens", 201, R"({"name":"ci","token":"ash_123"})");
  ASSERT_EQ(ashlar({"token", "create", "ci", "--role", "operator", "--expires", "90d"}), exit_ok) << talk_;
  EXPECT_EQ(data_, "ash_123\n");
  EXPECT_THAT(talk_, Not(HasSubstr("ash_123")));
  EXPECT_EQ(nlohmann::json::parse(last().body),
            nlohmann::json::parse(
                R"({"name":"ci","user":"alice","role":"operator","expires_at":"2027-04-15T08:00:00Z"})"));
  EXPECT_EQ(ashlar({"token", "create", "ci", "--expires", "soon"}), exit_usage);
  EXPECT_EQ(ashlar({"token", "create", "ci", "--user", "bob", "--expires", "2027-01-01T00:00:00Z"}), exit_ok);
  EXPECT_EQ(last().json().at("expires_at"), "2027-01-01T00:00:00Z");
}

TEST_F(Verbs, Passwords) {
  terminal_->tty = true;
  api_->answers("POST /users", 201, "{}");
  terminal_->hidden = {"secret-one", "secret-one"};
  EXPECT_EQ(ashlar({"user", "create", "bob"}), exit_ok);
  EXPECT_EQ(last().json().at("password"), "secret-one");
  terminal_->hidden = {"secret-one", "secret-two"};
  EXPECT_EQ(ashlar({"user", "create", "bob"}), exit_failed);
  EXPECT_TRUE(api_->requests.empty());
  EXPECT_EQ(ashlar({"user", "create", "bob", "--source", "ldap"}), exit_ok) << "no password of our own";
  api_->answers("GET /whoami", 200, R"({"user":"alice"})");
  api_->answers("POST /users/alice/password", 200, "{}");
  api_->answers("POST /users/bob/password", 200, "{}");
  terminal_->hidden = {"old", "new", "new"};
  EXPECT_EQ(ashlar({"user", "password", "alice"}), exit_ok);
  EXPECT_EQ(last().body, R"({"old_password":"old","password":"new"})");
  terminal_->hidden = {"new", "new"};
  EXPECT_EQ(ashlar({"user", "password", "bob"}), exit_ok);
  EXPECT_EQ(last().body, R"({"password":"new"})");
}

TEST_F(Verbs, SecondFactor) {
  api_->answers("POST /users/u/totp", 200, R"({"secret":"ABC","uri":"otpauth://totp/x"})");
  api_->answers("POST /users/u/totp/confirm", 200, "{}");
  api_->answers("DELETE /users/u/totp", 200, "{}");
  terminal_->tty = true;
  terminal_->lines = {"123456"};
  EXPECT_EQ(ashlar({"user", "totp", "u"}), exit_ok);
  EXPECT_EQ(data_, "secret  ABC\nuri     otpauth://totp/x\n");
  EXPECT_EQ(last().body, R"({"code":"123456"})");
  terminal_->tty = false;
  EXPECT_EQ(ashlar({"user", "totp", "u", "--code", "7"}), exit_ok);
  EXPECT_EQ(api_->requests.size(), 1u);
  EXPECT_EQ(ashlar({"user", "totp", "u", "--remove", "-y"}), exit_ok);
  EXPECT_EQ(last().method, "DELETE");
}

TEST_F(Verbs, CertificatesArePrivateFiles) {
  api_->answers("POST /users/u/certificate", 200,
                R"({"certificate_pem":"CERT\n","key_pem":"KEY\n","subject":"CN=u","serial":"0a"})");
  api_->answers("DELETE /certificates/0a", 200, "{}");
  const std::string file = home_ + "/u.pem";
  ASSERT_EQ(ashlar({"user", "certificate", "u", "--days", "30", "-f", file}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"days":30})");
  EXPECT_EQ(text_of(file), "CERT\nKEY\n");
  struct stat there{};
  ASSERT_EQ(::stat(file.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0600u);
  ASSERT_EQ(ashlar({"user", "certificate", "u", "-f", file}), exit_ok);
  EXPECT_EQ(last().body, "{}") << "how long is the array's to say";
  EXPECT_EQ(ashlar({"user", "certificate", "u", "--revoke", "0a", "-y"}), exit_ok);
}

TEST_F(Verbs, SettingsKeepTheirTypes) {
  api_->answers("GET /settings/a", 200, R"({"name":"a","value":24})", {{"ETag", "\"2\""}});
  api_->answers("GET /settings/b", 200, R"({"name":"b","value":"24"})");
  api_->answers("GET /settings/c", 200, R"({"name":"c","value":[]})");
  api_->answers("GET /settings/d", 200, R"({"name":"d","value":true})");
  for (const char* name : {"a", "b", "c", "d"}) {
    api_->answers(fmt::format("PUT /settings/{}", name), 200, "{}");
    api_->answers(fmt::format("DELETE /settings/{}", name), 200, "{}");
  }
  const std::tuple<const char*, const char*, const char*> table[] = {
      {"a", "25", "25"}, {"b", "25", R"("25")"}, {"c", "x,y", R"(["x","y"])"}, {"d", "false", "false"}};
  for (const auto& [name, typed, sent] : table) {
    ASSERT_EQ(ashlar({"setting", "set", name, typed}), exit_ok) << talk_;
    EXPECT_EQ(last().json(), Json::object({{"value", *api::parse_json(sent)}}));
  }
  EXPECT_EQ(ashlar({"setting", "unset", "a"}), exit_ok);
  EXPECT_EQ(last().method, "DELETE");
}

TEST_F(Verbs, ConfigurationFiles) {
  api_->answers("GET /configuration", 200, "version = 1\n");
  EXPECT_EQ(ashlar({"config", "export"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/configuration?format=toml");
  EXPECT_EQ(data_, "version = 1\n");
  const std::string file = home_ + "/a.yaml";
  EXPECT_EQ(ashlar({"config", "export", "-f", file}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/configuration?format=yaml");
  api_->answers("POST /configuration/diff", 200,
                R"({"differences":[{"path":"volumes/v","before":null,"after":{}}]})");
  EXPECT_EQ(ashlar({"diff", "-f", file}), exit_ok);
  EXPECT_EQ(last().header("Content-Type"), "application/yaml");
  EXPECT_EQ(data_, "  + volumes/v: {}\n");
  api_->answers("PUT /configuration", 200, "{}");
  terminal_->all = R"( {"volumes":[]})";
  EXPECT_EQ(ashlar({"apply", "-f", "-", "--prune"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/configuration?prune=true");
  EXPECT_EQ(last().header("Content-Type"), "application/json");
  EXPECT_EQ(last().body, terminal_->all);
  terminal_->all = "[array]\nname = \"a: b\"\n";
  EXPECT_EQ(ashlar({"config", "apply", "-", "--dry-run"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/configuration?prune=false&dry_run=true");
  EXPECT_EQ(last().header("Content-Type"), "application/toml");
  EXPECT_EQ(ashlar({"apply", "-f", home_ + "/missing"}), exit_not_found);
}

TEST_F(Verbs, ImportShowsWhatItLeavesOut) {
  api_->answers("DRY POST /configuration/import", 200,
                R"({"plan":{"id":"p1","differences":[{"path":"hosts/h","before":null,"after":{}}]},
                    "left_out":[{"where":"line 3","what":"alua","why":"not here"}]})");
  api_->answers("POST /configuration/import", 200, "{}");
  terminal_->all = "{}";
  EXPECT_EQ(ashlar({"config", "import", "-", "--source", "targetcli"}), exit_usage) << "nobody said yes";
  EXPECT_EQ(api_->requests.size(), 1u);
  EXPECT_EQ(last().target, "/api/v1/configuration/import?source=targetcli&dry_run=true");
  EXPECT_EQ(last().header("Content-Type"), "text/plain");
  EXPECT_THAT(data_, HasSubstr("+ hosts/h"));
  EXPECT_THAT(talk_, HasSubstr("left out: line 3: alua: not here\n"));
  EXPECT_EQ(ashlar({"config", "import", "-", "--source", "targetcli", "--dry-run"}), exit_ok);
  EXPECT_EQ(api_->requests.size(), 1u);
  EXPECT_EQ(ashlar({"config", "import", "-", "--source", "targetcli", "-y"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/configuration/import?source=targetcli");
}

TEST_F(Verbs, GenerationsAndPlans) {
  api_->answers("GET /generations/3/diff", 200, R"({"differences":[]})");
  EXPECT_EQ(ashlar({"generation", "diff", "3", "--to", "5"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/generations/3/diff?to=5");
  EXPECT_EQ(talk_, "nothing differs\n");
  api_->answers("GET /plans/p", 200, R"({"id":"p","steps":[{"kind":"serve"}],"differences":[]})");
  EXPECT_EQ(ashlar({"plan", "show", "p"}), exit_ok);
  EXPECT_EQ(data_, "would be done:\n  1. serve\n");
  terminal_->tty = true;
  terminal_->lines = {"y"};
  api_->answers("POST /plans/p/apply", 409, R"({"code":"busy","detail":"x","plan":{"needs_force":true}})");
  api_->answers("POST /plans/p/apply", 200, "{}");
  EXPECT_EQ(ashlar({"plan", "apply", "p"}), exit_ok);
  EXPECT_EQ(last().body, R"({"force":true})");
  EXPECT_EQ(last().target, "/api/v1/plans/p/apply");
}

TEST_F(Verbs, TheAuditTrail) {
  api_->answers("GET /audit", 200, R"({"items":[{"id":1,"actor":"alice","method":"POST"}]})");
  api_->answers("GET /audit/verify", 200, R"({"intact":false,"first_bad":7})");
  EXPECT_EQ(ashlar({"audit", "list", "--actor", "alice"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/audit?actor=alice&limit=100");
  EXPECT_EQ(ashlar({"audit", "verify"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("record 7"));
  EXPECT_EQ(ashlar({"audit", "export", "--format", "csv"}), exit_ok);
  EXPECT_EQ(data_, "id,time,actor,method,path,outcome,address,detail\r\n1,,alice,POST,,,,\r\n");
}

TEST_F(Verbs, SupportBundleIsAFile) {
  api_->answers("POST /support-bundle", 202, "{}", {{"Location", "/api/v1/jobs/5"}});
  api_->answers("GET /jobs/5", 200, R"({"state":"succeeded"})");
  api_->streams = {"bytes"};
  const std::string file = home_ + "/b.tar.gz";
  ASSERT_EQ(ashlar({"support", "bundle", "-f", file}), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/support-bundle/5");
  EXPECT_EQ(text_of(file), "bytes");
  std::filesystem::remove(file);
  api_->streams = {"oops"};
  api_->stream_status = 404;
  EXPECT_EQ(ashlar({"support", "bundle", "-f", file}), exit_not_found);
  EXPECT_FALSE(std::filesystem::exists(file)) << "half a bundle is none";
}

TEST_F(Verbs, EventsAreFollowedOverBreaks) {
  api_->streams = {
      "id: 4\ndata: {\"topic\":\"volumes\",\"action\":\"created\",\"name\":\"v\\u001b\",\"actor\":\"a\"}\n\n",
      "id: 5\ndata: {\"topic\":\"jobs\",\"action\":\"ended\"}\n\n"};
  EXPECT_EQ(ashlar({"event", "follow", "--topic", "volumes"}), exit_failed) << "the agent stayed away";
  EXPECT_EQ(data_, " volumes created v\\x1b by a\n");
  ASSERT_GE(api_->requests.size(), 3u);
  EXPECT_EQ(api_->requests[0].target, "/api/v1/events");
  EXPECT_EQ(api_->requests[0].header("Accept"), "text/event-stream");
  EXPECT_EQ(api_->requests[1].header("Last-Event-ID"), "4");
  EXPECT_EQ(api_->requests[2].header("Last-Event-ID"), "5");
  api_->streams = {""};
  api_->stream_status = 403;
  EXPECT_EQ(ashlar({"event", "follow", "--after", "3"}), exit_denied);
  EXPECT_EQ(last().target, "/api/v1/events?after=3");
}

TEST_F(Verbs, TopShowsRates) {
  const auto stats = [](int count) {
    return fmt::format(R"({{"volumes":[{{"name":"v","operations":[
        {{"operation":"read","count":{0},"bytes":{1},"latency_sum_ns":{2},"in_flight":1}}]}}],
        "sessions":[{{"id":1,"host":"h","commands":{0},"read_bytes":{1}}},{{"id":2,"host":"h","commands":{0}}}]}})",
                       count, count * 4096, count * 2000);
  };
  api_->answers("GET /stats", 200, stats(100));
  api_->answers("GET /stats", 200, stats(300));
  ASSERT_EQ(ashlar({"top", "--count", "1", "--interval", "2"}), exit_ok) << talk_;
  EXPECT_EQ(data_,
            "VOLUME READS/S WRITES/S  READ/S WRITTEN/S LATENCY IN FLIGHT\n"
            "v          100        0 400 KiB       0 B  2.0 us         1\n");
  api_ = std::make_shared<FakeApi>();
  api_->answers("GET /stats", 200, stats(100));
  api_->answers("GET /stats", 200, stats(300));
  terminal_->tty = true;
  ASSERT_EQ(ashlar({"top", "--by", "host", "--count", "2"}), exit_ok);
  EXPECT_THAT(data_, testing::StartsWith("\x1b[H\x1b[J"));
  EXPECT_THAT(data_, HasSubstr("h              400"));
  EXPECT_EQ(ashlar({"top", "--by", "moon"}), exit_usage);
}

TEST_F(Verbs, RawRequests) {
  api_->answers("POST /volumes", 201, R"({"a":1})");
  EXPECT_EQ(ashlar({"api", "post", "/volumes", "-d", "[1,2]", "--header", "If-Match: *"}), exit_ok);
  EXPECT_EQ(last().method, "POST");
  EXPECT_EQ(last().body, "[1,2]");
  EXPECT_EQ(last().header("If-Match"), "*");
  EXPECT_EQ(data_, "{\n  \"a\": 1\n}\n");
  api_->answers("GET /metrics", 200, "x 1\n");
  EXPECT_EQ(ashlar({"api", "GET", "/metrics"}), exit_ok);
  EXPECT_EQ(last().target, "/metrics");
  EXPECT_EQ(data_, "x 1\n");
  api_->answers("GET /nothing", 404, R"({"detail":"no"})");
  EXPECT_EQ(ashlar({"api", "GET", "nothing"}), exit_not_found);
  EXPECT_THAT(data_, HasSubstr("detail"));
  EXPECT_EQ(ashlar({"api", "GET", "/a b"}), exit_usage);
}

TEST_F(Verbs, AlertsAndChannels) {
  api_->answers("POST /alerts/3/acknowledge", 200, "{}");
  api_->answers("POST /alert-channels/ops/test", 200, "{}");
  EXPECT_EQ(ashlar({"alert", "ack", "3"}), exit_ok);
  EXPECT_EQ(ashlar({"alert-channel", "test", "ops"}), exit_ok);
  EXPECT_THAT(talk_, HasSubstr("a test message went to ops"));
}

TEST_F(Verbs, StatusIsOneScreen) {
  api_->answers("GET /status", 200,
                R"({"array":"san1","version":"0.1.0","health":"ok","sentence":"All is well.","advice":[],
      "generation":118,"engine":{"state":"serving","version":"0.1.0","uptime_seconds":3725},
      "counts":{"volumes":3,"host_groups":2},"capacity":{"used_bytes":1073741824,"total_bytes":2147483648},
      "alerts":{"critical":0},"jobs_running":1})");
  ASSERT_EQ(ashlar({"status"}), exit_ok);
  EXPECT_EQ(data_,
            "ok: All is well.\n\n"
            "array      san1, ashlar 0.1.0, generation 118\n"
            "engine     serving 0.1.0, up 1h 2m\n"
            "capacity   used 1 GiB, total 2 GiB\n"
            "counts     3 volumes, 2 host groups\n"
            "alerts     0 critical\n"
            "jobs       1 at work\n");
}

}  // namespace
}  // namespace ashlar::cli
