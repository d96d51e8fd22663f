#include "initiator/remote_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace ashlar::initiator {
namespace {

using testing::HasSubstr;

std::string refused(std::string_view text) {
  const auto url = parse_remote_url(text, "url", UrlPart::unit);
  return url ? "" : url.error().text();
}

TEST(RemoteUrl, IsReadAndPrinted) {
  const auto url =
      parse_remote_url("iscsi://backup@192.0.2.7/iqn.2026-01.com.example:array/3", "url", UrlPart::unit);
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(url->user, "backup");
  EXPECT_EQ(url->endpoint, (loop::Endpoint{"192.0.2.7", 3260}));
  EXPECT_EQ(url->target, "iqn.2026-01.com.example:array");
  EXPECT_EQ(url->unit, 3u);
  EXPECT_EQ(url->text(), "iscsi://192.0.2.7:3260/iqn.2026-01.com.example:array/3");
  const auto nvme =
      parse_remote_url("nvme-tcp://[2001:db8::7]:4421/nqn.2026-01.com.example:array/1", "url", UrlPart::unit);
  ASSERT_TRUE(nvme) << nvme.error().text();
  EXPECT_EQ(nvme->text(), "nvme-tcp://[2001:db8::7]:4421/nqn.2026-01.com.example:array/1");
  EXPECT_FALSE(parse_remote_url("iscsi://192.0.2.7/", "url", UrlPart::portal)->has_unit);
}

TEST(RemoteUrl, SaysWhichPartIsWrong) {
  EXPECT_THAT(refused("http://192.0.2.7/"), HasSubstr("url.scheme: 'http:' is not iscsi:// or nvme-tcp://"));
  EXPECT_THAT(refused("iscsi://array.example.com/iqn.x/0"), HasSubstr("url.host: 'array.example.com' is no"));
  EXPECT_THAT(refused("iscsi://192.0.2.7:0/iqn.x/0"), HasSubstr("url.port: '0'"));
  EXPECT_THAT(refused("iscsi://192.0.2.7/array/0"), HasSubstr("url.target: 'array' must begin with iqn."));
  EXPECT_THAT(refused("nvme-tcp://192.0.2.7/iqn.x/1"), HasSubstr("url.target: 'iqn.x' is no NVMe"));
  EXPECT_THAT(refused("nvme-tcp://192.0.2.7/nqn.2026-01.a/0"), HasSubstr("url.nsid: '0'"));
  EXPECT_THAT(refused("iscsi://192.0.2.7/iqn.x/16384"),
              HasSubstr("url.lun: '16384': a number from 0 to 16383"));
  EXPECT_THAT(refused("iscsi://u:p@192.0.2.7/iqn.x/0"), HasSubstr("url.user: a secret does not belong"));
  EXPECT_THAT(refused("nvme-tcp://u@192.0.2.7/nqn.2026-01.a/1"), HasSubstr("url.user: NVMe/TCP knows no"));
  EXPECT_THAT(refused("iscsi://[2001:db8::7/iqn.x/0"), HasSubstr("url.host: [ without ]"));
}

TEST(RemoteUrls, AreOneToSixteenDifferentOnes) {
  EXPECT_EQ(parse_remote_urls("iscsi://192.0.2.7/iqn.x/0, iscsi://192.0.2.8/iqn.x/0", "urls")->size(), 2u);
  EXPECT_FALSE(parse_remote_urls("", "urls"));
  const auto twice = parse_remote_urls("iscsi://192.0.2.7/iqn.x/0 iscsi://192.0.2.7:3260/iqn.x/0", "urls");
  EXPECT_EQ(twice.error().place, "urls[1]");
  EXPECT_EQ(parse_remote_urls("iscsi://192.0.2.7/iqn.x", "urls").error().place, "urls[0].lun");
  EXPECT_EQ(parse_remote_urls("iscsi://192.0.2.7", "urls").error().place, "urls[0].target");
  std::string many;
  for (int i = 0; i < 17; ++i) many += fmt::format("iscsi://192.0.2.{}/iqn.x/0 ", i);
  EXPECT_FALSE(parse_remote_urls(many, "urls"));
}

}  // namespace
}  // namespace ashlar::initiator
