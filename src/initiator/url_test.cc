#include "initiator/url.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ashlar::initiator {
namespace {

constexpr const char* iqn = "iqn.2026-11.io.ashlar:demo";
constexpr const char* nqn = "nqn.2026-11.io.ashlar:demo";

TEST(Url, AllPartsOfAnIscsiUrl) {
  const auto url = parse_url("iscsi://tom%40home@192.0.2.7:3261/iqn.2026-11.io.ashlar:demo/12", "url");
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(url->protocol, Protocol::iscsi);
  EXPECT_EQ(url->user, "tom@home");
  EXPECT_EQ(url->endpoint, (loop::Endpoint{"192.0.2.7", 3261}));
  EXPECT_EQ(url->target, iqn);
  EXPECT_EQ(url->unit, 12u);
  EXPECT_EQ(url->text(), "iscsi://tom%40home@192.0.2.7:3261/iqn.2026-11.io.ashlar:demo/12");
}

TEST(Url, PortsThatAreNotGivenAreTheProtocols) {
  EXPECT_EQ(parse_url(fmt::format("iscsi://127.0.0.1/{}/0", iqn), "url")->endpoint.port, 3260);
  EXPECT_EQ(parse_url(fmt::format("nvme-tcp://127.0.0.1/{}/1", nqn), "url")->endpoint.port, 4420);
}

TEST(Url, AnIpv6AddressStandsInBracketsItsScopeIsEncoded) {
  const auto url = parse_url(fmt::format("nvme-tcp://[fe80::1%25lo]:4421/{}/4294967294", nqn), "url");
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(url->endpoint, (loop::Endpoint{"fe80::1%lo", 4421}));
  EXPECT_EQ(url->unit, 4294967294u);
  EXPECT_EQ(url->text(), fmt::format("nvme-tcp://[fe80::1%25lo]:4421/{}/4294967294", nqn));
  EXPECT_EQ(parse_url(fmt::format("iscsi://[::1]/{}/0", iqn), "url")->endpoint,
            (loop::Endpoint{"::1", 3260}));
}

TEST(Url, NamesMayBeEncoded) {
  const auto url = parse_url("nvme-tcp://127.0.0.1/nqn.2026-11.io.ashlar%3Aa%2Fb/1", "url");
  ASSERT_TRUE(url) << url.error().text();
  EXPECT_EQ(url->target, "nqn.2026-11.io.ashlar:a/b");
  EXPECT_EQ(url->text(), "nvme-tcp://127.0.0.1:4420/nqn.2026-11.io.ashlar:a%2Fb/1");
}

TEST(Url, PartsThatAreNotNeededMayBeLeftOut) {
  const auto portal = parse_url("iscsi://127.0.0.1", "url", UrlPart::portal);
  ASSERT_TRUE(portal);
  EXPECT_TRUE(portal->target.empty());
  EXPECT_EQ(*parse_url("iscsi://127.0.0.1/", "url", UrlPart::portal), *portal);
  EXPECT_EQ(portal->text(), "iscsi://127.0.0.1:3260");
  const auto target = parse_url(fmt::format("iscsi://127.0.0.1/{}", iqn), "url", UrlPart::target);
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->unit);
  EXPECT_TRUE(parse_url(fmt::format("iscsi://127.0.0.1/{}/3", iqn), "url", UrlPart::portal)->unit);
}

