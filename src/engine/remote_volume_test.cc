// Volumes that are units of another array: how they prove themselves there, and what is told of their paths. Both arrays are engines
// in one simulated world.
#include <gmock/gmock.h>

#include "engine/engine_world_test.h"
#include "initiator/remote_store.h"

namespace ashlar::engine {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr char far_subsystem[] = "nqn.2026-11.io.ashlar:demo";
constexpr char our_iqn[] = "iqn.2026-11.com.example:near", our_nqn[] = "nqn.2026-11.com.example:near";
constexpr char our_secret[] = "the secret of the near one", far_secret[] = "the secret of the far one";
constexpr char our_key[] = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
constexpr char far_key[] = "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
constexpr char tls_key[] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";

/// The far array has a volume for one host, which is the near one.
rpc::Document far_document() {
  rpc::Document document;
  document.volumes = {file_volume("demo")};
  document.hosts.push_back({.name = "near",
                            .initiators = {our_iqn, our_nqn},
                            .chap = rpc::ChapDocument{"near", our_secret, "far", far_secret},
                            .dhchap = rpc::DhchapDocument{our_key, far_key, {}, {"null"}}});
  document.portals = {{.name = "i", .address = "10.0.0.1"},
                      {.name = "n", .address = "10.0.0.1", .port = 4420, .protocol = "nvme-tcp"}};
  document.portals[1].tls = "allowed";
  document.targets = {{.name = demo_target}, {.name = far_subsystem}};
  document.mappings = {{.host = "near", .target = demo_target, .volume = "demo"},
                       {.host = "near", .target = far_subsystem, .volume = "demo"}};
  return document;
}

const std::string by_iscsi = std::string("iscsi://10.0.0.1/") + demo_target + "/0";
const std::string by_nvme = std::string("nvme-tcp://10.0.0.1/") + far_subsystem + "/1";

class RemoteVolume : public testing::Test {
 protected:
  RemoteVolume() {
    stores::add_all(registry_);
    layers::add_all(registry_);
    initiator::add_remote(registry_);
    world.host.loop(0).enter(
        [&] { near_ = std::make_unique<Engine>(world.host, registry_, EngineOptions{}); });
    world.run_as_host([&] { return near_->start(); });
    EXPECT_TRUE(world.apply(far_document()));
  }
  ~RemoteVolume() override {
    world.run_as_host([&] { return near_->stop(loop::seconds(5)); });
    world.world.run_for(loop::seconds(30));  // paths that close
    world.host.loop(0).enter([&] { near_.reset(); });
  }
  static rpc::Document near_document(const std::string& urls, std::map<std::string, std::string> options) {
    rpc::Document document;
    rpc::VolumeDocument volume;
    volume.name = "far";
    options["urls"] = urls;
    options["initiator"] = our_iqn;
    options["host_nqn"] = our_nqn;
    volume.store = {"remote", std::move(options)};
    document.volumes = {volume};
    return document;
  }
  Result<rpc::ApplyReport> open(const std::string& urls, std::map<std::string, std::string> options) {
    document = near_document(urls, std::move(options));
    auto report = apply();
    world.world.run_for(loop::seconds(2));  // its own paths come after those that looked
    return report;
  }
  bool comes_about(const std::function<bool()>& holds) {
    for (int i = 0; i < 10000; ++i) {
      if (holds()) return true;
      world.world.run_for(loop::milliseconds(20));
    }
    return false;
  }
  Result<rpc::ApplyReport> apply() {
    return world.run_as_host([&] { return near_->apply(document, false); });
  }
  /// Why the volume does not open.
  std::string refused(const std::string& urls, std::map<std::string, std::string> options) {
    const auto report = open(urls, std::move(options));
    return report ? "opened" : report.error().text();
  }
  std::vector<rpc::PathStatus> paths() {
    const rpc::EngineStatus status = world.run_as_host([&] { return near_->status(); });
    if (status.volumes.size() != 1 || !status.volumes[0].remote) return {};
    EXPECT_EQ(status.volumes[0].remote->size_bytes, 1u << 20);
    return status.volumes[0].remote->paths;
  }
  std::vector<uint64_t> far_sessions() {
    std::vector<uint64_t> ids;
    for (const auto& each : world.run([&] { return world.engine->sessions(); })) ids.push_back(each.id);
    return ids;
  }

  EngineWorld world{1};
  rpc::Document document;
  std::unique_ptr<Engine> near_;

