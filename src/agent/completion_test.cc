// What a wish leaves open, and what the engine is given of it.
#include "agent/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "agent/compile.h"
#include "agent/planner.h"
#include "agent/secret_fields.h"
#include "agent/world_test.h"
#include "api/lists.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class Draws {
 public:
  Draws() {
    draw.uuid = [this] {
      Uuid uuid{};
      uuid.fill(static_cast<uint8_t>(++count));
      return uuid;
    };
    draw.backing = [this](const api::Volume& volume) -> Result<std::string> {
      return fmt::format("{}-{}.img", volume.name, ++count);
    };
    draw.now = "2026-11-20T19:25:04Z";
  }
  int count = 0;
  Draw draw;
};

Configuration wish() {
  Configuration all;
  all.pools = {{.name = "p0", .kind = "dir", .path = pool_folder}};
  all.volumes = {volume_of("db1")};
  all.snapshots = {{.name = "db1@monday"}};
  all.hosts = {host_of("web1"), host_of("web2")};
  all.host_groups = {{.name = "web", .hosts = {"web1", "web2"}}};
  all.targets = {{.name = target_name}};
  return all;
}

TEST(Completion, DrawsWhatIsMissingOnce) {
  Draws draws;
  Configuration next = wish();
  const auto fresh = complete(next, {}, draws.draw);
  ASSERT_TRUE(fresh);
  EXPECT_THAT(*fresh, SizeIs(2));
  const api::Volume& volume = next.volumes[0];
  EXPECT_THAT(volume.identity.naa, SizeIs(16));
  EXPECT_EQ(volume.identity.naa[0], '3');
  EXPECT_FALSE(volume.identity.eui64.empty() || volume.identity.uuid.empty() ||
               volume.identity.serial.empty());
  EXPECT_TRUE(fresh->contains(backing_key("p0", volume.backing)));
  EXPECT_EQ(volume.created_at, draws.draw.now);
  EXPECT_EQ(next.snapshots[0].volume, "db1");
  EXPECT_EQ(volume.key_id, "");
  EXPECT_EQ(next.snapshots[0].size_bytes, volume.size_bytes);
  // Again, on what it made: nothing is drawn any more.
  Configuration again = next;
  const int count = draws.count;
  EXPECT_THAT(*complete(again, next, draws.draw), IsEmpty());
  EXPECT_EQ(again, next);
  EXPECT_EQ(draws.count, count);
  // And the same wish keeps all that it does not say.
  Configuration repeated = wish();
  draws.draw.now = "later";
  EXPECT_THAT(*complete(repeated, next, draws.draw), IsEmpty());
  EXPECT_EQ(repeated, next);
}

TEST(Completion, KeepsIdentitiesAndWritesThemOneWay) {
  Draws draws;
  Configuration next = wish();
  next.volumes[0].identity.naa = "NAA.3AB0000000000001";
  next.volumes[0].identity.naa = "0x3AB0000000000001";
  ASSERT_TRUE(complete(next, {}, draws.draw));
  EXPECT_EQ(next.volumes[0].identity.naa, "3ab0000000000001");
  EXPECT_FALSE(next.volumes[0].identity.serial.empty());
  Configuration odd = wish();
  odd.volumes[0].identity.naa = "not hex";
  ASSERT_TRUE(complete(odd, {}, draws.draw));
  EXPECT_EQ(odd.volumes[0].identity.naa, "not hex") << "for the check to name";
}

TEST(Completion, ARestoreChoosesNewStorage) {
  Draws draws;
  Configuration before = wish();
  ASSERT_TRUE(complete(before, {}, draws.draw));
  Configuration next = before;
  next.volumes[0].backing = std::string(new_backing);
  const auto fresh = complete(next, before, draws.draw);
  EXPECT_THAT(*fresh, SizeIs(1));
  EXPECT_NE(next.volumes[0].backing, before.volumes[0].backing);
  EXPECT_EQ(next.volumes[0].identity, before.volumes[0].identity);
}

TEST(Completion, APoolThatRefusesIsAnError) {
  Draws draws;
  draws.draw.backing = [](const api::Volume&) -> Result<std::string> {
    return fail(ErrorCode::no_space, "device", "none is empty");
  };
  Configuration next = wish();
  EXPECT_EQ(complete(next, {}, draws.draw).error().code, ErrorCode::no_space);
  next.volumes[0].pool = "nowhere";
  next.snapshots.clear();
  EXPECT_TRUE(complete(next, {}, draws.draw)) << "a pool that is not there is for the check to name";
}

