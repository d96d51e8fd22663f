// Encrypted volumes through the whole engine: what lies in the pool, what is told, lost keys, and CRYPTOGRAPHIC ERASE.
#include <gmock/gmock.h>

#include <algorithm>

#include "engine/record_file.h"
#include "engine/restart_world_test.h"
#include "engine/volume_keys.h"
#include "rpc/status_fields.h"

namespace ashlar::engine {
namespace {

using initiator::Answer;
using initiator::BlockUnit;
using testing::Contains;
using testing::HasSubstr;

constexpr char marker[] = "a secret that must not be found in any pool";
constexpr uint8_t cryptographic_erase = 0x03;
constexpr uint32_t marked_blocks = 64;

std::vector<uint8_t> marked() {
  std::vector<uint8_t> data(marked_blocks * 512);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<uint8_t>(marker[i % (sizeof marker - 1)]);
  return data;
}

std::string content(loop::SimMachine& machine, const std::string& path) {
  const auto inode = machine.disk.find(path);
  if (inode == nullptr) return "";
  std::string bytes(inode->content.current().size(), '\0');
  inode->content.current().read(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

initiator::Cdb sanitize(uint8_t action) { return {0x48, action, 0, 0, 0, 0, 0, 0, 0, 0}; }

class EncryptedVolume : public RestartTest {
 protected:
  void SetUp() override {
    document.volumes[0].encrypted = true;
    restart();
  }
  loop::SimMachine& machine() { return world.world.machine("array"); }
  Answer write_marker() {
    data_ = marked();
    return with(demo_host, [&](BlockUnit& unit) { return unit.write(8, marked_blocks, data_); });
  }
  std::vector<uint8_t> read_back() {
    data_.assign(marked_blocks * 512, 0xee);
    const Answer answer =
        with(demo_host, [&](BlockUnit& unit) { return unit.read(8, marked_blocks, data_); });
    EXPECT_TRUE(answer.good()) << answer.text();
    return data_;
  }
  Answer erase(uint8_t flags = 0) {
    const uint8_t action = cryptographic_erase | flags;
    return with(demo_host, [&](BlockUnit& unit) { return unit.execute(sanitize(action), {}, {}); });
  }
  std::string key_path() { return fmt::format("/srv/keys/{}", identity->uuid); }
  std::string key_in_record() {
    const std::string bytes = content(machine(), key_path());
    const std::string before = "\"key\":\"";
    const size_t at = bytes.find(before);
    return at == std::string::npos ? "" : bytes.substr(at + before.size(), 128);
  }
  void lose_key() {
    const std::string path = key_path();
    ASSERT_TRUE(world.run([&] { return world.array.loop(0).remove(path); }));
  }
  std::vector<uint8_t> data_;
};

TEST_F(EncryptedVolume, ThePoolHoldsCiphertextAndTheNextEngineReadsIt) {
  ASSERT_TRUE(write_marker().good());
  EXPECT_EQ(content(machine(), "/srv/demo.img").find(marker), std::string::npos);
  EXPECT_EQ(read_back(), marked());
  restart();
  EXPECT_EQ(read_back(), marked());
  restart("boot 2");
  EXPECT_EQ(read_back(), marked());
  EXPECT_TRUE(world.status().volumes.at(0).encrypted);
  EXPECT_EQ(world.status().volumes.at(0).state, "online");
}

TEST_F(EncryptedVolume, TheKeyIsNowhereButInItsRecord) {
  const std::string key = key_in_record();
  ASSERT_EQ(key.size(), 128u);
  EXPECT_EQ(rpc::print_document(world.engine->document()).find(key), std::string::npos);
  EXPECT_EQ(rpc::print_json(rpc::encode(world.engine->document())).find(key.substr(0, 32)),
            std::string::npos);
  EXPECT_EQ(rpc::print_json(rpc::encode(world.status())).find(key.substr(0, 32)), std::string::npos);
  for (const rpc::Event& event : world.engine->events().since(0).events) {
    for (const auto& [name, value] : event.fields)
      EXPECT_EQ(value.find(key.substr(0, 32)), std::string::npos) << name;
  }
}

TEST_F(EncryptedVolume, OneWhoseKeyIsLostFailsAloneAndSaysSo) {
  ASSERT_TRUE(write_marker().good());
  document.volumes.push_back(file_volume("plain"));
  document.mappings.push_back({.host = "all", .target = demo_target, .volume = "plain", .lun = 1});
  const std::string id = identity->uuid;
  lose_key();
  restart();
  const rpc::EngineStatus status = world.status();
  EXPECT_EQ(status.volumes.at(0).state, "failed");
  EXPECT_THAT(status.volumes.at(0).message, HasSubstr(id));
  EXPECT_EQ(status.volumes.at(1).state, "online");
  EXPECT_THAT(world.event_kinds(), Contains("volume.key_lost"));
  data_.assign(512, 0xee);
  EXPECT_FALSE(with(demo_host, [&](BlockUnit& unit) { return unit.read(8, 1, data_); }).good());
  EXPECT_EQ(data_, std::vector<uint8_t>(512, 0xee)) << "no noise for data";
  EXPECT_FALSE(with(demo_host, [&](BlockUnit& unit) { return unit.write(8, 1, data_); }).good());
  EXPECT_FALSE(erase().good());
  EXPECT_EQ(content(machine(), "/srv/keys/" + id), "")
      << "nothing takes the place of the key, which may come back";
}

TEST_F(EncryptedVolume, ARecordThatIsNotItsKeyIsNotUsed) {
  ASSERT_TRUE(write_marker().good());
  lose_key();
  std::vector<uint8_t> bytes(layers::DataKey::size, 1);
  bytes[0] = 2;
  const std::string text = key_text(Uuid{9}, layers::DataKey(bytes));
  const std::string path = key_path();
  ASSERT_TRUE(world.run([&] { return write_record(path, text); }));
  restart();
  EXPECT_EQ(world.status().volumes.at(0).state, "failed");
  EXPECT_THAT(world.status().volumes.at(0).message, HasSubstr("cannot be used"));
}

TEST_F(EncryptedVolume, ANewVolumeGetsAKeyAgainWhileNothingWasWritten) {
  const std::string first = key_in_record();
  lose_key();
  restart();
  EXPECT_EQ(world.status().volumes.at(0).state, "online");
  EXPECT_NE(key_in_record(), first);
  ASSERT_TRUE(write_marker().good());
  EXPECT_EQ(read_back(), marked());
}

TEST_F(EncryptedVolume, CryptographicEraseTakesKeyAndSpace) {
  ASSERT_TRUE(write_marker().good());
  const std::string before = key_in_record();
  const uint64_t allocated = machine().disk.find("/srv/demo.img")->content.current().allocated_bytes();
  EXPECT_GT(allocated, 0u);
  EXPECT_TRUE(erase().good());
  EXPECT_EQ(content(machine(), key_path()).find(before), std::string::npos);
  EXPECT_EQ(machine().disk.find("/srv/demo.img")->content.current().allocated_bytes(), 0u);
  EXPECT_EQ(read_back(), std::vector<uint8_t>(marked_blocks * 512));
  ASSERT_TRUE(write_marker().good());
  restart();
  EXPECT_EQ(read_back(), marked());
}

TEST_F(EncryptedVolume, AKeyThatOthersNeedIsNotErased) {
  ASSERT_TRUE(write_marker().good());
  document.volumes[0].key_shared = true;
  const auto applied = world.apply(document);
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(applied->steps.at(0).kind, "set key shared");
  EXPECT_FALSE(erase().good()) << "INVALID FIELD IN CDB";
  EXPECT_EQ(read_back(), marked());
  document.volumes[0].key_shared = false;
  ASSERT_TRUE(world.apply(document));
  EXPECT_TRUE(erase().good());
}

TEST_F(EncryptedVolume, NobodySharesAKeyThatAHostErasesJustNow) {
  ASSERT_TRUE(write_marker().good());
  auto session = world.log_in();
  ASSERT_TRUE(session);
  BlockUnit unit(**session, 0);
  ASSERT_TRUE(world.run_as_host([&] { return unit.become_ready(); }));
  loop::SimDisk::Settings& disk = machine().disk.settings();
  disk.write_min = disk.write_max = loop::milliseconds(200);  // each half of the record
  const std::string record = content(machine(), key_path());
  std::optional<loop::Task<Answer>> erasing;
  world.host.loop(0).enter([&] { erasing.emplace(unit.execute(sanitize(cryptographic_erase), {}, {})); });
  ASSERT_TRUE(
      world.world.run_until([&] { return content(machine(), key_path()) != record; }, loop::seconds(10)));
  document.volumes[0].key_shared = true;
  const auto refused = world.apply(document);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_EQ(refused.error().place, "volumes[0] (demo)");
  ASSERT_TRUE(world.world.run_until([&] { return erasing->done(); }, loop::seconds(10)));
  EXPECT_TRUE(erasing->take().good());
  EXPECT_TRUE(world.apply(document)) << "it has a new key";
  world.leave(std::move(*session));
}

TEST_F(EncryptedVolume, ACloneReadsWithTheKeyOfItsOrigin) {
  ASSERT_TRUE(write_marker().good());
  document.volumes[0].key_shared = true;
  rpc::VolumeDocument clone = document.volumes[0];
  clone.name = "clone";
  clone.store.options["path"] = "demo.img";
  clone.identity.reset();
  clone.key_id = identity->uuid;
  rpc::Document alone = document;
  alone.volumes = {clone};
  alone.mappings[0].volume = "clone";
  ASSERT_TRUE(world.apply({})) << "away, so that the file is free";
  const auto applied = world.apply(alone);
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(read_back(), marked());
}

TEST_F(EncryptedVolume, CannotBeTurnedOnOrOff) {
  document.volumes[0].encrypted = false;
  const auto applied = world.apply(document);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().place, "volumes[0].encrypted");
  EXPECT_THAT(applied.error().message, HasSubstr("make a new volume"));
}

TEST_F(EncryptedVolume, ItsKeyGoesOnlyWhenNobodyServesIt) {
  const std::string id = identity->uuid;
  const auto destroy = [&] { return world.run([&] { return world.engine->destroy_key(id); }); };
  const Result<void> refused = destroy();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  ASSERT_TRUE(write_marker().good());
  ASSERT_TRUE(world.apply({}));
  EXPECT_TRUE(destroy());
  EXPECT_TRUE(destroy()) << "it is gone already";
  EXPECT_EQ(machine().disk.find(key_path()), nullptr);
  ASSERT_TRUE(world.apply(document));
  EXPECT_EQ(world.status().volumes.at(0).state, "failed");
  EXPECT_FALSE(world.run([&] { return world.engine->destroy_key("all"); }));
}

/// Engines that lose their power, one after another on one disk.
class CrashingEngine {
 public:
  explicit CrashingEngine(uint64_t seed)
      : world_(seed),
        machine_(world_.machine("array")),
        host_(world_.add_process("host", 1, EngineWorld::pools)) {
    stores::add_all(registry_);
    layers::add_all(registry_);
    document_.volumes[0].encrypted = true;
    document_.volumes[0].size_bytes = 256 << 10;
    document_.volumes[0].identity = rpc::IdentityDocument{
        .naa = "3000000000000001", .eui64 = "0000000000000001", .uuid = uuid_text({7}), .serial = "1"};
    machine_.disk.settings().slow_chance = 0;
    start();
  }
  ~CrashingEngine() { stop(); }

  /// One erase that a crash interrupts anywhere, and what the next engine reads.
  void crash_once() {
    std::vector<uint8_t> data = marked();
    ASSERT_TRUE(ask([&](BlockUnit& unit) { return unit.write(8, marked_blocks, data, true); }).good());
    const std::string key = key_text_in_record();
    ASSERT_EQ(key.size(), 128u);
    auto session = log_in();
    ASSERT_TRUE(session);
    BlockUnit unit(**session, 0);
    ASSERT_TRUE(run(host_, [&] { return unit.become_ready(); }));
    std::optional<loop::Task<Answer>> erasing;
    const uint8_t action = world_.random().below(2) == 0 ? cryptographic_erase : cryptographic_erase | 0x80;
    host_.loop(0).enter([&] { erasing.emplace(unit.execute(sanitize(action), {}, {})); });
    world_.run_for(loop::microseconds(static_cast<int64_t>(world_.random().below(9000))));
    std::optional<Answer> answer;
    if (erasing->done()) answer = erasing->take();
    world_.power_off(machine_);
    host_.loop(0).enter([&] { (*session)->close("the array is gone"); });
    ASSERT_TRUE(world_.run_until([&] { return erasing->done(); }, loop::seconds(60)));
    host_.loop(0).enter([&] { session->reset(); });
    stop();
    world_.power_on(machine_);
    start();
    check(answer, key);
  }
  uint32_t answered() const { return answered_; }
  uint32_t erased() const { return erased_; }

 private:
  void check(const std::optional<Answer>& answer, const std::string& key) {
    if (answer) ASSERT_TRUE(answer->good()) << answer->text();
    answered_ += answer.has_value();
    world_.run_for(loop::seconds(2));  // what had begun is ended by then
    std::vector<uint8_t> data(marked_blocks * 512, 0xee);
    const Answer read = ask([&](BlockUnit& unit) { return unit.read(8, marked_blocks, data); });
    ASSERT_TRUE(read.good()) << read.text();
    const bool old = data == marked();
    if (answer) ASSERT_FALSE(old) << "it was answered";
    erased_ += !old;
    const bool has_key = content(machine_, key_path()).find(key) != std::string::npos;
    ASSERT_EQ(has_key, old) << "the key is gone with the data, and no sooner";
    if (old) return;
    ASSERT_EQ(data, std::vector<uint8_t>(data.size())) << "and its space was given back";
  }
  static std::string key_path() { return "/srv/keys/" + uuid_text({7}); }
  std::string key_text_in_record() {
    const std::string bytes = content(machine_, key_path());
    const size_t at = bytes.rfind("\"key\":\"");
    return at == std::string::npos ? "" : bytes.substr(at + 7, 128);
  }
  void start() {
    process_ = &world_.add_process("array", machine_, 2, EngineWorld::pools);
    EngineOptions options;
    options.state_folder = "/srv";
    process_->loop(0).enter([&] { engine_ = std::make_unique<Engine>(*process_, registry_, options); });
    run(*process_, [this] { return engine_->start(); });
    const auto applied = run(*process_, [this] { return engine_->apply(document_, false); });
    CHECK(applied, "{}", applied.error().text());
  }
  void stop() {
    run(*process_, [this] { return engine_->stop(loop::seconds(0)); });
    world_.run_for(loop::seconds(6));
    process_->loop(0).enter([&] { engine_.reset(); });
  }
  template <typename Make>
  ValueOf<Make> run(loop::SimProcess& process, Make make) {
    std::optional<loop::Task<ValueOf<Make>>> task;
    process.loop(0).enter([&] { task.emplace(make()); });
    CHECK(world_.run_until([&] { return task->done(); }, loop::seconds(1000)), "the story does not end");
    if constexpr (!std::is_void_v<ValueOf<Make>>) return task->take();
  }
  Result<std::unique_ptr<initiator::Session>> log_in() {
    initiator::LoginOptions options;
    options.endpoint = {"10.0.0.1", 3260};
    options.initiator_name = demo_host;
    options.target_name = demo_target;
    return run(host_, [&] { return initiator::login(host_.loop(0), options); });
  }
  template <typename Make>
  Answer ask(Make make) {
    auto session = log_in();
    CHECK(session, "{}", session.error().text());
    BlockUnit unit(**session, 0);
    EXPECT_TRUE(run(host_, [&] { return unit.become_ready(); }));
    Answer answer = run(host_, [&] { return make(unit); });
    host_.loop(0).enter([&] { session->reset(); });
    world_.run_for(loop::milliseconds(100));
    return answer;
  }

  loop::SimWorld world_;
  loop::SimMachine& machine_;
  loop::SimProcess& host_;
  block::Registry registry_;
  rpc::Document document_ = demo_document();
  loop::SimProcess* process_ = nullptr;
  std::unique_ptr<Engine> engine_;
  uint32_t answered_ = 0, erased_ = 0;
};

// SBC-4 5.30: no block of before is read once a sanitize has begun, whatever becomes of the engine.
TEST(CryptographicErasePower, ACrashLeavesAllOfTheDataOrNone) {
  uint32_t answered = 0, erased = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    CrashingEngine engine(seed);
    for (int i = 0; i < 3; ++i) {
      engine.crash_once();
      if (testing::Test::HasFatalFailure()) return;
    }
    answered += engine.answered();
    erased += engine.erased();
  }
  EXPECT_GT(answered, 20u);
  EXPECT_GT(erased, answered) << "some ended in the next engine";
  EXPECT_LT(erased, 180u) << "some had not begun";
}

}  // namespace
}  // namespace ashlar::engine
