#include "engine/initiator_requests.h"

#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

constexpr char served_subsystem[] = "nqn.2026-11.io.ashlar:demo";

class InitiatorRequests : public testing::Test {
 protected:
  InitiatorRequests() {
    rpc::Document document = demo_document();
    document.portals.push_back({.name = "n", .address = "10.0.0.1", .port = 4420, .protocol = "nvme-tcp"});
    document.targets.push_back({.name = served_subsystem});
    document.mappings.push_back({.host = "all", .target = served_subsystem, .volume = "demo"});
    EXPECT_TRUE(world.apply(document));
  }
  Result<json::Json> ask(std::string_view method, const std::string& urls) {
    return world.run_as_host(
        [&] { return answer_as_initiator(std::string(method), rpc::InitiatorParams{.urls = urls}); });
  }
  EngineWorld world;
};

TEST_F(InitiatorRequests, DiscoverTargetsOfBothProtocols) {
  const auto iscsi = ask(rpc::method::initiator_discover, "iscsi://10.0.0.1");
  ASSERT_TRUE(iscsi) << iscsi.error().text();
  EXPECT_EQ((*iscsi)["targets"][0]["name"], demo_target);
  EXPECT_EQ((*iscsi)["targets"][0]["portals"][0], "10.0.0.1:3260");
  const auto nvme = ask(rpc::method::initiator_discover, "nvme-tcp://10.0.0.1");
  ASSERT_TRUE(nvme) << nvme.error().text();
  EXPECT_EQ((*nvme)["targets"][0]["name"], served_subsystem);
  EXPECT_EQ((*nvme)["targets"][0]["portals"][0], "10.0.0.1:4420");
}

TEST_F(InitiatorRequests, InspectAUnitByAllItsPaths) {
  const std::string urls = std::string("iscsi://10.0.0.1/") + demo_target + "/0 nvme-tcp://10.0.0.1/" +
                           served_subsystem + "/1 iscsi://10.0.0.1:9999/" + demo_target + "/0";
  const auto found = ask(rpc::method::initiator_inspect, urls);
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ((*found)["size_bytes"], 1 << 20);
  EXPECT_EQ((*found)["block_bytes"], 512);
  EXPECT_TRUE((*found)["identity"].get<std::string>().starts_with("naa."));
  EXPECT_EQ((*found)["paths"][0]["state"], "up");
  EXPECT_EQ((*found)["paths"][0]["access"], "optimized");
  EXPECT_EQ((*found)["paths"][1]["state"], "up") << "the same unit by the other protocol: " << *found;
  EXPECT_EQ((*found)["paths"][2]["state"], "down");
  EXPECT_NE((*found)["paths"][2]["error"].get<std::string>().find("refused"), std::string::npos);
  world.world.run_for(loop::seconds(1));
}

TEST_F(InitiatorRequests, SayWhichPartIsAtFault) {
  const std::string target = std::string("/") + demo_target;
  const std::string subsystem = std::string("/") + served_subsystem;
  struct Row {
    std::string url, place;
    ErrorCode code;
    const char* words;
  };
  const Row table[] = {
      {"iscsi://10.0.0.1", "urls[0].target", ErrorCode::invalid_argument, "IQN/LUN"},
      {"iscsi://10.0.0.1:9999" + target + "/0", "urls[0].port", ErrorCode::closed, "refused"},
      {"iscsi://10.0.0.1/iqn.2026-11.nobody:x/0", "urls[0].target", ErrorCode::not_found, "not found"},
      {"iscsi://10.0.0.1" + target + "/7", "urls[0].lun", ErrorCode::not_found, "no LUN 7"},
      {"nvme-tcp://10.0.0.1/nqn.2026-11.nobody:x/1", "urls[0].target", ErrorCode::not_found, "no subsystem"},
      {"nvme-tcp://10.0.0.1" + subsystem + "/7", "urls[0].nsid", ErrorCode::not_found, "no namespace 7"},
      {"iscsi://10.0.0.1:9999" + target + "/0 iscsi://10.0.0.1" + target + "/7", "urls", ErrorCode::closed,
       "no LUN 7"},
  };
  for (const Row& row : table) {
    const auto refused = ask(rpc::method::initiator_inspect, row.url);
    ASSERT_FALSE(refused) << row.url;
    EXPECT_EQ(refused.error().place, row.place) << row.url << ": " << refused.error().text();
    EXPECT_EQ(refused.error().code, row.code) << row.url;
    EXPECT_NE(refused.error().message.find(row.words), std::string::npos) << refused.error().text();
  }
  EXPECT_EQ(ask(rpc::method::initiator_discover, "iscsi://10.0.0.1:9999").error().place, "urls.port");
  EXPECT_EQ(ask(rpc::method::initiator_discover, "nvme-tcp://10.0.0.1:x").error().place, "urls.port");
}

// An answer that says no is one: nobody waits for the rest of the ten seconds.
TEST_F(InitiatorRequests, DoNotWaitForWhatHasFailed) {
  const loop::Instant before = world.world.now();
  EXPECT_FALSE(ask(rpc::method::initiator_inspect, "iscsi://10.0.0.1:9999/iqn.x/0"));
  EXPECT_LT(world.world.now() - before, loop::seconds(2));
}

TEST_F(InitiatorRequests, ProveThemselvesWhereThatIsAskedFor) {
  constexpr char key[] = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  rpc::Document document = demo_document();
  document.portals.push_back({.name = "n", .address = "10.0.0.1", .port = 4420, .protocol = "nvme-tcp"});
  document.targets.push_back({.name = served_subsystem});
  document.hosts[0].chap = rpc::ChapDocument{"u", "a secret of ours", "a", "a secret of theirs"};
  document.hosts[0].dhchap = rpc::DhchapDocument{key, {}, {}, {"null"}};
  document.mappings.push_back({.host = "all", .target = served_subsystem, .volume = "demo"});
  ASSERT_TRUE(world.apply(document));
  rpc::InitiatorParams params{.urls = std::string("iscsi://10.0.0.1/") + demo_target +
                                      "/0 nvme-tcp://10.0.0.1/" + served_subsystem + "/1"};
  const auto inspect = [&] {
    return world.run_as_host(
        [&] { return answer_as_initiator(std::string(rpc::method::initiator_inspect), params); });
  };
  EXPECT_FALSE(inspect());
  params.user = "u";
  params.secret = "a secret of ours";
  params.mutual_user = "a";
  params.mutual_secret = "a secret of theirs";
  params.dhchap_key = key;
  const auto found = inspect();
  ASSERT_TRUE(found) << found.error().text();
  EXPECT_EQ((*found)["paths"][0]["state"], "up") << *found;
  EXPECT_EQ((*found)["paths"][1]["state"], "up") << *found;
  params.tls_key = "no key of TLS";
  EXPECT_EQ(inspect().error().place, "tls_key");
  world.world.run_for(loop::seconds(1));
}

TEST_F(InitiatorRequests, AProofThatNoPathAsksForIsRefused) {
  rpc::InitiatorParams params = {.urls = std::string("nvme-tcp://10.0.0.1/") + served_subsystem + "/1"};
  const auto refused = [&] {
    return world
        .run_as_host([&] { return answer_as_initiator(std::string(rpc::method::initiator_inspect), params); })
        .error()
        .place;
  };
  params.user = "us";
  params.secret = "twelve bytes or more";
  EXPECT_EQ(refused(), "secret");
  params = {.urls = std::string("iscsi://10.0.0.1/") + demo_target + "/0"};
  params.dhchap_key = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
  EXPECT_EQ(refused(), "dhchap_key");
}

}  // namespace
}  // namespace ashlar::engine
