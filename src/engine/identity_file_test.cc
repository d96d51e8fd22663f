#include "engine/identity_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>

namespace ashlar::engine {
namespace {

class IdentityFile : public testing::Test {
 protected:
  IdentityFile() : path_(testing::TempDir() + "/ashlar_identity_file_test.json") {
    std::remove(path_.c_str());
  }
  ~IdentityFile() override { std::remove(path_.c_str()); }
  std::string path_;
};

TEST_F(IdentityFile, ComesBackAsItWent) {
  const std::vector<KeptIdentity> kept = {
      {"a", {"file", {{"path", "/srv/a"}}}, {.naa = "3111111111111111", .serial = "A"}},
      {"b", {"memory", {}}, {.naa = "3222222222222222"}}};
  ASSERT_TRUE(save_identities(path_, kept));
  const auto loaded = load_identities(path_);
  ASSERT_TRUE(loaded) << loaded.error().text();
  EXPECT_EQ(loaded->all(), kept);
  struct stat there{};
  ASSERT_EQ(::stat(path_.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0600u);
  ASSERT_TRUE(save_identities(path_, {}));
  EXPECT_TRUE(load_identities(path_)->all().empty());
}

TEST_F(IdentityFile, NoneIsEmpty) { EXPECT_TRUE(load_identities(path_)->all().empty()); }

TEST_F(IdentityFile, ABrokenOneIsRefused) {
  for (const char* text : {"", "{", "{}", "{\"identities\": 7}", "{\"identities\": [], \"more\": 1}"}) {
    std::ofstream(path_) << text;
    const auto loaded = load_identities(path_);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().place, path_);
  }
}

TEST_F(IdentityFile, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(save_identities("/nonexistent/identities.json", {}).error().code, ErrorCode::not_found);
}

}  // namespace
}  // namespace ashlar::engine