TEST(Url, ErrorsNameThePart) {
  const auto place_of = [](std::string_view text) {
    const auto url = parse_url(text, "paths[1]");
    return url ? "none" : url.error().place;
  };
  EXPECT_EQ(place_of("http://127.0.0.1/x/0"), "paths[1].scheme");
  EXPECT_EQ(place_of("127.0.0.1"), "paths[1].scheme");
  EXPECT_EQ(place_of(""), "paths[1].scheme");
  EXPECT_EQ(place_of(fmt::format("iscsi://@127.0.0.1/{}/0", iqn)), "paths[1].user");
  EXPECT_EQ(place_of(fmt::format("iscsi://tom:secret@127.0.0.1/{}/0", iqn)), "paths[1].user");
  EXPECT_EQ(place_of(fmt::format("iscsi://t%zzm@127.0.0.1/{}/0", iqn)), "paths[1].user");
  for (const char* host :
       {"", "example.com", "1.2.3.400", "::1", "[::1", "[127.0.0.1]", "[::1]x", "%2Ftmp%2Fx"})
    EXPECT_EQ(place_of(fmt::format("iscsi://{}/{}/0", host, iqn)), "paths[1].host") << host;
  for (const char* port : {"", "0", "65536", "-1", "12a"}) {
    EXPECT_EQ(place_of(fmt::format("iscsi://127.0.0.1:{}/{}/0", port, iqn)), "paths[1].port") << port;
    EXPECT_EQ(place_of(fmt::format("iscsi://[::1]:{}/{}/0", port, iqn)), "paths[1].port") << port;
  }
  EXPECT_EQ(place_of("iscsi://127.0.0.1"), "paths[1].target");
  EXPECT_EQ(place_of("iscsi://127.0.0.1//0"), "paths[1].target");
  EXPECT_EQ(place_of(fmt::format("iscsi://127.0.0.1/{}/0", nqn)), "paths[1].target");
  EXPECT_EQ(place_of(fmt::format("nvme-tcp://127.0.0.1/{}/1", iqn)), "paths[1].target");
  EXPECT_EQ(place_of("nvme-tcp://127.0.0.1/nqn.2026-11.io.ashlar:a%0ab/1"), "paths[1].target");
  for (const char* lun : {"", "16384", "-1", "0/1", "0/"})
    EXPECT_EQ(place_of(fmt::format("iscsi://127.0.0.1/{}/{}", iqn, lun)), "paths[1].lun") << lun;
  for (const char* nsid : {"", "0", "4294967295", "x"})
    EXPECT_EQ(place_of(fmt::format("nvme-tcp://127.0.0.1/{}/{}", nqn, nsid)), "paths[1].nsid") << nsid;
  EXPECT_EQ(place_of(fmt::format("iscsi://127.0.0.1/{}/0?x=y", iqn)), "paths[1]");
  EXPECT_EQ(place_of("iscsi://127.0.0.1/ "), "paths[1]");
  EXPECT_EQ(place_of(std::string(Url::max_bytes + 1, 'x')), "paths[1]");
}

RC_GTEST_PROP(Url, WhatIsPrintedIsReadAgain, ()) {
  Url url;
  url.protocol = *rc::gen::element(Protocol::iscsi, Protocol::nvme_tcp);
  url.user = *rc::gen::suchThat(rc::gen::container<std::string>(rc::gen::inRange<char>(0x20, 0x7f)),
                                [](const std::string& text) { return text.size() <= Url::max_user_bytes; });
  url.endpoint = {*rc::gen::element<std::string>("127.0.0.1", "::1", "2001:db8::7"),
                  *rc::gen::inRange<uint16_t>(1, 65535)};
  url.target = url.protocol == Protocol::iscsi
                   ? iqn
                   : std::string(nqn) + *rc::gen::element("", "/%", "?#", "\xc3\xa4");
  url.unit = *rc::gen::inRange<uint32_t>(1, 16384);
  const auto again = parse_url(url.text(), "url");
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == url);
}

// Whatever is read has one form.
RC_GTEST_PROP(Url, AnyTextIsReadOrRefused, (const std::string& tail)) {
  const auto url = parse_url("iscsi://[::1]" + tail, "url", UrlPart::portal);
  if (!url) {
    RC_ASSERT(url.error().place.starts_with("url"));
    return;
  }
  RC_ASSERT(*parse_url(url->text(), "url", UrlPart::portal) == *url);
}

}  // namespace
}  // namespace ashlar::initiator
