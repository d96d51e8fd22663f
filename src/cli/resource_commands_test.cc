#include <fstream>

#include "base/tls_psk.h"
#include "cli/fake_world_test.h"

namespace ashlar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class Resources : public CliTest {};

constexpr char two_volumes[] =
    R"({"items":[{"name":"db1","pool":"p0","size_bytes":1610612736,"thin":true,"identity":{"serial":"A1","naa":"3111"},
        "status":{"state":"online","sessions":2,"allocated_bytes":1048576}},
       {"name":"evil\u001b[2J\u009b1m","pool":"p0","size_bytes":512,"thin":false}],"total":2,"next":null})";

TEST_F(Resources, AListIsATableByDefault) {
  api_->answers("GET /volumes", 200, two_volumes);
  ASSERT_EQ(ashlar({"volume", "list"}), exit_ok) << talk_;
  EXPECT_EQ(last().method, "GET");
  EXPECT_EQ(last().target, "/api/v1/volumes?limit=1000");
  EXPECT_EQ(data_,
            "NAME              STATE     SIZE  USED POOL THIN SESSIONS SERIAL\n"
            "db1               online 1.5 GiB 1 MiB p0   yes         2 A1\n"
            "evil\\x1b[2J\\x9b1m -        512 B     - p0   no          - -\n");
  EXPECT_TRUE(talk_.empty());
}

TEST_F(Resources, OtherFormats) {
  api_->answers("GET /volumes", 200, two_volumes);
  ashlar({"volume", "list", "-o", "name"});
  EXPECT_EQ(data_, "db1\nevil\\x1b[2J\\x9b1m\n");
  ashlar({"volume", "list", "-o", "csv", "--fields", "name,size_bytes,status.state"});
  EXPECT_EQ(last().target, "/api/v1/volumes?limit=1000&fields=name%2Csize_bytes%2Cstatus");
  EXPECT_EQ(data_, "name,size_bytes,status.state\r\ndb1,1610612736,online\r\nevil\\x1b[2J\\x9b1m,512,\r\n");
  ashlar({"volume", "list", "-o", "json", "--fields", "name,thin"});
  EXPECT_EQ(data_,
            "[\n  {\n    \"name\": \"db1\",\n    \"thin\": true\n  },\n"
            "  {\n    \"name\": \"evil\\u001b[2J\\u009b1m\",\n    \"thin\": false\n  }\n]\n");
  ashlar({"volume", "list", "-o", "yaml", "--fields", "name,thin"});
  EXPECT_EQ(data_, "- name: db1\n  thin: true\n- name: \"evil\\u001b[2J\\u009b1m\"\n  thin: false\n");
  ashlar({"volume", "list", "--fields", "name,size_bytes", "--no-headers"});
  EXPECT_EQ(data_, "db1               1.5 GiB\nevil\\x1b[2J\\x9b1m   512 B\n");
  ashlar({"volume", "list", "-o", "wide"});
  EXPECT_THAT(data_, HasSubstr("3111"));
}

