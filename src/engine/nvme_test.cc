// One volume over two protocols: what one host writes the other reads, and what changes reaches both.
#include <gmock/gmock.h>

#include <algorithm>

#include "engine/engine_world_test.h"
#include "initiator/nvme_controller.h"

namespace ashlar::engine {
namespace {

using initiator::NvmeController;
using wire::nvme::IoOpcode;
using wire::nvme::Status;

constexpr char demo_subsystem[] = "nqn.2026-11.io.ashlar:demo";
constexpr uint16_t nvme_port = 4420;

rpc::Document both_protocols() {
  rpc::Document document = demo_document();
  document.portals.push_back({.name = "n", .address = "10.0.0.1", .port = nvme_port, .protocol = "nvme-tcp"});
  document.targets.push_back({.name = demo_subsystem});
  document.mappings.push_back({.host = "all", .target = demo_subsystem, .volume = "demo", .lun = 4});
  return document;
}

class NvmeEngine : public testing::Test {
 protected:
  NvmeEngine() {
    options.endpoint = {"10.0.0.1", nvme_port};
    options.subsystem = demo_subsystem;
    options.host_name = "nqn.2014-08.org.nvmexpress:uuid:h1";
    options.host_id = {7};
  }
  std::unique_ptr<NvmeController> attach(uint16_t io_queues = 2) {
    auto attached =
        world.run_as_host([&] { return NvmeController::attach(world.host.loop(0), options, io_queues); });
    EXPECT_TRUE(attached) << attached.error().text();
    return attached ? std::move(*attached) : nullptr;
  }
  void leave(std::unique_ptr<NvmeController> controller) {
    world.host.loop(0).enter([&] { controller.reset(); });
    world.world.run_for(loop::seconds(1));
  }
  Status run_on(initiator::NvmeQueue& queue, wire::nvme::Submission entry, std::vector<uint8_t> data = {}) {
    const auto answer = world.run_as_host([&] { return queue.run(entry, data); });
    return answer ? answer->completion.outcome.status : Status::internal_path_error;
  }
  initiator::NvmeQueueOptions options;
  EngineWorld world;
};

TEST_F(NvmeEngine, ServesNamespacesBesideLuns) {
  ASSERT_TRUE(world.apply(both_protocols()));
  auto controller = attach();
  ASSERT_NE(controller, nullptr);
  std::vector<uint8_t> data(4096, 0x5a);
  EXPECT_EQ(run_on(controller->io(0), initiator::nvme_blocks(IoOpcode::write, 5, 8, 8), data),
            Status::success);
  EXPECT_EQ(run_on(controller->io(1), initiator::nvme_blocks(IoOpcode::compare, 5, 8, 8), data),
            Status::success);
  EXPECT_EQ(run_on(controller->io(0), initiator::nvme_blocks(IoOpcode::flush, 1, 0, 1)),
            Status::invalid_namespace);
  const auto session = world.log_in();
  ASSERT_TRUE(session);
  const rpc::EngineStatus status = world.status();
  EXPECT_EQ(status.sessions, 2u);
  EXPECT_EQ(status.volumes[0].sessions, 2u);
  const auto sessions = world.run([&] { return world.engine->sessions(); });
  const auto of_nvme = std::ranges::find(sessions, "nvme-tcp", &rpc::SessionStatus::protocol);
  ASSERT_NE(of_nvme, sessions.end());
  EXPECT_EQ(of_nvme->target, demo_subsystem);
  EXPECT_EQ(of_nvme->connections, 3u);
  EXPECT_EQ(of_nvme->commands_by_kind.at("write"), 1u);
  EXPECT_EQ(of_nvme->commands_by_kind.at("compare"), 1u);
  EXPECT_EQ(of_nvme->commands_by_kind.at("failed"), 1u);
  EXPECT_FALSE(of_nvme->commands_by_kind.contains("read"));
  EXPECT_GT(of_nvme->written_bytes, 0u);
  const uint64_t id = of_nvme->id;
  EXPECT_TRUE(world.run([&] { return world.engine->drop_session(id, "a test"); }));
  EXPECT_FALSE(world.run([&] { return world.engine->drop_session(id, "a test"); }));
  world.world.run_for(loop::seconds(1));
  EXPECT_FALSE(controller->admin().open());
  leave(std::move(controller));
}

TEST_F(NvmeEngine, AResizeReachesTheNamespace) {
  ASSERT_TRUE(world.apply(both_protocols()));
  auto controller = attach(0);
  ASSERT_NE(controller, nullptr);
  ASSERT_TRUE(world.run_as_host([&] { return controller->set_feature(0x0b, 1u << 8); }));
  wire::nvme::Submission event;
  event.set_opcode(static_cast<uint8_t>(wire::nvme::AdminOpcode::asynchronous_event_request));
  std::optional<loop::Task<Result<initiator::NvmeAnswer>>> hearing;
  world.host.loop(0).enter([&] { hearing.emplace(controller->admin().run(event)); });
  ASSERT_TRUE(world.run([&] { return world.engine->resize("demo", 2 << 20, false); }));
  ASSERT_TRUE(world.world.run_until([&] { return hearing->done(); }, loop::seconds(10)));
  const auto page =
      world.run_as_host([&] { return controller->identify(wire::nvme::IdentifyKind::nvm_namespace, 5); });
  EXPECT_EQ(load_le64(page->data.data()), (2u << 20) / 512);
  leave(std::move(controller));
}

TEST_F(NvmeEngine, AnEncryptedVolumeIsANamespaceLikeOthers) {
  rpc::Document document = both_protocols();
  document.volumes[0].encrypted = true;
  ASSERT_TRUE(world.apply(document));
  auto controller = attach();
  ASSERT_NE(controller, nullptr);
  const std::vector<uint8_t> data(4096, 0x5a);
  ASSERT_EQ(run_on(controller->io(0), initiator::nvme_blocks(IoOpcode::write, 5, 8, 8), data),
            Status::success);
  EXPECT_EQ(run_on(controller->io(1), initiator::nvme_blocks(IoOpcode::compare, 5, 8, 8), data),
            Status::success);
  const auto file = world.world.machine("array").disk.find("/srv/demo.img");
  ASSERT_NE(file, nullptr);
  std::vector<uint8_t> stored(4096);
  file->content.current().read(8 * 512, stored);
  EXPECT_LT(std::ranges::count(stored, 0x5a), 4096 / 16) << "it is ciphertext";
  auto session = world.log_in();
  ASSERT_TRUE(session);
  initiator::BlockUnit unit(**session, 0);
  ASSERT_TRUE(world.run_as_host([&] { return unit.become_ready(); }));
  const initiator::Cdb cryptographic_erase = {0x48, 0x03, 0, 0, 0, 0, 0, 0, 0, 0};
  EXPECT_TRUE(world.run_as_host([&] { return unit.execute(cryptographic_erase, {}, {}); }).good());
  EXPECT_EQ(run_on(controller->io(0), initiator::nvme_blocks(IoOpcode::compare, 5, 8, 8), data),
            Status::compare_failure);
  EXPECT_EQ(run_on(controller->io(0), initiator::nvme_blocks(IoOpcode::compare, 5, 8, 8),
                   std::vector<uint8_t>(4096)),
            Status::success);
  leave(std::move(controller));
  world.leave(std::move(*session));
}

const std::string host_key_text = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
const std::string other_key_text = "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";

TEST_F(NvmeEngine, AHostProvesItselfByTheKeysOfTheDocument) {
  rpc::Document document = both_protocols();
  document.hosts[0].dhchap = rpc::DhchapDocument{
      .key = host_key_text, .controller_key = other_key_text, .hashes = {"sha-384"}, .groups = {}};
  ASSERT_TRUE(world.apply(document));
  EXPECT_EQ(world.status().hosts[0].authentication, "mutual DH-HMAC-CHAP");
  initiator::NvmeQueueOptions options;
  options.endpoint = {"10.0.0.1", nvme_port};
  options.subsystem = demo_subsystem;
  options.host_name = "nqn.2014-08.org.nvmexpress:uuid:h1";
  options.host_id = {7};
  const auto connect = [&] {
    return world.run_as_host([&] { return NvmeController::attach(world.host.loop(0), options, 1); });
  };
  EXPECT_FALSE(connect()) << "without a key";
  options.proof = initiator::NvmeProof{.key = *parse_dhchap_key(other_key_text, ""), .controller_key = {}};
  EXPECT_FALSE(connect()) << "with the wrong one";
  EXPECT_THAT(world.event_kinds(), testing::Contains("login.refused"));
  options.proof = initiator::NvmeProof{.key = *parse_dhchap_key(host_key_text, ""),
                                       .controller_key = *parse_dhchap_key(other_key_text, "")};
  auto controller = connect();
  ASSERT_TRUE(controller) << controller.error().text();
  auto sessions = world.run([&] { return world.engine->sessions(); });
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].authentication, "mutual DH-HMAC-CHAP sha-384 ffdhe3072");
  // CHAP of iSCSI beside it changes nothing here; without the key the host is out.
  document.hosts[0].chap = rpc::ChapDocument{.user = "u", .secret = "a secret of old"};
  ASSERT_TRUE(world.apply(document));
  world.world.run_for(loop::seconds(1));
  EXPECT_TRUE((*controller)->admin().open());
  EXPECT_EQ(world.status().hosts[0].authentication, "CHAP, mutual DH-HMAC-CHAP");
  document.hosts[0].dhchap.reset();
  ASSERT_TRUE(world.apply(document));
  world.world.run_for(loop::seconds(1));
  EXPECT_FALSE((*controller)->admin().open());
  EXPECT_FALSE((*controller)->io(0).open());
  leave(std::move(*controller));
}

