// Every verb and every refusal, by this process and by the forked helper: the answers must be the same.
#include "storage/privileged.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/falloc.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>

#include "storage/descriptor.h"
#include "storage/temporary_folder_test.h"
#include "storage/volume_file.h"

namespace ashlar::storage {
namespace {

constexpr uint64_t mebibyte = 1 << 20;

class PrivilegedVerbs : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) {
      auto helper = fork_helper();
      ASSERT_TRUE(helper) << why(helper);
      verbs_ = std::move(*helper);
    } else {
      verbs_ = make_direct();
    }
    ASSERT_TRUE(verbs_->allow_folder(folder_.path()));
  }
  ErrorCode create(const std::string& name, uint64_t bytes = mebibyte, bool allocate = false) {
    const Result<void> done = verbs_->create_file(folder_.path(), name, bytes, allocate);
    return done ? ErrorCode{255} : done.error().code;
  }
  static constexpr ErrorCode fine{255};

  TemporaryFolder folder_;
  std::unique_ptr<Privileged> verbs_;
};

INSTANTIATE_TEST_SUITE_P(Privileged, PrivilegedVerbs, testing::Bool(),
                         [](const auto& info) { return info.param ? "Helper" : "Direct"; });

TEST_P(PrivilegedVerbs, OnlyAllowedFolders) {
  const TemporaryFolder other;
  const auto denied = [](const auto& result) {
    return !result && result.error().code == ErrorCode::permission_denied;
  };
  EXPECT_TRUE(denied(verbs_->allow_folder("/etc")));
  EXPECT_TRUE(denied(verbs_->folder_facts(other.path())));
  EXPECT_TRUE(denied(verbs_->list_files(other.path())));
  EXPECT_TRUE(denied(verbs_->file_facts(other.path(), "a.img")));
  EXPECT_TRUE(denied(verbs_->create_file(other.path(), "a.img", mebibyte, false)));
  EXPECT_TRUE(denied(verbs_->clone_file(other.path(), "a.img", "b.img")));
  EXPECT_TRUE(denied(verbs_->remove_file(other.path(), "a.img")));
  EXPECT_EQ(verbs_->allow_folder(folder_.path() + "/../x").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(verbs_->allow_folder(folder_ / "none").error().code, ErrorCode::not_found);
  EXPECT_TRUE(std::filesystem::is_empty(other.path()));
}

TEST_P(PrivilegedVerbs, AFolderThatBecomesALinkIsNoLongerOpened) {
  std::filesystem::create_directories(folder_ / "pool");
  ASSERT_TRUE(verbs_->allow_folder(folder_ / "pool"));
  std::filesystem::create_directory(folder_ / "elsewhere");
  std::filesystem::remove(folder_ / "pool");
  std::filesystem::create_symlink(folder_ / "elsewhere", folder_ / "pool");
  EXPECT_EQ(verbs_->create_file(folder_ / "pool", "a.img", mebibyte, false).error().code,
            ErrorCode::permission_denied);
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "elsewhere"));
}

