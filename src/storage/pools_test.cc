#include <gtest/gtest.h>

#include "storage/pool_driver.h"
#include "storage/pools.h"
#include "storage/temporary_folder_test.h"

namespace ashlar::storage {
namespace {

constexpr uint64_t mebibyte = 1 << 20;

template <typename T>
std::string place(const Result<T>& result) {
  return result ? "done" : result.error().place;
}

/// What the machine is said to have; every other verb is done here.
class FakeDisks final : public Privileged {
 public:
  Result<std::vector<DeviceFacts>> list_devices() override { return devices; }
  Result<void> allow_folder(const std::string& f) override { return real_->allow_folder(f); }
  Result<FolderFacts> folder_facts(const std::string& f) override {
    return folder ? Result<FolderFacts>(*folder) : real_->folder_facts(f);
  }
  Result<std::vector<FileFacts>> list_files(const std::string& f) override { return real_->list_files(f); }
  Result<FileFacts> file_facts(const std::string& f, const std::string& n) override {
    return real_->file_facts(f, n);
  }
  Result<void> create_file(const std::string& f, const std::string& n, uint64_t b, bool a) override {
    return real_->create_file(f, n, b, a);
  }
  Result<void> clone_file(const std::string& f, const std::string& a, const std::string& b) override {
    return real_->clone_file(f, a, b);
  }
  Result<void> remove_file(const std::string& f, const std::string& n) override {
    return real_->remove_file(f, n);
  }
  Result<int> connect_engine(const std::string& p) override { return real_->connect_engine(p); }

  std::vector<DeviceFacts> devices;
  std::optional<FolderFacts> folder;  ///< empty: as it really is