TEST_F(NvmeEngine, WhatIsTakenOutOfTheDocumentIsGone) {
  ASSERT_TRUE(world.apply(both_protocols()));
  auto controller = attach();
  ASSERT_NE(controller, nullptr);
  ASSERT_TRUE(world.apply(demo_document()));
  world.world.run_for(loop::seconds(1));
  EXPECT_FALSE(controller->admin().open());
  EXPECT_FALSE(controller->io(0).open());
  leave(std::move(controller));
  // The same port may speak the other protocol from now on.
  rpc::Document swapped = demo_document();
  swapped.portals[0].port = nvme_port;
  ASSERT_TRUE(world.apply(both_protocols()));
  ASSERT_TRUE(world.apply(swapped));
  EXPECT_TRUE(world.log_in(demo_host, nvme_port));
}

TEST_F(NvmeEngine, AHostComesByTlsWithItsKey) {
  constexpr char host_nqn[] = "nqn.2014-08.org.nvmexpress:uuid:h1";
  constexpr char key[] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
  rpc::Document document = both_protocols();
  document.portals[1].tls = "allowed";
  document.hosts.push_back({.name = "h1", .initiators = {host_nqn}, .tls_key = key});
  document.mappings.push_back({.host = "h1", .target = demo_subsystem, .volume = "demo", .lun = 4});
  ASSERT_TRUE(world.apply(both_protocols()));
  auto in_the_clear = attach(0);
  ASSERT_NE(in_the_clear, nullptr);
  ASSERT_TRUE(world.apply(document));
  world.world.run_for(loop::seconds(1));
  EXPECT_FALSE(in_the_clear->admin().open()) << "it has to come by TLS now";
  leave(std::move(in_the_clear));
  options.tls_psk = *derive_tls_psk(*parse_tls_key(key, ""), host_nqn, demo_subsystem, 1);
  auto controller = attach();
  ASSERT_NE(controller, nullptr);
  std::vector<uint8_t> data(4096, 0x5a);
  EXPECT_EQ(run_on(controller->io(1), initiator::nvme_blocks(IoOpcode::write, 5, 8, 8), data),
            Status::success);
  const auto sessions = world.run([&] { return world.engine->sessions(); });
  ASSERT_EQ(sessions.size(), 1u);
  EXPECT_EQ(sessions[0].authentication, "TLS PSK");
  EXPECT_EQ(sessions[0].host, "h1");
  uint64_t handshakes = 0;
  const rpc::Stats stats = world.run([&] { return world.engine->stats(); });
  for (const rpc::ShardStats& each : stats.shards) handshakes += each.counters.at("tls_handshakes");
  EXPECT_EQ(handshakes, 3u);
  for (const rpc::HostStatus& each : world.status().hosts)
    EXPECT_EQ(each.authentication, each.name == "h1" ? "TLS PSK" : "none");
  // The portal is changed while it listens: what came by TLS stays, and from now on nothing else comes.
  document.portals[1].tls = "required";
  ASSERT_TRUE(world.apply(document));
  world.world.run_for(loop::seconds(1));
  EXPECT_TRUE(controller->admin().open());
  options.tls_psk.reset();
  const auto refused =
      world.run_as_host([&] { return NvmeController::attach(world.host.loop(0), options, 0); });
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().text().find("fatal error 2"), std::string::npos) << refused.error().text();
  // Its key is proof enough for a host that has CHAP as well, but not where it may come without.
  document.hosts.back().chap = rpc::ChapDocument{.user = "u", .secret = "a secret of old"};
  ASSERT_TRUE(world.apply(document));
  world.world.run_for(loop::seconds(1));
  EXPECT_TRUE(controller->admin().open());
  document.hosts.back().tls_optional = true;
  ASSERT_TRUE(world.apply(document));
  world.world.run_for(loop::seconds(1));
  EXPECT_FALSE(controller->admin().open());
  leave(std::move(controller));
}