TEST_P(PrivilegedVerbs, NamesThatLeadAwayAreRefused) {
  for (const char* name : {"", "..", "../a.img", "a/b.img", ".a.img", "a.txt", "/etc/x.img", "a b.img"}) {
    EXPECT_EQ(create(name), ErrorCode::invalid_argument) << name;
    EXPECT_EQ(verbs_->remove_file(folder_.path(), name).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(verbs_->clone_file(folder_.path(), name, "x.img").error().code, ErrorCode::invalid_argument)
        << name;
    EXPECT_EQ(verbs_->clone_file(folder_.path(), "x.img", name).error().code, ErrorCode::invalid_argument)
        << name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_P(PrivilegedVerbs, MakesAThinFile) {
  ASSERT_EQ(create("a.img", 1ull << 40), fine);
  struct stat there{};
  ASSERT_EQ(::stat((folder_ / "a.img").c_str(), &there), 0);
  EXPECT_EQ(there.st_mode, S_IFREG | 0600u);
  EXPECT_EQ(there.st_size, 1ll << 40);
  const auto facts = verbs_->file_facts(folder_.path(), "a.img");
  ASSERT_TRUE(facts) << why(facts);
  EXPECT_EQ(facts->name, "a.img");
  EXPECT_EQ(facts->size_bytes, 1ull << 40);
  EXPECT_EQ(facts->allocated_bytes, 0u);
}

TEST_P(PrivilegedVerbs, MakesAThickFile) {
  ASSERT_EQ(create("a.img", 4 * mebibyte, true), fine);
  const auto facts = verbs_->file_facts(folder_.path(), "a.img");
  ASSERT_TRUE(facts) << why(facts);
  EXPECT_GE(facts->allocated_bytes, 4 * mebibyte);
}

TEST_P(PrivilegedVerbs, MakingAgainIsFineWhileItIsEmpty) {
  for (const bool thick : {false, true, true}) EXPECT_EQ(create("a.img", mebibyte, thick), fine);
  EXPECT_GE(verbs_->file_facts(folder_.path(), "a.img")->allocated_bytes, mebibyte) << "became thick";
  EXPECT_EQ(create("a.img", 2 * mebibyte), ErrorCode::already_exists);
  std::fstream(folder_ / "a.img", std::ios::in | std::ios::out).seekp(8192) << "data";
  const Result<void> again = verbs_->create_file(folder_.path(), "a.img", mebibyte, false);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::already_exists);
  EXPECT_EQ(again.error().place, folder_ / "a.img");
}

TEST_P(PrivilegedVerbs, WhatACrashLeftIsOverlookedAndReplaced) {
  write_file(folder_ / ".a.img.new", "half");
  EXPECT_TRUE(verbs_->list_files(folder_.path())->empty());
  EXPECT_EQ(create("a.img"), fine);
  EXPECT_FALSE(std::filesystem::exists(folder_ / ".a.img.new"));
}

TEST_P(PrivilegedVerbs, SizesHaveBounds) {
  EXPECT_EQ(create("a.img", 0), ErrorCode::out_of_range);
  EXPECT_EQ(create("a.img", max_file_bytes + 1), ErrorCode::out_of_range);
  EXPECT_EQ(create("a.img", UINT64_MAX), ErrorCode::out_of_range);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_P(PrivilegedVerbs, LinksAndOtherThingsAreLeftAlone) {
  const TemporaryFolder other;
  write_file(other / "secret", "secret");
  std::filesystem::create_symlink(other / "secret", folder_ / "link.img");
  std::filesystem::create_hard_link(other / "secret", folder_ / "hard.img");
  std::filesystem::create_directory(folder_ / "folder.img");
  ASSERT_EQ(::mkfifo((folder_ / "pipe.img").c_str(), 0600), 0);
  EXPECT_EQ(create("link.img", 6), ErrorCode::permission_denied);
  EXPECT_EQ(create("hard.img", 6), ErrorCode::permission_denied);
  EXPECT_EQ(create("pipe.img"), ErrorCode::invalid_argument);
  EXPECT_EQ(create("folder.img"), ErrorCode::invalid_argument);
  for (const char* name : {"link.img", "hard.img"})
    EXPECT_EQ(verbs_->clone_file(folder_.path(), name, "b.img").error().code, ErrorCode::permission_denied)
        << name;
  for (const char* name : {"link.img", "folder.img", "pipe.img"}) {
    EXPECT_EQ(verbs_->remove_file(folder_.path(), name).error().code, ErrorCode::invalid_argument) << name;
    EXPECT_EQ(verbs_->file_facts(folder_.path(), name).error().code, ErrorCode::invalid_argument) << name;
  }
  EXPECT_TRUE(std::filesystem::exists(other / "secret"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "b.img"));
}

TEST_P(PrivilegedVerbs, ListsOrdinaryFilesByName) {
  EXPECT_EQ(create("b.img"), fine);
  EXPECT_EQ(create("a.img", 2 * mebibyte), fine);
  write_file(folder_ / "notes.txt", "hello");
  write_file(folder_ / "odd name", "hello");
  std::filesystem::create_symlink("a.img", folder_ / "link.img");
  const auto files = verbs_->list_files(folder_.path());
  ASSERT_TRUE(files) << why(files);
  ASSERT_EQ(files->size(), 3u);
  EXPECT_EQ((*files)[0].name, "a.img");
  EXPECT_EQ((*files)[0].size_bytes, 2 * mebibyte);
  EXPECT_EQ((*files)[1].name, "b.img");
  EXPECT_EQ((*files)[2].name, "notes.txt");
}

TEST_P(PrivilegedVerbs, ManyFilesFitInAnAnswer) {
  for (int i = 0; i < 5000; ++i) write_file(folder_ / fmt::format("{:0>150}.img", i), "");
  const auto files = verbs_->list_files(folder_.path());
  ASSERT_TRUE(files) << why(files);
  EXPECT_EQ(files->size(), 5000u);
}

TEST_P(PrivilegedVerbs, RemovesAndRemovesAgain) {
  EXPECT_EQ(create("a.img"), fine);
  EXPECT_TRUE(verbs_->remove_file(folder_.path(), "a.img"));
  EXPECT_TRUE(verbs_->remove_file(folder_.path(), "a.img"));
  EXPECT_EQ(verbs_->file_facts(folder_.path(), "a.img").error().code, ErrorCode::not_found);
  EXPECT_EQ(verbs_->clone_file(folder_.path(), "a.img", "b.img").error().code, ErrorCode::not_found);
}

TEST_P(PrivilegedVerbs, TellsAboutTheFolder) {
  const auto facts = verbs_->folder_facts(folder_.path());
  ASSERT_TRUE(facts) << why(facts);
  EXPECT_FALSE(facts->file_system.empty());
  EXPECT_FALSE(facts->read_only);
  EXPECT_GT(facts->size_bytes, 0u);
  EXPECT_LE(facts->available_bytes, facts->size_bytes);
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path())) << "what was tried is gone";
}

TEST_P(PrivilegedVerbs, ListsDevices) {
  const auto devices = verbs_->list_devices();
  ASSERT_TRUE(devices) << why(devices);
  const auto direct = make_direct()->list_devices();
  ASSERT_TRUE(direct);
  for (const DeviceFacts& each : *direct) {
    const auto same = std::ranges::find(*devices, each.path, &DeviceFacts::path);
    if (same == devices->end()) continue;  // it may have come or gone between the two
    EXPECT_EQ(same->size_bytes, each.size_bytes) << each.path;
    EXPECT_EQ(same->block_bytes, each.block_bytes) << each.path;
  }
}

TEST_P(PrivilegedVerbs, ConnectsToOneSocketAlone) {
  const std::string path = folder_ / "engine.sock";
  EXPECT_EQ(verbs_->connect_engine("engine.sock").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(verbs_->connect_engine(path).error().code, ErrorCode::not_found) << "not running yet";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  ASSERT_LT(path.size(), sizeof address.sun_path);
  path.copy(address.sun_path, path.size());
  const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 4), 0);
  const Result<int> connected = verbs_->connect_engine(path);
  ASSERT_TRUE(connected) << why(connected);
  const Descriptor ours(*connected);
  const Descriptor theirs(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  ASSERT_TRUE(theirs.valid());
  EXPECT_EQ(::fcntl(ours.get(), F_GETFD), FD_CLOEXEC);
  ASSERT_EQ(::write(ours.get(), "hello", 5), 5);
  char heard[8] = {};
  EXPECT_EQ(::read(theirs.get(), heard, sizeof heard), 5);
  EXPECT_STREQ(heard, "hello");
  EXPECT_EQ(verbs_->connect_engine(folder_ / "other.sock").error().code, ErrorCode::permission_denied);
  EXPECT_EQ(verbs_->connect_engine("/" + std::string(200, 's')).error().code, ErrorCode::permission_denied);
}

TEST_P(PrivilegedVerbs, ASocketsPathHasABound) {
  EXPECT_EQ(verbs_->connect_engine("/" + std::string(200, 's')).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace ashlar::storage