TEST_F(Resources, FilterAndSortGoToTheAgent) {
  api_->answers("GET /volumes", 200, R"({"items":[],"next":null})");
  EXPECT_EQ(ashlar({"volume", "list", "--filter", "pool==p0,size_bytes>5", "--sort", "-name"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/volumes?limit=1000&filter=pool%3D%3Dp0%2Csize_bytes%3E5&sort=-name");
  EXPECT_EQ(data_, "");
  EXPECT_EQ(talk_, "none\n");
}

TEST_F(Resources, PagesAreFollowed) {
  api_->answers("GET /hosts", 200, R"({"items":[{"name":"a"}],"next":"c 1"})");
  api_->answers("GET /hosts", 200, R"({"items":[{"name":"b"}],"next":null})");
  EXPECT_EQ(ashlar({"host", "list", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "a\nb\n");
  EXPECT_EQ(last().target, "/api/v1/hosts?limit=1000&cursor=c%201");
}

TEST_F(Resources, AnAgentThatGoesInCirclesIsLeft) {
  api_->answers("GET /hosts", 200, R"({"items":[{"name":"a"}],"next":"x"})");
  EXPECT_EQ(ashlar({"host", "list", "-o", "name"}), exit_ok);
  EXPECT_EQ(api_->requests.size(), 2u);
}

TEST_F(Resources, SessionsOfAHost) {
  api_->answers("GET /sessions", 200, R"({"items":[{"id":1,"host":"b","age_seconds":65}]})");
  EXPECT_EQ(ashlar({"session", "list", "--host", "b", "--filter", "age_seconds>10", "-o", "name"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/sessions?limit=1000&filter=age_seconds%3E10%2Chost%3D%3Db");
  EXPECT_EQ(data_, "1\n");
}

TEST_F(Resources, WhatTheAgentDoesNotFilterIsFilteredHere) {
  api_->answers(
      "GET /events", 200,
      R"({"items":[{"id":1,"topic":"b","name":"x"},{"id":2,"topic":"a","name":"y"},{"id":3,"topic":"a","name":"x"}]})");
  EXPECT_EQ(ashlar({"event", "list", "--filter", "id>1,name~x", "-o", "name"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/events?limit=100");
  EXPECT_EQ(data_, "3\n");
  EXPECT_EQ(ashlar({"event", "list", "--sort", "topic,-id", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "3\n2\n1\n");
  EXPECT_EQ(ashlar({"event", "list", "--topic", "b", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "1\n");
  EXPECT_EQ(ashlar({"event", "list", "--filter", "host"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("'host' is no condition"));
}

TEST_F(Resources, ShowTellsAllOfOne) {
  api_->answers(
      "GET /volumes/db1", 200,
      R"({"name":"db1","size_bytes":1610612736,"block_bytes":512,"thin":true,"layers":[{"kind":"readonly"}],
                    "identity":{"naa":"3111"},"comment":"","status":{"state":"online"}})");
  EXPECT_EQ(ashlar({"volume", "show", "db1"}), exit_ok);
  EXPECT_EQ(data_,
            "name                         db1\n"
            "size_bytes                   1.5 GiB (1610612736 bytes)\n"
            "block_bytes                  512\n"
            "thin                         yes\n"
            "layers[0].kind               readonly\n"
            "identity.naa                 3111\n"
            "comment                      -\n"
            "status.state                 online\n");
  EXPECT_EQ(ashlar({"volume", "show", "db1", "-o", "csv", "--fields", "name,thin"}), exit_ok);
  EXPECT_EQ(data_, "name,thin\r\ndb1,true\r\n");
  EXPECT_EQ(ashlar({"volume", "show", "a b/c"}), exit_not_found);
  EXPECT_EQ(last().target, "/api/v1/volumes/a%20b%2Fc");
}

TEST_F(Resources, CreateMakesABodyOfItsFlags) {
  api_->answers("POST /volumes", 201, R"({"name":"db1"})");
  ASSERT_EQ(ashlar({"volume", "create", "db1", "--pool", "p0", "--size", "10GiB", "--thick", "--no-read-only",
                    "--naa", "3111", "--layer", "fault:rate=3,x=y", "--description", "[a,b]", "--comment",
                    "for billing"}),
            exit_ok)
      << talk_;
  EXPECT_EQ(last().target, "/api/v1/volumes?comment=for%20billing");
  EXPECT_EQ(last().json(),
            *api::parse_json(
                R"({"name":"db1","pool":"p0","size_bytes":10737418240,"thin":false,"read_only":false,
      "identity":{"naa":"3111"},"layers":[{"kind":"fault","options":{"rate":"3","x":"y"}}],"comment":"[a,b]"})"));
  EXPECT_EQ(last().header("Content-Type"), "application/json");
  EXPECT_EQ(last().header("Prefer"), "respond-async") << "volumes may take a while";
  EXPECT_EQ(last().header("Idempotency-Key").size(), 32u);
  EXPECT_EQ(data_, "");
  EXPECT_EQ(talk_, "volume db1 is created\n");
  const std::string key = last().header("Idempotency-Key");
  EXPECT_EQ(ashlar({"volume", "add", "db1", "--pool", "p0", "-o", "name"}), exit_ok);
  EXPECT_NE(last().header("Idempotency-Key"), key);
  EXPECT_EQ(data_, "db1\n") << "with a format the answer is data";
}

TEST_F(Resources, EveryKindOfArgument) {
  const std::tuple<std::vector<std::string>, std::string, std::string> table[] = {
      {{"pool", "create", "p0", "--kind", "device", "--device", "a,b", "--device", "c", "--warn-percent",
        "70"},
       "/pools",
       R"({"name":"p0","kind":"device","devices":["a","b","c"],"warn_percent":70})"},
      {{"host", "create", "h", "--initiator", "iqn.a", "--os", "esxi", "--chap-user", "u", "--chap-secret",
        "123456789012"},
       "/hosts",
       R"({"name":"h","initiators":["iqn.a"],"os":"esxi","chap":{"user":"u","secret":"123456789012"}})"},
      {{"host-group", "create", "g", "--host", "h1,h2"},
       "/host-groups",
       R"({"name":"g","hosts":["h1","h2"]})"},
      {{"portal", "create", "p", "--address", "::1", "--port", "3261"},
       "/portals",
       R"({"name":"p","address":"::1","port":3261})"},
      {{"portal", "create", "p", "--address", "::1", "--protocol", "nvme-tcp", "--tls", "required"},
       "/portals",
       R"({"name":"p","address":"::1","protocol":"nvme-tcp","tls":"required"})"},
      {{"host", "create", "h", "--initiator", "nqn.a", "--tls-key", "k", "--tls-optional"},
       "/hosts",
       R"({"name":"h","initiators":["nqn.a"],"tls_key":"k","tls_optional":true})"},
      {{"target", "create", "iqn.x:y", "--portal", "p"}, "/targets", R"({"name":"iqn.x:y","portals":["p"]})"},
      {{"map", "create", "v", "--host", "h", "--target", "t", "--lun", "3", "--read-only"},
       "/maps",
       R"({"volume":"v","host":"h","target":"t","lun":3,"read_only":true})"},
      {{"group", "create", "g", "--volume", "v,w", "--explicit", "--access",
        "1=optimized:preferred,2=standby"},
       "/groups",
       R"({"name":"g","volumes":["v","w"],"explicit":true,"access":[
           {"group_tag":1,"state":"optimized","preferred":true},
           {"group_tag":2,"state":"standby","preferred":false}]})"},
      {{"user", "create", "u", "--role", "operator", "--certificate-subject", "CN=u,O=A", "--grant",
        "viewer:volumes:db*", "--grant", "operator:pools"},
       "/users",
       R"({"name":"u","role":"operator","certificate_subjects":["CN=u,O=A"],
           "grants":[{"kind":"volumes","name":"db*","role":"viewer"},{"kind":"pools","name":"*","role":"operator"}]})"},
      {{"alert-channel", "create", "ops", "--kind", "webhook", "--option", "url=https://x/y?a=b", "--secret",
        "k"},
       "/alert-channels",
       R"({"name":"ops","kind":"webhook","options":{"url":"https://x/y?a=b"},"secret":"k"})"},
      {{"alert-rule", "create", "hot", "--metric", "m", "--threshold", "1.5", "--disabled", "--channel",
        "ops"},
       "/alert-rules",
       R"({"name":"hot","metric":"m","threshold":1.5,"channels":["ops"],"enabled":false})"},
      {{"snapshot", "create", "db1", "--name", "s"}, "/snapshots", R"({"volume":"db1","name":"db1@s"})"},
  };
  for (const auto& [words, path, body] : table) {
    api_->answers("POST " + path, 201, body);
    EXPECT_EQ(ashlar(words), exit_ok) << talk_;
    EXPECT_EQ(last().target, "/api/v1" + path);
    // Order of members does not count.
    EXPECT_EQ(nlohmann::json::parse(last().body), nlohmann::json::parse(body)) << last().body;
    EXPECT_THAT(talk_, HasSubstr("is created"));
  }
}

TEST_F(Resources, WrongWordsAreUsage) {
  const std::vector<std::vector<std::string>> table = {
      {"volume", "create", "v"},
      {"volume", "create", "v", "--pool", "p", "--size", "10G"},
      {"portal", "create", "p", "--address", "::", "--port", "x"},
      {"alert-channel", "create", "c", "--kind", "email", "--option", "novalue"},
      {"user", "create", "u", "--grant", "viewer"},
      {"group", "create", "g", "--access", "standby"},
      {"group", "create", "g", "--access", "x=standby"},
      {"group", "create", "g", "--access", "1="},
      {"group", "create", "g", "--access", "1=standby:best"},
      {"group", "create", "g", "--access", "70000=standby"},
      {"map", "create", "v"},
      {"map", "create", "v", "--host", "h", "--host-group", "g"},
      {"volume", "set", "v"},
      {"host", "create", "h", "--chap-secret", "-"},
      {"setting", "set", "x"},
      {"completion", "csh"},
      {"--color", "blue", "volume", "list"},
  };
  for (const std::vector<std::string>& words : table) {
    EXPECT_EQ(ashlar(words), exit_usage) << fmt::format("{}", fmt::join(words, " "));
    EXPECT_THAT(talk_, HasSubstr("ashlar: "));
    EXPECT_TRUE(api_->requests.empty());
  }
}

TEST_F(Resources, SetSendsWhatWasReadAsIfMatch) {
  api_->answers("GET /host-groups/g", 200, R"({"name":"g","hosts":["a","b"]})", {{"ETag", "\"7\""}});
  api_->answers("PATCH /host-groups/g", 200, R"({"name":"g"})");
  ASSERT_EQ(
      ashlar({"host-group", "set", "g", "--add-host", "c,a", "--remove-host", "b", "--description", ""}),
      exit_ok)
      << talk_;
  EXPECT_EQ(last().header("If-Match"), "\"7\"");
  EXPECT_EQ(last().header("Content-Type"), "application/merge-patch+json");
  EXPECT_EQ(last().json(), *api::parse_json(R"({"comment":"","hosts":["a","c"]})"));
  EXPECT_EQ(last().header("Prefer"), "");
  EXPECT_EQ(talk_, "host group g is changed\n");
}

TEST_F(Resources, GroupsShowWhatIsInForce) {
  api_->answers("GET /groups", 200, R"({"items":[{"name":"g","volumes":["v","w"],"explicit":false,
      "access":[{"group_tag":2,"state":"standby","preferred":false}],
      "status":{"state":"changed by a host","changed_by":"iqn.x:h","access":[
        {"group_tag":1,"state":"optimized","preferred":true,"changed_by":""},
        {"group_tag":2,"state":"non_optimized","preferred":false,"changed_by":"host"}]}}],"total":1,"next":null})");
  ASSERT_EQ(ashlar({"group", "list"}), exit_ok) << talk_;
  EXPECT_THAT(data_, HasSubstr("1=optimized:preferred,2=non_optimized"));
  EXPECT_THAT(data_, HasSubstr("changed by a host"));
  api_->answers("GET /groups/g", 200, R"({"name":"g"})", {{"ETag", "\"7\""}});
  api_->answers("PATCH /groups/g", 200, R"({"name":"g"})");
  ASSERT_EQ(ashlar({"group", "set", "g", "--access", "2=unavailable"}), exit_ok) << talk_;
  EXPECT_EQ(last().json(),
            *api::parse_json(R"({"access":[{"group_tag":2,"state":"unavailable","preferred":false}]})"));
}

TEST_F(Resources, ChapGoesByNull) {
  api_->answers("GET /hosts/h", 200, R"({"name":"h"})");
  api_->answers("PATCH /hosts/h", 200, R"({"name":"h"})");
  ASSERT_EQ(ashlar({"host", "set", "h", "--no-chap"}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"chap":null})");
}

TEST_F(Resources, SecretsAreAskedForOrRead) {
  api_->answers("POST /hosts", 201, "{}");
  terminal_->tty = true;
  terminal_->hidden = {"typed-secret-1"};
  ASSERT_EQ(ashlar({"host", "create", "h", "--chap-user", "u", "--chap-secret", "-"}), exit_ok) << talk_;
  EXPECT_EQ(last().json().at("chap").at("secret"), "typed-secret-1");
  EXPECT_THAT(talk_, Not(HasSubstr("typed-secret")));
  const std::string file = home_ + "/secret";
  std::ofstream(file) << "read-secret-22\n";
  ASSERT_EQ(ashlar({"host", "create", "h", "--chap-user", "u", "--chap-secret", "@" + file}), exit_ok)
      << talk_;
  EXPECT_EQ(last().json().at("chap").at("secret"), "read-secret-22");
  EXPECT_EQ(ashlar({"host", "create", "h", "--chap-user", "u", "--chap-secret", "-"}), exit_failed)
      << "Ctrl-C";
}

TEST_F(Resources, AKeyIsDrawnAndToldOnce) {
  api_->answers("GET /hosts/h", 200, R"({"name":"h"})");
  api_->answers("PATCH /hosts/h", 200, R"({"name":"h"})");
  const std::string key = "DHHC-1:01:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  ASSERT_EQ(ashlar({"host", "set", "h", "--dhchap-key", "generate", "--dhchap-group", "ffdhe4096,null"}),
            exit_ok)
      << talk_;
  EXPECT_EQ(data_, "dhchap-key " + key + "\n");
  EXPECT_EQ(last().json(), (Json{{"dhchap", {{"key", key}, {"groups", {"ffdhe4096", "null"}}}}}));
  ASSERT_EQ(ashlar({"host", "set", "h", "--dhchap-controller-key", "generate", "-o", "json"}), exit_ok)
      << talk_;
  EXPECT_THAT(talk_, HasSubstr("dhchap-controller-key " + key));
  EXPECT_THAT(data_, Not(HasSubstr("DHHC-1"))) << "which is JSON";
  const std::string file = home_ + "/key";
  std::ofstream(file) << key << "\n";
  ASSERT_EQ(ashlar({"host", "set", "h", "--dhchap-key", "@" + file}), exit_ok) << talk_;
  EXPECT_EQ(last().json().at("dhchap").at("key"), key);
  ASSERT_EQ(ashlar({"host", "set", "h", "--no-dhchap"}), exit_ok) << talk_;
  EXPECT_EQ(last().body, R"({"dhchap":null})");
}

TEST_F(Resources, APoolOfAnotherArrayHasCredentials) {
  api_->answers("POST /pools", 201, "{}");
  const std::string url = "iscsi://192.0.2.7/iqn.2026-01.com.example:array/0";
  ASSERT_EQ(ashlar({"pool", "create", "far", "--kind", "remote", "--device", url, "--chap-user", "near",
                    "--chap-secret", "generate", "--mutual-user", "far", "--mutual-secret",
                    "a secret of theirs", "--initiator", "iqn.2026-11.com.example:near"}),
            exit_ok)
      << talk_;
  EXPECT_EQ(last().json(), (Json{{"name", "far"},
                                 {"kind", "remote"},
                                 {"devices", {url}},
                                 {"initiator", "iqn.2026-11.com.example:near"},
                                 {"chap",
                                  {{"user", "near"},
                                   {"secret", "ABCDEFGHIJKLMNOP"},
                                   {"mutual_user", "far"},
                                   {"mutual_secret", "a secret of theirs"}}}}));
  EXPECT_EQ(data_, "chap-secret ABCDEFGHIJKLMNOP\n") << "told once, for the other array";
  api_->answers("GET /pools/far", 200, R"({"name":"far"})");
  api_->answers("PATCH /pools/far", 200, R"({"name":"far"})");
  ASSERT_EQ(ashlar({"pool", "set", "far", "--dhchap-key", "generate", "--dhchap-group", "ffdhe4096",
                    "--no-chap", "--host-nqn", "nqn.2026-11.com.example:near"}),
            exit_ok)
      << talk_;
  EXPECT_TRUE(last().json().at("chap").is_null());
  EXPECT_THAT(last().json().at("dhchap").at("key").get<std::string>(), HasSubstr("DHHC-1:01:"));
  ASSERT_EQ(ashlar({"pool", "set", "far", "--no-dhchap", "--no-tls-key"}), exit_ok) << talk_;
  EXPECT_EQ(last().json(), (Json{{"dhchap", nullptr}, {"tls_key", nullptr}}));
}

TEST_F(Resources, AKeyOfTlsIsDrawnLikewise) {
  api_->answers("GET /hosts/h", 200, R"({"name":"h"})");
  api_->answers("PATCH /hosts/h", 200, R"({"name":"h"})");
  ASSERT_EQ(ashlar({"host", "set", "h", "--tls-key", "generate"}), exit_ok) << talk_;
  const std::string key = last().json().at("tls_key").get<std::string>();
  EXPECT_EQ(data_, "tls-key " + key + "\n");
  EXPECT_THAT(talk_, Not(HasSubstr(key)));
  const auto parsed = parse_tls_key(key, "");
  ASSERT_TRUE(parsed) << parsed.error().text();
  EXPECT_EQ(parsed->transform, PskHash::sha256);
  ASSERT_EQ(ashlar({"host", "set", "h", "--no-tls-key"}), exit_ok);
  EXPECT_EQ(last().body, R"({"tls_key":null})");
}

TEST_F(Resources, DeleteAsksFirst) {
  api_->answers("GET /pools/p", 200, "{}", {{"ETag", "\"3\""}});
  api_->answers("DELETE /pools/p", 200, R"({"plan":{}})");
  EXPECT_EQ(ashlar({"pool", "delete", "p"}), exit_usage) << "nobody is there to be asked";
  EXPECT_THAT(talk_, HasSubstr("say -y"));
  EXPECT_TRUE(api_->requests.empty());
  EXPECT_EQ(ashlar({"pool", "delete", "p", "-y"}), exit_ok);
  EXPECT_EQ(last().method, "DELETE");
  EXPECT_EQ(last().header("If-Match"), "\"3\"");
  EXPECT_EQ(talk_, "pool p is deleted\n");
  terminal_->tty = true;
  terminal_->lines = {"n"};
  EXPECT_EQ(ashlar({"pool", "delete", "p"}), exit_failed);
  EXPECT_TRUE(api_->requests.empty());
  terminal_->lines = {"y"};
  EXPECT_EQ(ashlar({"pool", "delete", "p"}), exit_ok);
  EXPECT_THAT(talk_, HasSubstr("Delete pool p? [y/N] "));
}

}  // namespace
}  // namespace ashlar::cli