TEST_F(NvmeEngine, DocumentsThatMixProtocolsAreRefused) {
  rpc::Document document = both_protocols();
  document.targets[1].portals = {"p"};
  const auto mixed = world.apply(document);
  ASSERT_FALSE(mixed);
  EXPECT_EQ(mixed.error().place, "targets[1].portals[0]");
  document = both_protocols();
  document.portals[1].protocol = "nvme-rdma";
  EXPECT_EQ(world.apply(document).error().place, "portals[1].protocol");
  document = both_protocols();
  document.targets[1].name = "nqn.2014-08.org.nvmexpress.discovery";
  EXPECT_EQ(world.apply(document).error().place, "targets[1].name");
  document = both_protocols();
  document.portals.pop_back();
  EXPECT_EQ(world.apply(document).error().place, "portals");
  document = both_protocols();
  document.targets[1].redirect = "192.0.2.9:4420";
  EXPECT_EQ(world.apply(document).error().place, "targets[1].redirect");
  document = both_protocols();
  document.targets[1].management_addresses = {"https://san.example.org/"};
  EXPECT_EQ(world.apply(document).error().place, "targets[1].management_addresses");
}

TEST_F(NvmeEngine, TheDocumentSaysHowLargeControllersAre) {
  rpc::Document document = both_protocols();
  document.targets[1].nvme.emplace();
  document.targets[1].nvme->max_transfer_bytes = 3 << 20;
  EXPECT_EQ(world.apply(document).error().place, "targets[1].nvme.max_transfer_bytes");
  document.targets[1].nvme->max_transfer_bytes = 2 << 20;
  document.targets[1].nvme->io_queues = 1;
  document.targets[1].nvme->first_controller_id = 900;
  document.targets[0].nvme.emplace();
  EXPECT_EQ(world.apply(document).error().place, "targets[0].nvme");
  document.targets[0].nvme.reset();
  document.portals[1].referrals = {"10.0.0.2"};
  EXPECT_EQ(world.apply(document).error().place, "portals[1].referrals[0]");
  document.portals[1].referrals = {"10.0.0.2:8009"};
  document.portals[0].referrals = {"10.0.0.2:8009"};
  EXPECT_EQ(world.apply(document).error().place, "portals[0].referrals");
  document.portals[0].referrals.clear();
  ASSERT_TRUE(world.apply(document));
  auto controller = attach(1);
  ASSERT_NE(controller, nullptr);
  EXPECT_EQ(controller->id(), 900);
  const auto page =
      world.run_as_host([&] { return controller->identify(wire::nvme::IdentifyKind::controller, 0); });
  EXPECT_EQ(page->data[77], 9);  // MDTS: 2^9 pages
  leave(std::move(controller));
  initiator::NvmeQueueOptions options;
  options.endpoint = {"10.0.0.1", nvme_port};
  options.subsystem = demo_subsystem;
  options.host_name = "nqn.2014-08.org.nvmexpress:uuid:h1";
  options.host_id = {7};
  EXPECT_FALSE(world.run_as_host([&] { return NvmeController::attach(world.host.loop(0), options, 2); }));
}

TEST_F(NvmeEngine, WhatIsNoDiskHasNoNamespace) {
  for (const std::string kind : {"cdrom", "scsi"}) {
    rpc::Document document = both_protocols();
    rpc::VolumeDocument device = document.volumes[0];
    device.name = "device";
    device.identity.reset();
    device.size_bytes = 0;
    if (kind == "cdrom") device.block_bytes = 2048;
    device.store = {.kind = kind, .options = {}};
    if (kind == "scsi") device.store.options = {{"path", "/dev/sg0"}};
    device.layers.clear();
    document.volumes.push_back(device);
    document.mappings.push_back({.host = "all", .target = demo_subsystem, .volume = "device", .lun = 5});
    const auto refused = world.apply(document);
    ASSERT_FALSE(refused) << kind;
    EXPECT_EQ(refused.error().place, fmt::format("mappings[{}].volume", document.mappings.size() - 1))
        << refused.error().text();
  }
}

}  // namespace
}  // namespace ashlar::engine