 private:
  block::Registry registry_;
};

const std::map<std::string, std::string> chap = {
    {"user", "near"}, {"secret", our_secret}, {"mutual_user", "far"}, {"mutual_secret", far_secret}};
const std::map<std::string, std::string> dhchap = {
    {"dhchap_key", our_key}, {"dhchap_controller_key", far_key}, {"dhchap_groups", "null"}};

std::map<std::string, std::string> with(std::map<std::string, std::string> options, const char* name,
                                        const std::string& value) {
  options[name] = value;
  return options;
}

std::map<std::string, std::string> both() {
  std::map<std::string, std::string> options = chap;
  options.insert(dhchap.begin(), dhchap.end());
  return options;
}

TEST_F(RemoteVolume, BothSidesProveThemselvesByChap) {
  const auto opened = open(by_iscsi, chap);
  ASSERT_TRUE(opened) << opened.error().text();
  ASSERT_EQ(paths().size(), 1u);
  const rpc::PathStatus path = paths()[0];
  EXPECT_EQ(path.url, std::string("iscsi://10.0.0.1:3260/") + demo_target + "/0");
  EXPECT_EQ(path.state, "optimized");
  EXPECT_THAT(path.authentication, HasSubstr("mutual CHAP"));
  EXPECT_EQ(path.shards, 1u);
  EXPECT_THAT(path.last_error, IsEmpty());
  const auto sessions = world.run([&] { return world.engine->sessions(); });
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_THAT(sessions[0].authentication, HasSubstr("mutual CHAP"));
}

TEST_F(RemoteVolume, AWrongSecretOfEitherSideIsSaidAndNotShown) {
  const std::string guess = "a guess at a secret";
  EXPECT_THAT(refused(by_iscsi, {}), HasSubstr("no path came up"));
  EXPECT_THAT(refused(by_iscsi, with(chap, "secret", guess)),
              AllOf(HasSubstr("no path came up"), Not(HasSubstr(guess)), Not(HasSubstr("of the far one"))));
  EXPECT_THAT(refused(by_iscsi, with(chap, "mutual_secret", guess)),
              AllOf(HasSubstr("did not prove to be far"), Not(HasSubstr(guess))));
  EXPECT_THAT(refused(by_iscsi, with(chap, "mutual_secret", our_secret)),
              HasSubstr("volumes[0].store.mutual_secret"));
  EXPECT_THAT(refused(by_iscsi, with(chap, "mutual_user", "")), HasSubstr("mutual_user"));
  EXPECT_THAT(far_sessions(), IsEmpty());
}

TEST_F(RemoteVolume, BothSidesProveThemselvesOverNvme) {
  const auto opened = open(by_nvme, dhchap);
  ASSERT_TRUE(opened) << opened.error().text();
  ASSERT_EQ(paths().size(), 1u);
  EXPECT_EQ(paths()[0].state, "optimized");
  EXPECT_THAT(paths()[0].authentication, HasSubstr("DH-HMAC-CHAP"));
  const auto sessions = world.run([&] { return world.engine->sessions(); });
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_THAT(sessions[0].authentication, HasSubstr("DH-HMAC-CHAP"));
}

TEST_F(RemoteVolume, AWrongKeyOfEitherSideIsSaid) {
  constexpr char guess[] = "DHHC-1:02:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  EXPECT_THAT(refused(by_nvme, {}), HasSubstr("no key for it"));
  EXPECT_THAT(refused(by_nvme, with(dhchap, "dhchap_key", guess)),
              AllOf(HasSubstr("no path came up"), Not(HasSubstr("DHHC"))));
  EXPECT_THAT(refused(by_nvme, with(dhchap, "dhchap_controller_key", guess)),
              AllOf(HasSubstr("no path came up"), Not(HasSubstr("DHHC"))));
  EXPECT_THAT(refused(by_nvme, with(dhchap, "dhchap_key", "a key of another form")),
              AllOf(HasSubstr("volumes[0].store.dhchap_key"), Not(HasSubstr("another form"))));
  EXPECT_THAT(refused(by_nvme, with(dhchap, "dhchap_controller_key", our_key)),
              HasSubstr("volumes[0].store.dhchap_controller_key"));
}

TEST_F(RemoteVolume, ComesByTlsWithItsKey) {
  rpc::Document far = far_document();
  far.hosts[0].chap.reset();
  far.hosts[0].dhchap.reset();
  far.hosts[0].tls_key = tls_key;
  far.portals[1].tls = "required";
  ASSERT_TRUE(world.apply(far));
  EXPECT_THAT(refused(by_nvme, {}), HasSubstr("no path came up"));
  const auto opened = open(by_nvme, {{"tls_key", tls_key}});
  ASSERT_TRUE(opened) << opened.error().text();
  ASSERT_EQ(paths().size(), 1u);
  EXPECT_EQ(paths()[0].authentication, "TLS PSK");
}

TEST_F(RemoteVolume, EachProtocolHasItsOwnProofOfOneVolume) {
  const auto opened = open(by_iscsi + " " + by_nvme, both());
  ASSERT_TRUE(opened) << opened.error().text();
  ASSERT_EQ(paths().size(), 2u);
  EXPECT_THAT(paths()[0].authentication, HasSubstr("mutual CHAP"));
  EXPECT_THAT(paths()[1].authentication, HasSubstr("DH-HMAC-CHAP"));
  EXPECT_EQ(paths()[1].state, "optimized");
}

TEST_F(RemoteVolume, ASecretChangesWhileItIsServed) {
  ASSERT_TRUE(open(by_iscsi, chap));
  rpc::Document far = far_document();
  far.hosts[0].chap->secret = "the next secret of the near one";
  ASSERT_TRUE(world.apply(far));
  ASSERT_EQ(far_sessions().size(), 1u) << "who is in stays in";
  const uint64_t id = far_sessions()[0];
  ASSERT_TRUE(world.run([&] { return world.engine->drop_session(id, "a test"); }));
  world.world.run_for(loop::seconds(5));
  rpc::PathStatus path = paths().at(0);
  EXPECT_EQ(path.state, "down");
  EXPECT_EQ(path.shards, 0u);
  EXPECT_EQ(path.losses, 1u);
  EXPECT_EQ(path.reconnects, 0u);
  EXPECT_THAT(path.last_error, AllOf(Not(IsEmpty()), Not(HasSubstr("secret of"))));

  document.volumes[0].store.options["secret"] = "the next secret of the near one";
  const auto report = apply();
  ASSERT_TRUE(report) << report.error().text();
  ASSERT_FALSE(report->steps.empty());
  EXPECT_EQ(report->steps[0].kind, "set credentials");
  EXPECT_THAT(report->steps[0].detail, Not(HasSubstr("secret of")));
  // The far array holds who guessed back for a while.
  ASSERT_TRUE(comes_about([&] { return paths().at(0).state == "optimized"; }));
  EXPECT_EQ(paths().at(0).reconnects, 1u);
  EXPECT_EQ(far_sessions().size(), 1u);
  const auto again = apply();
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->changed);
}

