// What depends on the file system: sharing blocks, being full, being read-only. Mounts file systems, so it needs root.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <thread>

#include "storage/descriptor.h"
#include "storage/pool_driver.h"
#include "storage/temporary_folder_test.h"

namespace ashlar::storage {
namespace {

constexpr uint64_t mebibyte = 1 << 20;
constexpr size_t block_bytes = 4096;

/// Without mounts only the refusal can be seen, on whatever holds the temporary files.
void check_refusal_here() {
  const TemporaryFolder folder;
  const auto verbs = make_direct();
  ASSERT_TRUE(verbs->allow_folder(folder.path()));
  const auto facts = verbs->folder_facts(folder.path());
  ASSERT_TRUE(facts) << why(facts);
  ASSERT_TRUE(verbs->create_file(folder.path(), "a.img", mebibyte, false));
  const Result<void> cloned = verbs->clone_file(folder.path(), "a.img", "b.img");
  EXPECT_EQ(cloned.has_value(), facts->reflink) << why(cloned);
  if (!cloned) {
    EXPECT_EQ(cloned.error().code, ErrorCode::unsupported);
    EXPECT_NE(cloned.error().message.find(facts->file_system), std::string::npos) << cloned.error().text();
  }
  EXPECT_FALSE(std::filesystem::exists(folder / ".b.img.new"));
}

#define NEED_MOUNT(file_system)                                                                        \
  if (!(file_system).mounted()) {                                                                      \
    check_refusal_here();                                                                              \
    GTEST_SKIP() << "no file system can be mounted here (root and loop devices are needed); only the " \
                    "refusal of this folder's was looked at";                                          \
  }

struct FreeMemory {
  void operator()(uint64_t* memory) const { std::free(memory); }
};
using Block = std::unique_ptr<uint64_t, FreeMemory>;
Block make_block() { return Block(static_cast<uint64_t*>(std::aligned_alloc(block_bytes, block_bytes))); }

/// Writes rounds of a counter over the blocks of a file, in order, as the engine does: O_DIRECT.
class Writer {
 public:
  Writer(const std::string& path, uint64_t blocks)
      : file_(::open(path.c_str(), O_WRONLY | O_DIRECT | O_CLOEXEC)),
        blocks_(blocks),
        thread_([this] { run(); }) {}
  ~Writer() {
    stop_ = true;
    thread_.join();
  }
  void wait_for(uint64_t count) const {
    while (written_ < count && !failed_) std::this_thread::yield();
  }
  uint64_t written() const { return written_; }
  bool failed() const { return failed_; }

 private:
  void run() {
    const Block block = make_block();
    for (uint64_t next = 1; !stop_ && !failed_; ++next) {
      std::fill_n(block.get(), block_bytes / sizeof(uint64_t), next);
      const auto offset = static_cast<off_t>((next - 1) % blocks_ * block_bytes);
      if (::pwrite(file_.get(), block.get(), block_bytes, offset) != static_cast<ssize_t>(block_bytes))
        failed_ = true;
      else
        written_ = next;
    }
  }

