#include "engine/identity_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <iterator>

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

TEST_F(IdentityFile, ASecretIsNotKeptAndNoPartOfWhichStoreItIs) {
  rpc::VolumeDocument volume;
  volume.name = "far";
  volume.store = {"remote", {{"urls", "iscsi://u@192.0.2.7/iqn.x/0"}, {"secret", "twelve bytes"}}};
  DrawnIdentities drawn;
  drawn.remember({"far", volume.store, {.naa = "3111111111111111"}});
  ASSERT_TRUE(save_identities(path_, drawn.all()));
  std::ifstream file(path_);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(text.contains("twelve")) << text;
  const auto loaded = load_identities(path_);
  ASSERT_TRUE(loaded);
  ASSERT_NE(loaded->find(volume), nullptr);
  EXPECT_EQ(loaded->find(volume)->naa, "3111111111111111");
  volume.store.options["secret"] = "another secret";
  EXPECT_NE(loaded->find(volume), nullptr);
  volume.store.options["urls"] = "iscsi://u@192.0.2.8/iqn.x/0";
  EXPECT_EQ(loaded->find(volume), nullptr);
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
