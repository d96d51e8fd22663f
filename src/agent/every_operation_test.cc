// Every operation of docs/openapi.yaml, asked at least once; each answer of it is held against the description (world_test.cc).
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/kinds_test.h"
#include "agent/router_test.h"

namespace ashlar::agent {
namespace {

using api::Json;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

/// Each kind of operation in a function of its own; they build on one another.
class EveryOperation : public RouterTest {
 protected:
  void resource(const Kind& each);
  void volumes();
  void settings();
  void reservations();
  void drives();
  void what_goes_on();
  void plans_and_generations();
  void configuration();
  void jobs();
  void events();
  void alerts();
  void users();
  void logins();
  void audit();
  void what_is_open();
  void all_goes_away();
};

void EveryOperation::resource(const Kind& each) {
  const std::string one = "/" + each.path + "/" + each.name;
  const Answered made = must(201, "POST", "/" + each.path, each.body);
  EXPECT_EQ(made.header("Location").substr(0, 8 + each.path.size()), "/api/v1/" + each.path);
  const Answered shown = must(200, "GET", one);
  EXPECT_EQ(shown.body["name"], each.name);
  const std::string etag = shown.header("ETag");
  EXPECT_FALSE(etag.empty());
  EXPECT_EQ(must(200, "GET", "/" + each.path).body["total"], 1) << each.path;
  must(409, "POST", "/" + each.path, each.body);
  // Replacing says what it replaces.
  EXPECT_EQ(must(428, "PUT", one, each.body).body["field"], "If-Match");
  EXPECT_EQ(must(428, "PATCH", one, each.patch).body["field"], "If-Match");
  const Answered patched = must(200, "PATCH", one, each.patch, {{"If-Match", etag}});
  EXPECT_NE(patched.header("ETag"), etag);
  for (const auto& [key, value] : each.patch.items()) EXPECT_EQ(patched.body[key], value);
  EXPECT_EQ(patched.header("ETag"), must(200, "GET", one).header("ETag"));
  // Somebody was faster: the answer says in what.
  Json other = each.body;
  if (each.path == "maps") other["name"] = each.name;
  const Answered stale = must(412, "PUT", one, other, {{"If-Match", etag}});
  EXPECT_EQ(stale.code(), "stale");
  const Answered differs = must(412, "PATCH", one, {{"comment", "x"}}, {{"If-Match", etag}});
  EXPECT_TRUE(differs.body.contains("differences")) << each.path;
  must(200, "PUT", one, other, {{"If-Match", patched.header("ETag")}});
  must(200, "PATCH", one, {{"comment", nullptr}}, {{"If-Match", "*"}});
  must(404, "GET", one + "x");
  must(404, "DELETE", one + "x");
  must(404, "PATCH", one + "x", each.patch, {{"If-Match", "*"}});
}

void EveryOperation::volumes() {
  EXPECT_EQ(must(200, "POST", "/volumes/db1/resize", {{"size_bytes", "2GiB"}}).body["size_bytes"],
            2147483648);
  EXPECT_EQ(must(422, "POST", "/volumes/db1/resize", {{"size_bytes", 512}}).body["field"], "shrink");
  EXPECT_TRUE(must(409, "POST", "/volumes/db1/resize", {{"size_bytes", 512}, {"shrink", true}})
                  .body.contains("plan"));
  EXPECT_THAT(must(200, "GET", "/volumes/db1/connect?host=web1&format=k8s").body["text"].get<std::string>(),
              HasSubstr("PersistentVolume"));
  EXPECT_EQ(must(409, "POST", "/snapshots/db1@a/restore").code(), "busy");
  must(200, "POST", "/snapshots/db1@a/restore?force=true");
  const Answered clone = must(201, "POST", "/snapshots/db1@a/clone", {{"name", "copy"}});
  EXPECT_EQ(clone.body["origin"], "db1@a");
  must(409, "POST", "/snapshots/db1@a/clone", {{"name", "copy"}});
  must(404, "POST", "/snapshots/db1@never/clone", {{"name", "copy2"}});
  // The recycle bin.
  EXPECT_EQ(must(200, "DELETE", "/volumes/copy").body["plan"]["needs_force"], false);
  const Answered bin = must(200, "GET", "/recycle-bin");
  ASSERT_EQ(bin.body["total"], 1);
  const std::string entry = bin.body["items"][0]["name"];
  must(200, "GET", "/recycle-bin/" + entry);
  must(201, "POST", "/recycle-bin/" + entry + "/recover", {{"name", "copy2"}});
  must(200, "DELETE", "/volumes/copy2");
  must(409, "DELETE", "/recycle-bin/copy2");
  must(200, "DELETE", "/recycle-bin/copy2?force=true");
  must(404, "DELETE", "/recycle-bin/copy2?force=true");
}

void EveryOperation::settings() {
  EXPECT_GT(must(200, "GET", "/settings").body["total"].get<int>(), 5);
  EXPECT_EQ(must(200, "GET", "/settings/array.name").body["status"]["is_default"], true);
  must(200, "PUT", "/settings/array.name", {{"value", "san1"}});
  EXPECT_EQ(must(200, "GET", "/status").body["array"], "san1");
  must(422, "PUT", "/settings/array.name", {{"value", 7}});
  must(404, "PUT", "/settings/array.nam", {{"value", "x"}});
  must(200, "DELETE", "/settings/array.name");
}

void EveryOperation::drives() {
  auto folders = world.pools.folders();
  const size_t files = folders.at(pool_folder).size();
  folders.at(pool_folder)["a.iso"] = folders.at(pool_folder)["b.iso"] = {};
  world.pools.set_folders(folders);
  const Json wish = {{"name", "cd0"}, {"pool", "p0"}, {"kind", "cdrom"}, {"medium", "a.iso"}};
  const Json made = must(201, "POST", "/volumes", wish).body;
  EXPECT_EQ(made["block_bytes"], 2048);
  EXPECT_EQ(made["size_bytes"], 0);
  EXPECT_EQ(made["read_only"], true);
  EXPECT_EQ(made["backing"], "");
  EXPECT_EQ(made["status"]["medium"]["state"], "loaded");
  EXPECT_EQ(world.engine.served().volumes[0].store.options.at("path"), std::string(pool_folder) + "/a.iso");
  // Empty, another one, and what is not there.
  EXPECT_EQ(must(200, "POST", "/volumes/cd0/eject").body["status"]["medium"]["state"], "empty");
  EXPECT_EQ(must(200, "POST", "/volumes/cd0/insert", {{"medium", "b.iso"}}).body["medium"], "b.iso");
  must(404, "POST", "/volumes/cd0/insert", {{"medium", "c.iso"}});
  must(400, "POST", "/volumes/cd0/insert", {{"medium", "../b.iso"}});
  EXPECT_EQ(must(200, "GET", "/volumes/cd0").body["medium"], "b.iso");
  const Json plan = must(200, "POST", "/volumes/cd0/insert?dry_run=true", {{"medium", "a.iso"}}).body;
  EXPECT_EQ(plan["steps"][0]["kind"], "change medium");
  EXPECT_EQ(plan["steps"][0]["detail"], "b.iso -> a.iso");
  // A host keeps it in.
  world.engine.set_prevented({"cd0"});
  EXPECT_EQ(must(409, "POST", "/volumes/cd0/eject").code(), "busy");
  EXPECT_EQ(must(200, "GET", "/volumes/cd0").body["status"]["medium"]["prevented"], true);
  EXPECT_EQ(must(200, "POST", "/volumes/cd0/eject?force=true").body["medium"], "");
  // What a disk can.
  must(422, "POST", "/volumes/cd0/resize", {{"size_bytes", "1GiB"}});
  must(422, "POST", "/snapshots", {{"name", "cd0@a"}});
  EXPECT_EQ(must(422, "PATCH", "/volumes/cd0", {{"write_cache", true}}, {{"If-Match", "*"}}).body["field"],
            "volumes/cd0/write_cache");
  const std::string disk = must(200, "GET", "/volumes/db1").body["backing"];
  EXPECT_EQ(must(409, "POST", "/volumes/cd0/insert", {{"medium", disk}}).body["field"], "volumes/cd0/medium");
  must(422, "POST", "/volumes/db1/eject");
  must(404, "POST", "/volumes/none/insert", {{"medium", "a.iso"}});
  must(404, "POST", "/volumes/none/eject");
  // It goes and its images stay.
  must(200, "DELETE", "/volumes/cd0");
  must(201, "POST", "/recycle-bin/cd0/recover", Json::object());
  must(200, "DELETE", "/volumes/cd0");
  must(200, "DELETE", "/recycle-bin/cd0?force=true");
  folders = world.pools.folders();
  EXPECT_EQ(folders.at(pool_folder).size(), files + 2);
  for (const char* image : {"a.iso", "b.iso"}) folders.at(pool_folder).erase(image);
  world.pools.set_folders(folders);
}

void EveryOperation::reservations() {
  must(404, "POST", "/volumes/none/clear-reservations");
  rpc::ReservationStatus held;
  held.type = "write exclusive";
  held.lost = true;
  held.registered = 1;
  held.registrations = {{"iqn.x,i,0x1", "iqn.t,t,0x0001", "0x000000000000000a", true}};
  const std::string volume = must(200, "GET", "/volumes").body["items"][0]["name"];
  world.engine.reserve(volume, held);
  const Json told = must(200, "GET", "/volumes/" + volume).body["status"]["reservations"];
  EXPECT_EQ(told["registrations"][0]["key"], "0x000000000000000a");
  EXPECT_THAT(must(200, "GET", "/metrics").text,
              HasSubstr("ashlar_volume_registrations{volume=\"" + volume + "\"} 1"));
  EXPECT_THAT(must(200, "GET", "/metrics").text,
              HasSubstr("ashlar_volume_reserved{volume=\"" + volume + "\",type=\"write exclusive\"} 1"));
  const Json now = must(200, "POST", "/volumes/" + volume + "/clear-reservations").body;
  EXPECT_FALSE(now["status"].contains("reservations"));
}

void EveryOperation::what_goes_on() {
  world.engine.set_sessions({session_of(7, "web1", initiator_name, target_name)});
  EXPECT_EQ(must(200, "GET", "/sessions").body["total"], 1);
  must(200, "GET", "/sessions/7");
  must(404, "GET", "/sessions/8");
  must(204, "DELETE", "/sessions/7?comment=away");
  EXPECT_THAT(world.engine.dropped(), testing::ElementsAre("7: away"));
  must(200, "GET", "/stats");
  reservations();
  drives();
  world.service().telemetry.sample();
  world.now += 1;
  world.service().telemetry.sample();
  EXPECT_FALSE(must(200, "GET", "/history/series").body["items"].empty());
  EXPECT_FALSE(must(200, "GET", "/history?series=array.sessions").body["points"].empty());
  EXPECT_THAT(must(200, "GET", "/metrics").text, HasSubstr("ashlar_engine_up 1"));
  EXPECT_EQ(must(200, "GET", "/status").body["health"], "ok");
  world.engine.at_elsewhere = [](std::string_view method, const rpc::InitiatorParams&) -> Result<Json> {
    if (method == rpc::method::initiator_discover)
      return Json{{"targets", {{{"name", "iqn.x:far"}, {"portals", {"192.0.2.7:3260"}}}}}};
    return Json{
        {"identity", "naa.6"},
        {"names", {{"naa", "6"}}},
        {"vendor", "V"},
        {"product", "P"},
        {"revision", "1"},
        {"size_bytes", 4096},
        {"block_bytes", 512},
        {"paths", {{{"url", "iscsi://192.0.2.7/iqn.x:far/0"}, {"state", "up"}, {"access", "optimized"}}}}};
  };
  EXPECT_EQ(must(200, "POST", "/initiator/discover", {{"url", "iscsi://192.0.2.7"}}).body["targets"].size(),
            1u);
  EXPECT_EQ(
      must(200, "POST", "/initiator/inspect", {{"urls", {"iscsi://192.0.2.7/iqn.x:far/0"}}}).body["identity"],
      "naa.6");
  world.pools.add_device("/dev/disk/by-id/one", 1u << 30);
  EXPECT_EQ(must(200, "GET", "/disks").body["total"], 1);
}

void EveryOperation::plans_and_generations() {
  const Answered plan = must(200, "POST", "/hosts?dry_run=true", {{"name", "web2"}});
  const std::string id = plan.body["id"];
  must(404, "GET", "/hosts/web2");
  must(200, "GET", "/plans/" + id);
  must(200, "POST", "/plans/" + id + "/apply", {{"force", true}});
  must(200, "GET", "/hosts/web2");
  must(404, "POST", "/plans/" + id + "/apply");
  const Answered generations = must(200, "GET", "/generations?limit=1");
  const uint64_t newest = generations.body["items"][0]["number"];
  EXPECT_EQ(newest, world.generation());
  const std::string before = fmt::format("/generations/{}", newest - 1);
  must(200, "GET", before);
  EXPECT_EQ(must(200, "GET", before + "/diff").body["differences"][0]["path"], "hosts/web2");
  must(200, "GET", before + fmt::format("/diff?to={}", newest));
  must(200, "POST", before + "/rollback");
  must(404, "GET", "/hosts/web2");
  must(404, "GET", "/generations/123456");
}

void EveryOperation::configuration() {
  for (const char* format : {"json", "yaml", "toml"}) {
    const Answered text = must(200, "GET", std::string("/configuration?format=") + format);
    EXPECT_THAT(text.text, AllOf(HasSubstr("db1"), HasSubstr("(redacted)")));
    // What was exported is what is there: applying it changes nothing.
    http::Request request = world.request(ApiWorld::root(), "PUT", "/configuration?dry_run=true");
    request.body = text.text;
    request.headers = {{"Content-Type", std::string("application/") + format}};
    const Answered same = world.ask(request);
    EXPECT_EQ(same.status, 200) << same.text;
    EXPECT_THAT(same.body["differences"], IsEmpty()) << same.text;
  }
  must(200, "PUT", "/configuration", {{"hosts", {{{"name", "web3"}}}}});
  EXPECT_EQ(
      must(412, "PUT", "/configuration", {{"hosts", {{{"name", "web4"}}}}}, {{"If-Match", "\"g1\""}}).code(),
      "stale");
  EXPECT_EQ(must(200, "POST", "/configuration/diff", {{"hosts", {{{"name", "web5"}}}}})
                .body["differences"][0]["path"],
            "hosts/web5");
  http::Request import =
      world.request(ApiWorld::root(), "POST", "/configuration/import?source=tgt&dry_run=true");
  import.body = "<target iqn.2001-04.com.example:one>\n  backing-store /srv/one.img\n</target>\n";
  import.headers = {{"Content-Type", "text/plain"}};
  const Answered imported = world.ask(import);
  EXPECT_TRUE(imported.status == 200 || imported.status == 422) << imported.text;
  import.body = "<target iqn.2001-04.com.example:one>\n</target>\n";
  const Answered empty = world.ask(import);
  EXPECT_EQ(empty.status, 200) << empty.text;
}

void EveryOperation::jobs() {
  const Answered queued = must(202, "PATCH", "/hosts/web3", {{"comment", "later"}},
                               {{"If-Match", "*"}, {"Prefer", "respond-async"}});
  const std::string job = queued.body["id"];
  EXPECT_EQ(queued.header("Location"), "/api/v1/jobs/" + job);
  EXPECT_EQ(must(200, "GET", "/jobs/" + job + "?wait=30").body["state"], "succeeded");
  EXPECT_EQ(must(200, "GET", "/hosts/web3").body["comment"], "later");
  EXPECT_EQ(must(200, "GET", "/jobs").body["total"], 1);
  must(200, "DELETE", "/jobs/" + job);
  must(404, "GET", "/jobs/nothing");
  const std::string bundle = must(202, "POST", "/support-bundle").body["id"];
  EXPECT_EQ(must(200, "GET", "/jobs/" + bundle + "?wait=30").body["state"], "succeeded");
  EXPECT_EQ(must(200, "GET", "/support-bundle/" + bundle).text.substr(0, 2), "\x1f\x8b");
  must(404, "GET", "/support-bundle/" + job);
}

void EveryOperation::events() {
  EXPECT_FALSE(must(200, "GET", "/events?after=0&limit=1000").body["items"].empty());
  EXPECT_TRUE(world.ask("GET", "/events", nullptr, {{"Accept", "text/event-stream"}}).streams);
  EXPECT_TRUE(must(400, "GET", "/events/socket").upgrades);
  must(403, "GET", "/events/socket", nullptr, {{"Origin", "https://elsewhere"}, {"Host", "here"}});
}

void EveryOperation::alerts() {
  world.service().alarms.set("test", "pools/p0", "warning", "It is a test.", true);
  const Answered alerts = must(200, "GET", "/alerts");
  ASSERT_EQ(alerts.body["total"], 1);
  const std::string alert = alerts.body["items"][0]["id"];
  EXPECT_EQ(must(200, "POST", "/alerts/" + alert + "/acknowledge").body["state"], "acknowledged");
  must(404, "POST", "/alerts/nothing/acknowledge");
  EXPECT_THAT(must(404, "POST", "/alert-channels/nothing/test").text, HasSubstr("nothing"));
  const int receiver = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(receiver, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(receiver, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::getsockname(receiver, reinterpret_cast<sockaddr*>(&address), &size), 0);
  must(201, "POST", "/alert-channels",
       {{"name", "log"},
        {"kind", "syslog"},
        {"options", {{"server", fmt::format("udp://127.0.0.1:{}", ntohs(address.sin_port))}}}});
  must(204, "POST", "/alert-channels/log/test");
  char line[4096];
  EXPECT_GT(::recv(receiver, line, sizeof line, MSG_DONTWAIT), 0);
  ::close(receiver);
}

void EveryOperation::users() {
  must(204, "POST", "/users/bob/password", {{"password", "another good password"}});
  must(422, "POST", "/users/bob/password", {{"password", "short"}});
  const std::string secret = must(200, "POST", "/users/bob/totp").body["secret"];
  const std::string code = totp_code(secret, world.now);
  const std::string wrong = code == "000000" ? "000001" : "000000";
  EXPECT_EQ(must(422, "POST", "/users/bob/totp/confirm", {{"code", wrong}}).body["field"], "code");
  must(204, "POST", "/users/bob/totp/confirm", {{"code", code}});
  must(204, "DELETE", "/users/bob/totp");
  must(404, "POST", "/users/nobody/totp/confirm", {{"code", "000000"}});
  const Answered certificate = must(201, "POST", "/users/bob/certificate", {{"days", 30}});
  EXPECT_THAT(must(200, "GET", "/users/bob").body["certificate_subjects"].dump(),
              HasSubstr(certificate.body["subject"].get<std::string>()));
  must(204, "DELETE", "/certificates/" + certificate.body["serial"].get<std::string>());
}

void EveryOperation::logins() {
  const Answered login =
      must(200, "POST", "/login", {{"user", "bob"}, {"password", "another good password"}});
  EXPECT_THAT(login.header("Set-Cookie"), AllOf(HasSubstr("HttpOnly"), HasSubstr("SameSite=Strict")));
  const Caller bob = ApiWorld::bearer(login.body["session"]);
  EXPECT_EQ(world.ask(bob, "GET", "/whoami").body["user"], "bob");
  must(200, "GET", "/whoami");
  const Answered logins = must(200, "GET", "/logins");
  ASSERT_EQ(logins.body["total"], 1);
  must(204, "DELETE", "/logins/" + logins.body["items"][0]["id"].get<std::string>());
  EXPECT_EQ(world.ask(bob, "GET", "/whoami").status, 401);
  must(404, "DELETE", "/logins/nothing");
  must(204, "POST", "/logout");
}

void EveryOperation::audit() {
  EXPECT_FALSE(must(200, "GET", "/audit?limit=10").body["items"].empty());
  EXPECT_THAT(must(200, "GET", "/audit?format=csv").text, HasSubstr("\"/api/v1/pools\""));
  EXPECT_EQ(must(200, "GET", "/audit/verify").body["intact"], true);
}

void EveryOperation::what_is_open() {
  must(200, "GET", "/health");
  must(200, "GET", "/version");
  must(200, "GET", "/openapi.yaml");
  must(200, "GET", "/api");
  must(200, "GET", "/api/api.js");
  must(200, "GET", "/openapi.json");
}

void EveryOperation::all_goes_away() {
  std::vector<Kind> all = kinds();
  for (auto each = all.rbegin(); each != all.rend(); ++each) {
    if (each->path == "pools") must(200, "DELETE", "/recycle-bin/db1?force=true");
    must(200, "DELETE", "/" + each->path + "/" + each->name + "?force=true");
  }
  EXPECT_THAT(world.files_in_pool(), IsEmpty());
}

TEST_F(EveryOperation, AnswersAsItIsDescribed) {
  world.make_certificates();
  for (const Kind& each : kinds()) resource(each);
  must(200, "PATCH", "/users/bob", {{"disabled", false}}, {{"If-Match", "*"}});
  volumes();
  settings();
  what_goes_on();
  plans_and_generations();
  configuration();
  jobs();
  events();
  alerts();
  users();
  logins();
  audit();
  what_is_open();
  all_goes_away();
  std::vector<std::string> left_out;
  for (const api::Operation& each : ApiWorld::api().operations()) {
    if (!world.served_operations().contains(each.id)) left_out.push_back(each.id);
  }
  EXPECT_THAT(left_out, IsEmpty());
}

}  // namespace
}  // namespace ashlar::agent