  Descriptor file_;
  uint64_t blocks_;
  std::atomic<uint64_t> written_ = 0;
  std::atomic<bool> stop_ = false, failed_ = false;
  std::thread thread_;
};

/// The counter at which the copy was taken, or 0: block k must hold the last counter up to it that falls on k.
uint64_t moment_of(const std::string& path, uint64_t blocks) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::vector<uint64_t> found(blocks);
  const Block block = make_block();
  for (uint64_t i = 0; i < blocks; ++i) {
    if (::pread(file.get(), block.get(), block_bytes, static_cast<off_t>(i * block_bytes)) !=
        static_cast<ssize_t>(block_bytes))
      return 0;
    const uint64_t* const words = block.get();
    for (size_t word = 1; word < block_bytes / sizeof(uint64_t); ++word) {
      if (words[word] != words[0]) return 0;  // a torn block
    }
    found[i] = words[0];
  }
  const uint64_t last = *std::ranges::max_element(found);
  for (uint64_t i = 0; i < blocks; ++i) {
    const uint64_t rounds = last > i ? (last - i - 1) / blocks : 0;
    const uint64_t expected = last > i ? rounds * blocks + i + 1 : 0;
    if (found[i] != expected) return 0;
  }
  return last;
}

TEST(FileSystems, AnXfsCloneIsOneMomentWhileAnotherThreadWrites) {
  const MountedFileSystem xfs(ASHLAR_XFS, xfs_bytes);
  NEED_MOUNT(xfs);
  constexpr uint64_t blocks = 64;
  const auto helper = fork_helper();
  ASSERT_TRUE(helper) << why(helper);
  ASSERT_TRUE((*helper)->allow_folder(xfs.path()));
  EXPECT_TRUE((*helper)->folder_facts(xfs.path())->reflink);
  ASSERT_TRUE((*helper)->create_file(xfs.path(), "a.img", blocks * block_bytes, false));
  Writer writer(xfs.path() + "/a.img", blocks);
  uint64_t before = 0;
  for (int i = 0; i < 20; ++i) {
    writer.wait_for(before + blocks + 1);
    const uint64_t least = writer.written();
    const std::string name = fmt::format("copy{}.img", i);
    const Result<void> cloned = (*helper)->clone_file(xfs.path(), "a.img", name);
    ASSERT_TRUE(cloned) << why(cloned);
    const uint64_t most = writer.written() + 1;
    const uint64_t moment = moment_of(xfs.path() + "/" + name, blocks);
    EXPECT_GE(moment, least) << "a write that was acknowledged before is in it";
    EXPECT_LE(moment, most);
    before = writer.written();
  }
  EXPECT_FALSE(writer.failed());
  const uint64_t kept = moment_of(xfs.path() + "/copy0.img", blocks);
  EXPECT_NE(kept, 0u);
  writer.wait_for(writer.written() + blocks);
  EXPECT_EQ(moment_of(xfs.path() + "/copy0.img", blocks), kept) << "later writes do not show in a clone";
  EXPECT_EQ((*helper)->clone_file(xfs.path(), "a.img", "copy0.img").error().code, ErrorCode::already_exists);
}

TEST(FileSystems, ADirPoolOnXfsHasSnapshots) {
  const MountedFileSystem xfs(ASHLAR_XFS, xfs_bytes);
  NEED_MOUNT(xfs);
  const auto verbs = make_direct();
  const auto pool = open_pool({.name = "p", .kind = "dir", .path = xfs.path()}, *verbs);
  ASSERT_TRUE(pool) << why(pool);
  EXPECT_TRUE((*pool)->abilities().snapshots);
  EXPECT_EQ((*pool)->abilities().why_no_snapshots, "");
  ASSERT_TRUE((*pool)->create({.name = "a", .size_bytes = mebibyte, .backing = "a.img"}));
  write_file(xfs.path() + "/a.img", "content");
  ASSERT_TRUE((*pool)->clone("a.img", "b.img"));
  std::string content;
  std::getline(std::ifstream(xfs.path() + "/b.img"), content);
  EXPECT_EQ(content, "content");
  EXPECT_EQ((*pool)->usage()->state, "online");
}

TEST(FileSystems, XfsWithoutReflinkSaysHowToMendIt) {
  const MountedFileSystem xfs("mkfs.xfs -q -m reflink=0", xfs_bytes);
  NEED_MOUNT(xfs);
  const auto verbs = make_direct();
  const auto pool = open_pool({.name = "p", .kind = "dir", .path = xfs.path()}, *verbs);
  ASSERT_TRUE(pool) << why(pool);
  EXPECT_FALSE((*pool)->abilities().snapshots);
  EXPECT_NE((*pool)->abilities().why_no_snapshots.find("reflink=1"), std::string::npos);
}

TEST(FileSystems, Ext4CannotShareBlocksAndSaysSo) {
  const MountedFileSystem ext4("mkfs.ext4 -q", 32 * mebibyte);
  NEED_MOUNT(ext4);
  const auto helper = fork_helper();
  ASSERT_TRUE(helper) << why(helper);
  const auto pool = open_pool({.name = "p", .kind = "dir", .path = ext4.path()}, **helper);
  ASSERT_TRUE(pool) << why(pool);
  EXPECT_EQ((*pool)->abilities().why_no_snapshots,
            ext4.path() + " is ext4, which cannot share blocks between files: use XFS or Btrfs");
  EXPECT_TRUE((*helper)->folder_facts(ext4.path())->punch_hole);
  ASSERT_TRUE((*pool)->create({.name = "a", .size_bytes = mebibyte, .backing = "a.img"}));
  const Result<void> cloned = (*pool)->clone("a.img", "b.img");
  ASSERT_FALSE(cloned);
  EXPECT_EQ(cloned.error().code, ErrorCode::unsupported);
  EXPECT_NE(cloned.error().message.find("ext4"), std::string::npos) << cloned.error().text();
  EXPECT_EQ((*pool)->list()->size(), 1u) << "no half-made file is left";
  const Result<void> huge = (*pool)->check_room(17ull << 40, true);
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code, ErrorCode::out_of_range);
}