TEST_F(RemoteVolume, CredentialsThatAreWrongChangeNothing) {
  ASSERT_TRUE(open(by_iscsi, chap));
  document.volumes[0].store.options.erase("user");
  const auto refused = apply();
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().text(), AllOf(HasSubstr("volumes[0]"), HasSubstr("user")));
  const auto running = world.run_as_host([&] { return near_->status(); });
  EXPECT_EQ(running.volumes[0].store.options.at("user"), "near");
  document.volumes[0].store.options = near_document(by_iscsi, chap).volumes[0].store.options;
  document.volumes[0].store.options["initiator"] = "iqn.2026-11.com.example:another";
  EXPECT_EQ(apply().error().place, "volumes[0].store") << "the name is no credential";
}

TEST_F(RemoteVolume, APathThatIsLostIsDownAndComesBack) {
  ASSERT_TRUE(open(by_iscsi + " " + by_nvme, both()));
  for (const auto& [index, protocol] : {std::pair(size_t{0}, "iscsi"), {size_t{1}, "nvme-tcp"}}) {
    ASSERT_TRUE(comes_about([&, at = index] { return paths().at(at).state == "optimized"; })) << protocol;
    const auto sessions = world.run([&] { return world.engine->sessions(); });
    const auto session = std::ranges::find(sessions, protocol, &rpc::SessionStatus::protocol);
    ASSERT_NE(session, sessions.end());
    const uint64_t id = session->id;
    ASSERT_TRUE(world.run([&] { return world.engine->drop_session(id, "a test"); }));
    ASSERT_TRUE(comes_about([&, at = index] { return paths().at(at).state == "down"; })) << protocol;
    EXPECT_EQ(paths().at(1 - index).state, "optimized") << "the other one stays";
    rpc::PathStatus path = paths().at(index);
    EXPECT_EQ(path.losses, 1u);
    EXPECT_THAT(path.last_error, Not(IsEmpty()));
    ASSERT_TRUE(comes_about([&, at = index] { return paths().at(at).state == "optimized"; })) << protocol;
    path = paths().at(index);
    EXPECT_EQ(path.reconnects, 1u);
    EXPECT_THAT(path.last_error, Not(IsEmpty())) << "what was, is told still";
  }
}

}  // namespace
}  // namespace ashlar::engine
