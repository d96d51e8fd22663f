#include "state/file_system.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "state/sha256.h"

namespace ashlar::state {
namespace {

class RealFiles : public testing::Test {
 protected:
  RealFiles() : folder_(fmt::format("{}/ashlar_files_{}", testing::TempDir(), ::getpid())) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
  }
  ~RealFiles() override { std::filesystem::remove_all(folder_); }
  std::string at(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }
  static uint32_t mode_of(const std::string& path) {
    struct stat there{};
    return ::stat(path.c_str(), &there) == 0 ? there.st_mode & 07777 : 0;
  }

  std::string folder_;
  std::unique_ptr<FileSystem> files_ = make_file_system();
};

TEST_F(RealFiles, RoundTrip) {
  const std::string big(300'000, 'x');
  ASSERT_TRUE(files_->write(at("b"), big, 0600));
  ASSERT_TRUE(files_->write(at("a"), "", 0640));
  ASSERT_TRUE(files_->sync_file(at("a")));
  ASSERT_TRUE(files_->sync_folder(folder_));
  EXPECT_EQ(*files_->read(at("b")), big);
  EXPECT_EQ(*files_->read(at("a")), "");
  EXPECT_EQ(*files_->list(folder_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(mode_of(at("a")), 0640u);
  ASSERT_TRUE(files_->write(at("b"), "short", 0600));
  EXPECT_EQ(*files_->read(at("b")), "short");
  ASSERT_TRUE(files_->rename(at("b"), at("c")));
  EXPECT_FALSE(files_->exists(at("b")));
  EXPECT_TRUE(files_->exists(at("c")));
  ASSERT_TRUE(files_->remove(at("c")));
  EXPECT_FALSE(files_->exists(at("c")));
}

TEST_F(RealFiles, ReplaceLeavesNothingBeside) {
  ASSERT_TRUE(files_->replace(at("a"), "one", 0600));
  ASSERT_TRUE(files_->replace(at("a"), "two", 0600));
  EXPECT_EQ(*files_->read(at("a")), "two");
  EXPECT_EQ(files_->list(folder_)->size(), 1u);
}

TEST_F(RealFiles, AFileOfBeforeGetsTheMode) {
  ASSERT_TRUE(files_->write(at("a"), "x", 0644));
  ASSERT_TRUE(files_->write(at("a"), "x", 0600));
  EXPECT_EQ(mode_of(at("a")), 0600u);
}

TEST_F(RealFiles, FoldersAreMadeOnceAndGetTheirMode) {
  ASSERT_TRUE(files_->make_folder(at("f"), 0755));
  ASSERT_TRUE(files_->make_folder(at("f"), 0700));
  EXPECT_EQ(mode_of(at("f")), 0700u);
  ASSERT_TRUE(files_->write(at("file"), "", 0600));
  EXPECT_EQ(files_->make_folder(at("file"), 0700).error().code, ErrorCode::already_exists);
  EXPECT_EQ(files_->make_folder(at("no/such"), 0700).error().code, ErrorCode::not_found);
}

TEST_F(RealFiles, ErrorsNameThePath) {
  EXPECT_EQ(files_->read(at("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_->read(at("none")).error().place, at("none"));
  EXPECT_EQ(files_->list(at("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_->sync_file(at("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_->remove(at("none")).error().code, ErrorCode::not_found);
  EXPECT_EQ(files_->rename(at("none"), at("x")).error().code, ErrorCode::not_found);
  EXPECT_FALSE(files_->read(folder_));
  std::filesystem::create_symlink("/etc/passwd", at("link"));
  EXPECT_FALSE(files_->write(at("link"), "", 0600)) << "writes do not follow links";
}

TEST_F(RealFiles, AFullDiskIsNoSpace) {
  EXPECT_EQ(files_->write("/dev/full", "x", 0666).error().code, ErrorCode::no_space);
}

TEST_F(RealFiles, AFileWithoutEndIsRefused) {
  EXPECT_EQ(files_->read("/dev/zero").error().code, ErrorCode::out_of_range);
}

TEST(Paths, Folders) {
  EXPECT_EQ(folder_of("a/b/c"), "a/b");
  EXPECT_EQ(folder_of("/a"), "/");
  EXPECT_EQ(folder_of("a"), ".");
}

TEST(Sha256, KnownAnswers) {  // FIPS 180-4 examples
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

}  // namespace
}  // namespace ashlar::state