 private:
  std::unique_ptr<Privileged> real_ = make_direct();
};

DeviceFacts disk(const std::string& name, const std::string& id, uint64_t bytes,
                 const std::string& holds = "") {
  return {.path = "/dev/" + name, .stable_id = "/dev/disk/by-id/" + id, .size_bytes = bytes, .holds = holds};
}

TEST(Pools, KindsAndTheNearestName) {
  FakeDisks verbs;
  EXPECT_EQ(pool_kinds(), (std::vector<std::string>{"dir", "device", "memory", "null", "scsi", "remote"}));
  const auto pool = open_pool({.name = "p", .kind = "devise"}, verbs);
  ASSERT_FALSE(pool);
  EXPECT_EQ(pool.error().place, "kind");
  EXPECT_NE(pool.error().message.find("did you mean \"device\"?"), std::string::npos) << pool.error().text();
}

TEST(Pools, FieldsOfOtherKindsAreRefused) {
  FakeDisks verbs;
  for (const char* kind : {"device", "memory", "null"})
    EXPECT_EQ(place(open_pool({.kind = kind, .path = "/srv/x"}, verbs)), "path") << kind;
  for (const char* kind : {"dir", "memory", "null"})
    EXPECT_EQ(place(open_pool({.kind = kind, .devices = {"/dev/loop0"}}, verbs)), "devices") << kind;
}

TEST(Pools, NamesOfBackings) {
  EXPECT_EQ(backing_name({.name = "db1"}, 0x1f3a90c2), "db1-1f3a90c2");
  EXPECT_EQ(backing_name({.name = "db1@monday"}, 1), "db1@monday-00000001");
  EXPECT_EQ(backing_name({.name = "../a b"}, 1), "v.._a_b-00000001");
  EXPECT_EQ(backing_name({.name = std::string(500, 'x')}, 1).size(), 128u + 9);
  EXPECT_EQ(backing_name({}, 1), "v-00000001");
}

TEST(DirPool, WrongPathsAreTold) {
  FakeDisks verbs;
  const TemporaryFolder folder;
  for (const std::string& path :
       {std::string(), std::string("srv"), std::string("/etc"), folder / "none", folder.path() + "/"}) {
    const auto pool = open_pool({.kind = "dir", .path = path}, verbs);
    ASSERT_FALSE(pool) << path;
    EXPECT_EQ(pool.error().place, "path") << path;
    EXPECT_EQ(pool.error().code, ErrorCode::invalid_argument) << pool.error().text();
  }
}

TEST(DirPool, ItsMountMayGoAndComeLate) {
  FakeDisks verbs;
  const TemporaryFolder folder;
  const FolderFacts below{.file_system = "ext4", .size_bytes = 1 << 30, .available_bytes = 1 << 30};
  FolderFacts mounted = below;
  mounted.file_system = "xfs";
  mounted.reflink = mounted.mount_root = true;
  const auto state_of = [&](const FolderFacts& facts, PoolDriver& pool) {
    verbs.folder = facts;
    return pool.usage()->state;
  };
  verbs.folder = mounted;
  const auto whole = open_pool({.name = "p", .kind = "dir", .path = folder.path()}, verbs);
  ASSERT_TRUE(whole) << why(whole);
  EXPECT_EQ(state_of(below, **whole), "missing");
  EXPECT_EQ(state_of(mounted, **whole), "online");

  verbs.folder = below;
  const auto late = open_pool({.name = "p", .kind = "dir", .path = folder.path()}, verbs);
  ASSERT_TRUE(late) << why(late);
  EXPECT_EQ(state_of(below, **late), "online") << "it may be meant so";
  EXPECT_FALSE((*late)->abilities().snapshots);
  EXPECT_EQ(state_of(mounted, **late), "online");
  EXPECT_TRUE((*late)->abilities().snapshots);
  EXPECT_EQ(state_of(below, **late), "missing");
}

TEST(DirPool, KeepsVolumesInFiles) {
  FakeDisks verbs;
  const TemporaryFolder folder;
  const auto opened = open_pool({.name = "p", .kind = "dir", .path = folder.path()}, verbs);
  ASSERT_TRUE(opened) << why(opened);
  PoolDriver& pool = **opened;
  EXPECT_TRUE(pool.abilities().thin && pool.abilities().thick && pool.abilities().resize);
  EXPECT_FALSE(pool.abilities().one_volume_a_device);
  EXPECT_NE(pool.abilities().snapshots, !pool.abilities().why_no_snapshots.empty());
  api::Volume volume{.name = "db1", .size_bytes = 4 * mebibyte};
  volume.backing = *pool.choose_backing(volume, 0xabc);
  EXPECT_EQ(volume.backing, "db1-00000abc.img");
  EXPECT_EQ(pool.find(volume.backing).error().code, ErrorCode::not_found) << "choosing makes nothing";
  ASSERT_TRUE(pool.create(volume));
  ASSERT_TRUE(pool.create(volume)) << "again, while it is empty";
  EXPECT_NE(*pool.choose_backing(volume, 0xabc), volume.backing) << "taken";
  EXPECT_EQ(pool.find(volume.backing)->size_bytes, 4 * mebibyte);
  EXPECT_EQ(pool.engine_store(volume).kind, "file");
  EXPECT_EQ(pool.engine_store(volume).options.at("path"), folder / volume.backing);
  EXPECT_EQ(pool.engine_store(volume).options.at("create"), "false");
  write_file(folder / "notes.txt", "x");
  EXPECT_EQ(pool.list()->size(), 1u);
  EXPECT_TRUE(pool.check_room(mebibyte, false));
  EXPECT_TRUE(pool.check_room(1ull << 40, true));
  EXPECT_EQ(pool.check_room(1ull << 59, false).error().code,
            pool.check_room(1ull << 59, true) ? ErrorCode::no_space : ErrorCode::out_of_range);
  const auto usage = pool.usage();
  ASSERT_TRUE(usage);
  EXPECT_GT(usage->size_bytes, 0u);
  ASSERT_TRUE(pool.remove(volume.backing));
  ASSERT_TRUE(pool.remove(volume.backing));
  EXPECT_TRUE(pool.list()->empty());
}

TEST(DirPool, AFolderThatIsGoneIsMissing) {
  FakeDisks verbs;
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder / "pool");
  const auto pool = open_pool({.kind = "dir", .path = folder / "pool"}, verbs);
  ASSERT_TRUE(pool) << why(pool);
  std::filesystem::remove(folder / "pool");
  const auto usage = (*pool)->usage();
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->state, "missing");
  EXPECT_FALSE(usage->message.empty());
}

TEST(DevicePool, WrongDevicesAreTold) {
  FakeDisks verbs;
  verbs.devices = {disk("sda", "wwn-1", mebibyte), disk("sdb", "wwn-2", mebibyte)};
  const auto place_of = [&](std::vector<std::string> devices) {
    return place(open_pool({.kind = "device", .devices = std::move(devices)}, verbs));
  };
  EXPECT_EQ(place_of({}), "devices");
  EXPECT_EQ(place_of({"/dev/disk/by-id/wwn-1", "/dev/sdb"}), "devices[1]");
  EXPECT_EQ(place_of({"wwn-1"}), "devices[0]");
  EXPECT_EQ(place_of({"/dev/disk/by-id/../../sda"}), "devices[0]");
  EXPECT_EQ(place_of({"/dev/disk/by-id/wwn-1", "/dev/disk/by-id/wwn-9"}), "devices[1]");
  EXPECT_EQ(place_of({"/dev/disk/by-id/wwn-1", "/dev/disk/by-id/wwn-2", "/dev/disk/by-id/wwn-1"}),
            "devices[2]");
  EXPECT_EQ(place_of({"/dev/loop-control"}), "devices[0]");
  EXPECT_EQ(place_of({"/dev/disk/by-id/wwn-1", "/dev/disk/by-id/wwn-2"}), "done");
}

