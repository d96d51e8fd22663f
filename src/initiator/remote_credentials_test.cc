#include "initiator/remote_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::initiator {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using Options = std::map<std::string, std::string>;

constexpr char key[] = "DHHC-1:00:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
constexpr char other_key[] = "DHHC-1:03:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+KfiaR:";
constexpr char tls_key[] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";

std::vector<RemoteUrl> urls(const std::string& user = "") {
  return {{.user = user, .endpoint = {"192.0.2.7", 3260}, .target = "iqn.x:a", .unit = 0, .has_unit = true}};
}

TEST(RemoteCredentials, AreWhatTheOptionsSay) {
  const auto none = remote_credentials_of({{"urls", "iscsi://192.0.2.7/iqn.x:a/0"}}, urls());
  ASSERT_TRUE(none);
  EXPECT_FALSE(none->chap || none->proof || none->tls_key);
  const auto all = remote_credentials_of({{"user", "u"},
                                          {"secret", "a secret of ours"},
                                          {"mutual_user", "a"},
                                          {"mutual_secret", "a secret of theirs"},
                                          {"dhchap_key", key},
                                          {"dhchap_controller_key", other_key},
                                          {"dhchap_hashes", "sha-512,sha-256"},
                                          {"tls_key", tls_key}},
                                         urls());
  ASSERT_TRUE(all) << all.error().text();
  EXPECT_EQ(all->chap->user, "u");
  EXPECT_EQ(all->chap->mutual_secret, "a secret of theirs");
  EXPECT_EQ(all->proof->key, *parse_dhchap_key(key, ""));
  EXPECT_EQ(all->proof->controller_key, *parse_dhchap_key(other_key, ""));
  EXPECT_THAT(all->proof->hashes, ElementsAre(DhchapHash::sha512, DhchapHash::sha256));
  EXPECT_THAT(all->proof->groups, Not(testing::Contains(DhchapGroup::null))) << "unless it is asked for";
  EXPECT_EQ(all->tls_key, *parse_tls_key(tls_key, ""));
}

TEST(RemoteCredentials, AUrlMayNameTheUser) {
  const auto by_url = remote_credentials_of({{"secret", "a secret of ours"}}, urls("backup"));
  ASSERT_TRUE(by_url);
  EXPECT_EQ(by_url->chap->user, "backup");
  EXPECT_EQ(remote_credentials_of({}, urls("backup")).error().place, "secret");
}

TEST(RemoteCredentials, ErrorsNameTheOptionAndNoSecret) {
  const struct {
    Options options;
    const char* place;
  } mistakes[] = {
      {{{"user", "u"}}, "secret"},
      {{{"mutual_user", "a"}}, "secret"},
      {{{"secret", "a secret of ours"}}, "user"},
      {{{"user", "u"}, {"secret", "a secret of ours"}, {"mutual_user", "a"}}, "mutual_secret"},
      {{{"user", "u"}, {"secret", "a secret of ours"}, {"mutual_secret", "secret of all"}}, "mutual_user"},
      {{{"user", "u"},
        {"secret", "a secret of ours"},
        {"mutual_user", "a"},
        {"mutual_secret", "a secret of ours"}},
       "mutual_secret"},
      {{{"dhchap_controller_key", key}}, "dhchap_key"},
      {{{"dhchap_groups", "null"}}, "dhchap_key"},
      {{{"dhchap_key", "a secret of ours"}}, "dhchap_key"},
      {{{"dhchap_key", key}, {"dhchap_controller_key", key}}, "dhchap_controller_key"},
      {{{"dhchap_key", key}, {"dhchap_hashes", "md5"}}, "dhchap_hashes"},
      {{{"tls_key", "a secret of ours"}}, "tls_key"},
  };
  for (const auto& mistake : mistakes) {
    const auto refused = remote_credentials_of(mistake.options, urls());
    ASSERT_FALSE(refused) << mistake.place;
    EXPECT_THAT(refused.error().place, HasSubstr(mistake.place)) << refused.error().text();
    EXPECT_THAT(refused.error().text(), Not(HasSubstr("of ours")));
  }
}

}  // namespace
}  // namespace ashlar::initiator