TEST(Completion, LunsAreTheLowestThatAreFreeForAllHosts) {
  Draws draws;
  Configuration next = wish();
  for (const char* name : {"a", "b", "c"}) next.volumes.push_back(volume_of(name));
  next.maps = {{.volume = "a", .target = target_name, .host = "web1"},
               {.volume = "b", .target = target_name, .host = "web2", .lun = 1},
               {.volume = "c", .target = target_name, .host_group = "web"}};
  ASSERT_TRUE(complete(next, {}, draws.draw));
  EXPECT_EQ(next.maps[0].name, "a.web1");
  EXPECT_EQ(next.maps[0].lun, 0);
  EXPECT_EQ(next.maps[2].name, "c.web");
  EXPECT_EQ(next.maps[2].lun, 2) << "0 is web1's, 1 is web2's";
  // A map that is written again without its LUN keeps it, though a lower one is free.
  Configuration again = next;
  again.maps.erase(again.maps.begin());
  for (api::Map& each : again.maps) each.lun.reset();
  ASSERT_TRUE(complete(again, next, draws.draw));
  EXPECT_EQ(again.maps[0].lun, 1);
  EXPECT_EQ(again.maps[1].lun, 2);
}

TEST(Completion, UsersAndTokensKeepTheirSecrets) {
  Draws draws;
  Configuration before;
  before.users = {{.name = "alice", .password = "secret:1", .totp_secret = "secret:2"}};
  before.tokens = {{.name = "t", .user = "alice", .hash = "secret:3", .created_at = "then"}};
  Configuration next;
  next.users = {{.name = "alice"}};
  next.tokens = {{.name = "t", .user = "alice"}};
  ASSERT_TRUE(complete(next, before, draws.draw));
  EXPECT_EQ(next, before);
  next.users[0].totp_secret = std::string(no_secret);
  ASSERT_TRUE(complete(next, before, draws.draw));
  EXPECT_EQ(next.users[0].totp_secret, "");
  next.users[0] = {.name = "alice", .source = "ldap"};
  ASSERT_TRUE(complete(next, before, draws.draw));
  EXPECT_EQ(next.users[0].password, "") << "the password was of another source";
}

CompileSources sources() {
  CompileSources sources;
  sources.store_of = [](const api::Volume& volume) -> Result<rpc::StoreDocument> {
    return rpc::StoreDocument{"file", {{"path", "/p/" + volume.backing}}};
  };
  sources.secret_of = [](const std::string& reference) -> Result<std::string> {
    if (reference == "secret:lost") return fail(ErrorCode::not_found, reference, "is not there");
    return "plain " + reference;
  };
  return sources;
}

