#include "state/secrets.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "state/crash_file_system_test.h"

namespace ashlar::state {
namespace {

TEST(Secrets, RoundTrip) {
  CrashFileSystem files;
  auto store = SecretStore::open(files, "secrets");
  ASSERT_TRUE(store);
  const std::string bytes("a\0b\xff", 4);
  const std::string one = *store->put(bytes), two = *store->put("");
  EXPECT_NE(one, two);
  EXPECT_TRUE(SecretStore::is_reference(one));
  EXPECT_EQ(one.size(), 39u);
  const auto again = SecretStore::open(files, "secrets");
  EXPECT_EQ(*again->get(one), bytes);
  EXPECT_EQ(*again->get(two), "");
  EXPECT_EQ(again->get("secret:00000000000000000000000000000000").error().code, ErrorCode::not_found);
}

TEST(Secrets, NothingButAReferenceIsOne) {
  CrashFileSystem files;
  const auto store = SecretStore::open(files, "secrets");
  for (const char* text :
       {"", "secret:", "secret:../../../../../../../../etc/passwd", "secret:0123",
        "secret:0123456789abcdef0123456789abcde/", "0123456789abcdef0123456789abcdef",
        "secret:0123456789ABCDEF0123456789ABCDEF", "secret:0123456789abcdef0123456789abcdef0",
        "Secret:0123456789abcdef0123456789abcdef"}) {
    EXPECT_FALSE(SecretStore::is_reference(text)) << text;
    EXPECT_EQ(store->get(text).error().code, ErrorCode::invalid_argument) << text;
  }
}

TEST(Secrets, ModesKeepOthersOut) {
  const std::string folder = fmt::format("{}/ashlar_secrets_{}", testing::TempDir(), ::getpid());
  std::filesystem::remove_all(folder);
  const auto files = make_file_system();
  auto store = SecretStore::open(*files, folder);
  ASSERT_TRUE(store) << store.error().text();
  const std::string path = fmt::format("{}/{}", folder, store->put("x")->substr(7));
  struct stat there{};
  ASSERT_EQ(::stat(path.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0600u);
  ASSERT_EQ(::stat(folder.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 07777, 0700u);
  std::filesystem::remove_all(folder);
}

TEST(Secrets, TooLongIsRefused) {
  CrashFileSystem files;
  auto store = SecretStore::open(files, "secrets");
  EXPECT_TRUE(store->put(std::string(SecretStore::max_secret_bytes, 'x')));
  EXPECT_EQ(store->put(std::string(SecretStore::max_secret_bytes + 1, 'x')).error().code,
            ErrorCode::out_of_range);
}

TEST(Secrets, OnlyWhatNobodyNamesIsRemoved) {
  CrashFileSystem files;
  auto store = SecretStore::open(files, "secrets");
  const std::string one = *store->put("1"), two = *store->put("2"), three = *store->put("3");
  ASSERT_TRUE(files.write("secrets/README", "not ours", 0600));
  EXPECT_EQ(*store->remove_all_but({two, "not a reference"}), 2u);
  EXPECT_EQ(store->get(one).error().code, ErrorCode::not_found);
  EXPECT_EQ(store->get(three).error().code, ErrorCode::not_found);
  EXPECT_EQ(*store->get(two), "2");
  EXPECT_TRUE(files.exists("secrets/README"));
  EXPECT_EQ(*store->remove_all_but({two}), 0u);
}

TEST(Secrets, LitterOfAPowerCutIsSweptUp) {
  const std::string litter = "secrets/0123456789abcdef0123456789abcdef.new";
  CrashFileSystem files({{"secrets", {true, 0700, ""}}, {litter, {false, 0600, "half a sec"}}});
  ASSERT_TRUE(SecretStore::open(files, "secrets"));
  EXPECT_FALSE(files.exists(litter));
}

TEST(Secrets, EveryCallOfPutMayFail) {
  for (const ErrorCode code : {ErrorCode::no_space, ErrorCode::io_error}) {
    for (uint64_t call = 0; call < 4; ++call) {
      CrashFileSystem files;
      auto store = SecretStore::open(files, "secrets");
      files.fail_at(files.calls() + call, code);
      EXPECT_EQ(store->put("x").error().code, code) << call;
      const std::string after = *store->put("y");
      EXPECT_EQ(*store->get(after), "y");
    }
  }
}

}  // namespace
}  // namespace ashlar::state