TEST(FileSystems, NoSpaceIsToldAndNothingIsLeft) {
  const MountedFileSystem small("tmpfs", 32 * mebibyte);
  NEED_MOUNT(small);
  const auto verbs = make_direct();
  const auto pool = open_pool({.name = "p", .kind = "dir", .path = small.path()}, *verbs);
  ASSERT_TRUE(pool) << why(pool);
  EXPECT_TRUE((*pool)->check_room(16 * mebibyte, false));
  EXPECT_TRUE((*pool)->check_room(1ull << 50, true)) << "thin";
  const Result<void> room = (*pool)->check_room(40 * mebibyte, false);
  ASSERT_FALSE(room);
  EXPECT_EQ(room.error().code, ErrorCode::no_space);
  EXPECT_NE(room.error().message.find("8 MiB are missing"), std::string::npos) << room.error().text();
  const Result<void> made =
      (*pool)->create({.name = "a", .size_bytes = 40 * mebibyte, .thin = false, .backing = "a.img"});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::no_space) << made.error().text();
  EXPECT_TRUE(std::filesystem::is_empty(small.path()));
  ASSERT_TRUE((*pool)->create({.name = "b", .size_bytes = 28 * mebibyte, .thin = false, .backing = "b.img"}));
  const auto usage = (*pool)->usage();
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->state, "full");
  EXPECT_EQ(usage->size_bytes, 32 * mebibyte);
  EXPECT_EQ(usage->used_bytes, 28 * mebibyte);
  EXPECT_EQ(usage->available_bytes, 4 * mebibyte);
  EXPECT_FALSE(usage->message.empty());
}

TEST(FileSystems, ReadOnlyAndUnmountedAreTold) {
  MountedFileSystem small("tmpfs", 64 * mebibyte);
  NEED_MOUNT(small);
  const auto verbs = make_direct();
  const auto pool = open_pool({.name = "p", .kind = "dir", .path = small.path()}, *verbs);
  ASSERT_TRUE(pool) << why(pool);
  EXPECT_EQ((*pool)->usage()->state, "online");
  ASSERT_TRUE(run("mount -o remount,ro '" + small.path() + "'"));
  EXPECT_EQ((*pool)->usage()->state, "read_only");
  EXPECT_FALSE((*pool)->create({.name = "a", .size_bytes = mebibyte, .backing = "a.img"}));
  const auto opened = open_pool({.name = "p", .kind = "dir", .path = small.path()}, *verbs);
  ASSERT_TRUE(opened) << why(opened);
  EXPECT_NE((*opened)->abilities().why_no_snapshots.find("read-only"), std::string::npos);
  small.unmount();
  const auto usage = (*pool)->usage();
  ASSERT_TRUE(usage);
  EXPECT_EQ(usage->state, "missing") << "the folder below the mount is not the pool";
  EXPECT_NE(usage->message.find("mount"), std::string::npos) << usage->message;
}

}  // namespace
}  // namespace ashlar::storage