TEST(Compile, GroupsBecomeOneMappingAHost) {
  Draws draws;
  Configuration all = wish();
  all.portals = {{.name = "san-a", .address = "192.0.2.10"}};
  all.hosts.push_back({.name = "nameless"});
  all.host_groups[0].hosts.push_back("nameless");
  all.maps = {{.volume = "db1", .target = target_name, .host_group = "web", .read_only = true}};
  ASSERT_TRUE(complete(all, {}, draws.draw));
  const auto document = compile(all, sources());
  ASSERT_TRUE(document);
  EXPECT_THAT(document->hosts, SizeIs(2)) << "a host without an initiator cannot log in";
  ASSERT_THAT(document->mappings, SizeIs(2));
  EXPECT_EQ(document->mappings[1], (rpc::MappingDocument{"web2", target_name, "db1", 0, true}));
  EXPECT_EQ(document->volumes[0].store.options.at("path"), "/p/" + all.volumes[0].backing);
  EXPECT_EQ(document->volumes[0].identity->naa, all.volumes[0].identity.naa);
  const auto checked = rpc::check_document(*document);
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(Compile, WhatHostsAreToldOfTheArray) {
  Draws draws;
  Configuration all = wish();
  all.portals = {{.name = "san-a", .address = "192.0.2.10"}};
  all.hosts[0].asynchronous_events = true;
  all.settings.push_back({"array.management_urls", api::Json::array({"https://192.0.2.1:8443/"})});
  all.maps = {{.volume = "db1", .target = target_name, .host = all.hosts[0].name}};
  ASSERT_TRUE(complete(all, {}, draws.draw));
  const auto document = compile(all, sources());
  ASSERT_TRUE(document);
  EXPECT_EQ(document->targets[0].management_addresses,
            all.settings.back().value.get<std::vector<std::string>>());
  EXPECT_EQ(std::ranges::count(document->hosts, true, &rpc::HostDocument::asynchronous_events), 1);
  const auto checked = rpc::check_document(*document);
  EXPECT_TRUE(checked) << checked.error().text();
}

TEST(Compile, SecretsAreSaidPlainly) {
  Configuration all = wish();
  all.hosts[0].chap = api::Chap{"u", "secret:1", "m", "secret:2"};
  auto document = compile(all, sources());
  ASSERT_TRUE(document);
  EXPECT_EQ(document->hosts[0].chap->secret, "plain secret:1");
  EXPECT_EQ(document->hosts[0].chap->mutual_secret, "plain secret:2");
  all.hosts[0].tls_key = "secret:3";
  all.hosts[0].tls_optional = true;
  const auto with_tls = compile(all, sources());
  ASSERT_TRUE(with_tls);
  EXPECT_EQ(with_tls->hosts[0].tls_key, "plain secret:3");
  EXPECT_TRUE(with_tls->hosts[0].tls_optional);
  all.hosts[0].dhchap = api::Dhchap{.key = "secret:1", .controller_key = "secret:2", .hashes = {"sha-384"}};
  const auto with_keys = compile(all, sources());
  ASSERT_TRUE(with_keys);
  EXPECT_EQ(with_keys->hosts[0].dhchap->key, "plain secret:1");
  EXPECT_EQ(with_keys->hosts[0].dhchap->controller_key, "plain secret:2");
  EXPECT_EQ(with_keys->hosts[0].dhchap->hashes, std::vector<std::string>{"sha-384"});
  all.hosts[0].chap->mutual_secret = "secret:lost";
  EXPECT_EQ(compile(all, sources()).error().code, ErrorCode::not_found);
}

/// Takes plain secrets in as "secret:kept N".
class TakeIn : public testing::Test {
 protected:
  Result<void> take(Configuration& next, const Configuration& before) {
    return take_in_secrets(
        next, before,
        [this](SecretKind, const std::string& path, const std::string& plain, const std::string& before) {
          if (before == "secret:" + plain) return Result<std::string>(before);
          kept.push_back(path + "=" + plain);
          return Result<std::string>(fmt::format("secret:kept {}", kept.size()));
        });
  }
  static Configuration with_chap(const std::string& secret, const std::string& mutual = "") {
    Configuration all;
    all.hosts = {host_of("web1")};
    all.hosts[0].chap = api::Chap{"u", secret, mutual.empty() ? "" : "m", mutual};
    return all;
  }
  std::vector<std::string> kept;
};

TEST_F(TakeIn, PlainBecomesAReference) {
  Configuration next = with_chap("twelve bytes", "twelve other");
  ASSERT_TRUE(take(next, {}));
  EXPECT_THAT(
      kept, ElementsAre("hosts/web1/chap/secret=twelve bytes", "hosts/web1/chap/mutual_secret=twelve other"));
  EXPECT_EQ(next.hosts[0].chap->secret, "secret:kept 1");
  EXPECT_EQ(secret_references(next), (std::set<std::string>{"secret:kept 1", "secret:kept 2"}));
}

TEST_F(TakeIn, RedactedKeepsWhatWasThere) {
  const Configuration before = with_chap("secret:old");
  Configuration next = with_chap(std::string(api::redacted));
  ASSERT_TRUE(take(next, before));
  EXPECT_EQ(next.hosts[0].chap->secret, "secret:old");
  EXPECT_THAT(kept, IsEmpty());
  Configuration nothing = with_chap(std::string(api::redacted));
  EXPECT_THAT(take(nothing, {}).error().message, HasSubstr("there is none"));
}

TEST_F(TakeIn, TellsWhatIsThereNow) {
  const Configuration before = with_chap("secret:twelve bytes");
  Configuration next = with_chap("twelve bytes");
  ASSERT_TRUE(take(next, before));
  EXPECT_EQ(next, before);
}

TEST_F(TakeIn, LengthsAndStrangers) {
  for (const std::string& bad : {std::string("eleven byte"), std::string(256, 'x'),
                                 std::string("secret:mine"), std::string("\n"), std::string("")}) {
    Configuration next = with_chap(bad);
    const auto taken = take(next, {});
    if (bad.empty()) {
      EXPECT_TRUE(taken);
      continue;
    }
    ASSERT_FALSE(taken) << bad;
    EXPECT_EQ(taken.error().place, "hosts/web1/chap/secret");
    EXPECT_EQ(taken.error().text().find(bad == "\n" ? "nothing" : bad), std::string::npos)
        << "no error tells a secret";
  }
  EXPECT_THAT(kept, IsEmpty());
}

TEST_F(TakeIn, KeysOfTlsAreLookedAt) {
  constexpr char key[] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
  Configuration next;
  next.hosts = {host_of("web1")};
  next.hosts[0].tls_key = key;
  ASSERT_TRUE(take(next, {}));
  EXPECT_EQ(next.hosts[0].tls_key, "secret:kept 1");
  EXPECT_THAT(kept, ElementsAre(std::string("hosts/web1/tls_key=") + key));
  next.hosts[0].tls_key = std::string(key).replace(20, 1, "x");
  const auto refused = take(next, {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, "hosts/web1/tls_key");
  EXPECT_THAT(refused.error().text(), AllOf(HasSubstr("check value"), testing::Not(HasSubstr("VRLb"))));
}

TEST_F(TakeIn, ReferencesOfBeforeMayMove) {
  const Configuration before = with_chap("secret:old");
  Configuration next = with_chap("secret:old");
  next.hosts[0].name = "web2";
  ASSERT_TRUE(take(next, before));
  EXPECT_EQ(next.hosts[0].chap->secret, "secret:old");
}

TEST_F(TakeIn, AKeyOfAnotherFormIsRefused) {
  const Configuration before;
  Configuration next;
  next.hosts = {host_of("web1")};
  next.hosts[0].dhchap = api::Dhchap{.key = "DHHC-1:00:AAAA:"};
  const auto refused = take(next, before);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().place, "hosts/web1/dhchap/key");
  next.hosts[0].dhchap->key = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  ASSERT_TRUE(take(next, before));
  EXPECT_EQ(next.hosts[0].dhchap->key, "secret:kept 1");
}

TEST_F(TakeIn, EveryPlaceOfASecretIsVisited) {
  Configuration all = with_chap("1", "2");
  all.hosts[0].tls_key = "8";
  all.hosts[0].dhchap = api::Dhchap{.key = "9", .controller_key = "10"};
  all.users = {{.name = "u", .password = "3", .totp_secret = "4"}};
  all.tokens = {{.name = "t", .user = "u", .hash = "5"}};
  all.alert_channels = {{.name = "c", .kind = "snmp", .secret = "6", .second_secret = "7"}};
  std::set<std::string> seen;
  for_each_secret(all, [&seen](const std::string&, SecretKind, std::string& value) { seen.insert(value); });
  EXPECT_THAT(seen, SizeIs(10));
  // What is printed with secrets redacted must not show any of them.
  const std::string text = api::print_json(api::write_configuration(all, api::Secrets::redact));
  for (const std::string& each : seen) EXPECT_EQ(text.find("\"" + each + "\""), std::string::npos) << each;
}

// A LUN that the host never looks at would be no LUN.
TEST(DrawLuns, AreThoseThatEveryHostOfTheMapFinds) {
  Configuration all;
  all.hosts = {{.name = "win", .os = "windows"}, {.name = "lin", .os = "linux"}};
  all.host_groups = {{.name = "both", .hosts = {"lin", "win"}}};
  for (uint16_t i = 0; i < 254; ++i)
    all.maps.push_back({.volume = fmt::format("v{}", i), .target = target_name, .host = "win", .lun = i});
  all.maps.push_back({.volume = "last", .target = target_name, .host_group = "both"});
  all.maps.push_back({.volume = "one more", .target = target_name, .host = "lin"});
  all.maps.push_back({.volume = "too many", .target = target_name, .host_group = "both"});
  draw_luns(all);
  EXPECT_EQ(all.maps[254].lun, 254);
  EXPECT_EQ(all.maps[255].lun, 0);
  EXPECT_EQ(all.maps[256].lun, 254) << "taken: the check says so";
}

}  // namespace
}  // namespace ashlar::agent