TEST(DevicePool, NewDevicesMustBeEmptyOrKnown) {
  FakeDisks verbs;
  verbs.devices = {disk("sda", "wwn-1", mebibyte), disk("sdb", "wwn-2", mebibyte, "mounted on /")};
  const api::Pool pool{.kind = "device", .devices = {"/dev/disk/by-id/wwn-1", "/dev/disk/by-id/wwn-2"}};
  const Result<void> refused = check_devices_free(pool, {}, verbs);
  EXPECT_EQ(place(refused), "devices[1]");
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_NE(refused.error().message.find("mounted on /"), std::string::npos) << refused.error().text();
  EXPECT_TRUE(check_devices_free(pool, {"/dev/disk/by-id/wwn-2"}, verbs));
  EXPECT_TRUE(open_pool(pool, verbs)) << "after a restart, with what hosts wrote";
  EXPECT_TRUE(check_devices_free({.kind = "memory"}, {}, verbs));
}

class ThreeDisks : public testing::Test {
 protected:
  void SetUp() override {
    verbs_.devices = {disk("sda", "wwn-1", 10 * mebibyte, "xfs"), disk("sdb", "wwn-2", 20 * mebibyte),
                      disk("sdc", "wwn-3", 30 * mebibyte)};
    auto opened =
        open_pool({.kind = "device",
                   .devices = {"/dev/disk/by-id/wwn-1", "/dev/disk/by-id/wwn-2", "/dev/disk/by-id/wwn-3"}},
                  verbs_);
    ASSERT_TRUE(opened) << why(opened);
    pool_ = std::move(*opened);
  }
  FakeDisks verbs_;
  std::unique_ptr<PoolDriver> pool_;
};

TEST_F(ThreeDisks, AreOneVolumeEach) {
  const PoolAbilities abilities = pool_->abilities();
  EXPECT_TRUE(abilities.one_volume_a_device && abilities.thick);
  EXPECT_FALSE(abilities.thin || abilities.snapshots || abilities.resize);
  EXPECT_FALSE(abilities.why_no_snapshots.empty());
  EXPECT_EQ(pool_->clone("a", "b").error().code, ErrorCode::unsupported);
  const api::Volume volume{.backing = "/dev/disk/by-id/wwn-2"};
  EXPECT_EQ(pool_->engine_store(volume).kind, "block");
  EXPECT_EQ(pool_->engine_store(volume).options.at("path"), "/dev/disk/by-id/wwn-2");
  const auto usage = pool_->usage();
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->state, "online");
  EXPECT_EQ(usage->size_bytes, 60 * mebibyte);
  EXPECT_EQ(usage->used_bytes, 10 * mebibyte);
  EXPECT_EQ(usage->available_bytes, 50 * mebibyte);
}

TEST_F(ThreeDisks, ChooseTheFirstThatIsEmptyAndLargeEnough) {
  EXPECT_EQ(*pool_->choose_backing({}, 0), "/dev/disk/by-id/wwn-2");
  EXPECT_EQ(*pool_->choose_backing({.size_bytes = 25 * mebibyte}, 0), "/dev/disk/by-id/wwn-3");
  EXPECT_EQ(*pool_->choose_backing({.device = "/dev/disk/by-id/wwn-1"}, 0), "/dev/disk/by-id/wwn-1");
  EXPECT_EQ(place(pool_->choose_backing({.device = "/dev/disk/by-id/wwn-9"}, 0)), "device");
  EXPECT_EQ(pool_->choose_backing({.size_bytes = 31 * mebibyte}, 0).error().code, ErrorCode::no_space);
  EXPECT_TRUE(pool_->check_room(30 * mebibyte, true));
  EXPECT_EQ(pool_->check_room(31 * mebibyte, false).error().code, ErrorCode::no_space);
}

