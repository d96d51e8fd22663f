#include "storage/folder_path.h"

#include <gtest/gtest.h>

#include "storage/temporary_folder_test.h"

namespace ashlar::storage {
namespace {

TEST(FolderPath, DataFoldersAreFine) {
  for (const char* folder : {"/srv/x", "/mnt/x", "/media/disk/p", "/var/lib/ashlar/x", "/tmp/x",
                             "/home/a/b/x", "/data", "/opt/volumes", "/bindery", "/srv/a..b"})
    EXPECT_TRUE(check_data_folder(folder)) << folder << ": " << why(check_data_folder(folder));
}

TEST(FolderPath, FoldersOfTheSystemAreRefused) {
  for (const char* folder : {"/",
                             "/bin",
                             "/boot",
                             "/boot/x",
                             "/dev",
                             "/dev/shm/x",
                             "/etc",
                             "/etc/ashlar",
                             "/home",
                             "/lib",
                             "/lib64/x",
                             "/media",
                             "/mnt",
                             "/opt",
                             "/proc",
                             "/proc/self/root",
                             "/root",
                             "/root/x",
                             "/run",
                             "/run/x",
                             "/sbin",
                             "/srv",
                             "/sys",
                             "/sys/kernel",
                             "/tmp",
                             "/usr",
                             "/usr/local/x",
                             "/var",
                             "/var/lib",
                             "/var/lib/dpkg/x",
                             "/var/log/x",
                             "/var/run/x",
                             "/var/spool/cron"}) {
    const Result<void> checked = check_data_folder(folder);
    ASSERT_FALSE(checked) << folder;
    EXPECT_EQ(checked.error().code, ErrorCode::permission_denied) << folder;
    EXPECT_EQ(checked.error().place, folder);
  }
}

TEST(FolderPath, OddPathsAreRefused) {
  for (const std::string& path :
       {std::string(), std::string("srv/x"), std::string("/srv/../etc"), std::string("/srv/x/.."),
        std::string("/srv/./x"), std::string("//srv/x"), std::string("/srv//x"), std::string("/srv/x/"),
        std::string("/srv/x\n"), std::string("/srv/x\0/etc", 11),
        "/srv/" + std::string(max_path_bytes, 'x')}) {
    const Result<void> checked = check_path(path);
    ASSERT_FALSE(checked) << path;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument) << path;
  }
  EXPECT_NE(check_path("/srv/x/").error().message.find("is it /srv/x?"), std::string::npos);
  EXPECT_TRUE(check_path("/"));
}

TEST(FolderPath, NamesOfFiles) {
  for (const std::string& name : {std::string("a"), std::string("db1-1f3a90c2.img"),
                                  std::string("db1@monday_2.img"), std::string(max_name_bytes, 'x')})
    EXPECT_TRUE(check_file_name(name)) << name;
  for (const std::string& name :
       {std::string(), std::string("."), std::string(".."), std::string(".hidden"), std::string("-rf"),
        std::string("a/b"), std::string("../a"), std::string("a b"), std::string("a\n"),
        std::string("\xc3\xa4"), std::string("a\0b", 3), std::string(max_name_bytes + 1, 'x')})
    EXPECT_EQ(check_file_name(name).error().code, ErrorCode::invalid_argument) << name;
  EXPECT_TRUE(check_volume_file_name("a.img"));
  for (const char* name : {"a", ".img", "authorized_keys", "a.img.sh", "a.IMG"})
    EXPECT_FALSE(check_volume_file_name(name)) << name;
}

TEST(FolderPath, NoSymbolicLinkIsFollowed) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "real/in");
  std::filesystem::create_symlink(folder / "real", folder / "link");
  EXPECT_TRUE(open_folder(folder / "real/in"));
  for (const char* path : {"link", "link/in"}) {
    const auto opened = open_folder(folder / path);
    ASSERT_FALSE(opened) << path;
    EXPECT_EQ(opened.error().code, ErrorCode::permission_denied);
    EXPECT_NE(opened.error().message.find(folder / "real"), std::string::npos) << opened.error().text();
  }
  write_file(folder / "file", "x");
  EXPECT_EQ(open_folder(folder / "file").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(open_folder(folder / "none").error().code, ErrorCode::not_found);
  EXPECT_EQ(open_folder("/proc/self/root").error().code, ErrorCode::permission_denied);
}

}  // namespace
}  // namespace ashlar::storage