TEST_F(ThreeDisks, ACreateThatWouldLoseSomethingIsRefused) {
  EXPECT_TRUE(pool_->create({.size_bytes = 20 * mebibyte, .backing = "/dev/disk/by-id/wwn-2"}));
  EXPECT_TRUE(pool_->create({.backing = "/dev/disk/by-id/wwn-2"})) << "all of it";
  const Result<void> busy = pool_->create({.backing = "/dev/disk/by-id/wwn-1"});
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code, ErrorCode::busy);
  EXPECT_NE(busy.error().message.find("wipefs"), std::string::npos) << busy.error().text();
  EXPECT_EQ(pool_->create({.size_bytes = 21 * mebibyte, .backing = "/dev/disk/by-id/wwn-2"}).error().code,
            ErrorCode::no_space);
  EXPECT_EQ(pool_->create({.backing = "/dev/disk/by-id/wwn-9"}).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(pool_->remove("/dev/disk/by-id/wwn-2"));
}

TEST_F(ThreeDisks, AreFoundUntilTheyGo) {
  EXPECT_EQ(pool_->find("/dev/disk/by-id/wwn-1")->allocated_bytes, 10 * mebibyte);
  EXPECT_EQ(pool_->list()->size(), 3u);
  verbs_.devices.erase(verbs_.devices.begin());
  EXPECT_EQ(pool_->find("/dev/disk/by-id/wwn-1").error().code, ErrorCode::not_found);
  EXPECT_EQ(pool_->create({.backing = "/dev/disk/by-id/wwn-1"}).error().code, ErrorCode::not_found);
  EXPECT_EQ(pool_->list()->size(), 2u);
  EXPECT_EQ(pool_->usage()->state, "missing");
  EXPECT_NE(pool_->usage()->message.find("wwn-1"), std::string::npos);
  for (DeviceFacts& each : verbs_.devices) each.holds = "xfs";
  EXPECT_EQ(pool_->check_room(1, false).error().code, ErrorCode::no_space);
}

TEST(DevicePool, OnALoopDevice) {
  const LoopDevice loop(16 * mebibyte);
  if (loop.path().empty()) {
    const auto verbs = make_direct();
    EXPECT_EQ(place(open_pool({.kind = "device", .devices = {"/dev/loop4095"}}, *verbs)), "devices[0]");
    GTEST_SKIP() << "no loop device can be made here; only the refusal was looked at";
  }
  const auto helper = fork_helper();
  ASSERT_TRUE(helper) << why(helper);
  const api::Pool pool{.kind = "device", .devices = {loop.path()}};
  ASSERT_TRUE(check_devices_free(pool, {}, **helper));
  const auto opened = open_pool(pool, **helper);
  ASSERT_TRUE(opened) << why(opened);
  EXPECT_EQ(*(*opened)->choose_backing({}, 0), loop.path());
  EXPECT_TRUE((*opened)->create({.backing = loop.path()}));
  EXPECT_EQ((*opened)->find(loop.path())->size_bytes, 16 * mebibyte);
  ASSERT_TRUE(run("mkfs.ext4 -q " + loop.path()));
  EXPECT_EQ((*opened)->create({.backing = loop.path()}).error().code, ErrorCode::busy);
  EXPECT_EQ(place(check_devices_free(pool, {}, **helper)), "devices[0]");
  EXPECT_EQ((*opened)->usage()->state, "full");
}

TEST(MemoryAndNullPools, KeepNothingOnDisk) {
  FakeDisks verbs;
  for (const char* kind : {"memory", "null"}) {
    const auto opened = open_pool({.kind = kind}, verbs);
    ASSERT_TRUE(opened) << why(opened);
    PoolDriver& pool = **opened;
    api::Volume volume{.name = "a", .size_bytes = 1ull << 40};
    volume.backing = *pool.choose_backing(volume, 1);
    EXPECT_EQ(volume.backing, "a-00000001");
    EXPECT_TRUE(pool.create(volume));
    EXPECT_TRUE(pool.check_room(volume.size_bytes, true));
    EXPECT_EQ(pool.check_room(1, false).has_value(), pool.abilities().thick) << kind;
    EXPECT_EQ(pool.engine_store(volume).kind, kind);
    EXPECT_TRUE(pool.engine_store(volume).options.empty());
    EXPECT_EQ(pool.clone("a", "b").error().code, ErrorCode::unsupported);
    EXPECT_FALSE(pool.abilities().snapshots);
    EXPECT_FALSE(pool.abilities().why_no_snapshots.empty());
    EXPECT_EQ(pool.find(volume.backing)->backing, volume.backing);
    EXPECT_TRUE(pool.list()->empty());
    EXPECT_TRUE(pool.remove(volume.backing));
    const auto usage = pool.usage();
    ASSERT_TRUE(usage);
    EXPECT_EQ(usage->state, "online");
    EXPECT_GT(usage->available_bytes, 0u);
    EXPECT_EQ(usage->size_bytes == 0, std::string(kind) == "null");
  }
}

}  // namespace
}  // namespace ashlar::storage
