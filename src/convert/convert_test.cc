// Printing and reading again, in all formats; and where errors are said to be.
#include "convert/convert.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "api/testing.h"
#include "convert/testing.h"

namespace ashlar::convert {
namespace {

using api::Json;

constexpr std::array all_formats = {Format::json, Format::yaml, Format::toml};

api::Configuration read_back(const std::string& text, Format format) {
  const Result<Json> json = parse(text, format);
  EXPECT_TRUE(json) << json.error().text() << "\n" << text;
  if (!json) return {};
  const auto configuration = api::read_configuration(*json);
  EXPECT_TRUE(configuration) << configuration.error().text();
  return configuration.value_or(api::Configuration{});
}

std::string printed(const api::Configuration& configuration, Format format) {
  const auto text = print(api::write_configuration(configuration, api::Secrets::show), format);
  EXPECT_TRUE(text) << text.error().text();
  return text.value_or("");
}

// Text with everything in it that a printer could stumble over.
rc::Gen<std::string> any_text() {
  const auto odd = rc::gen::elementOf(std::vector<std::string>{"",
                                                               " ",
                                                               "yes",
                                                               "No",
                                                               "on",
                                                               "null",
                                                               "~",
                                                               "true",
                                                               "0123",
                                                               "1e5",
                                                               ".inf",
                                                               "-",
                                                               "- a",
                                                               "a: b",
                                                               "a:",
                                                               "#",
                                                               " # x",
                                                               "a # b",
                                                               "'",
                                                               "\"",
                                                               "\\",
                                                               "\\n",
                                                               "\n",
                                                               "a\nb",
                                                               "\t",
                                                               "\r\n",
                                                               "\x01",
                                                               "\x7f",
                                                               "\xc3\xa4",
                                                               "\xe2\x80\xa8",
                                                               "\xef\xbb\xbf",
                                                               "\xf0\x9f\x98\x80",
                                                               "{a}",
                                                               "[a]",
                                                               "&a",
                                                               "*a",
                                                               "!x",
                                                               "%",
                                                               "@",
                                                               "`",
                                                               "?",
                                                               "key = 1",
                                                               "[[x]]",
                                                               "\"\"\"",
                                                               "<<",
                                                               "2026-01-01",
                                                               "12:30:45",
                                                               "0x10",
                                                               "0o7",
                                                               "iqn.2026-01.com.x:y",
                                                               "/dev/sd",
                                                               std::string("\0", 1),
                                                               "|",
                                                               ">",
                                                               "...",
                                                               "---",
                                                               "\xc2\x85",
                                                               "y"});
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(odd),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (size_t i = 0; i < std::min<size_t>(parts.size(), 4); ++i) text += parts[i];
                        return text;
                      });
}

std::vector<std::string> texts(size_t most) {
  auto list = *rc::gen::container<std::vector<std::string>>(any_text());
  list.resize(std::min(list.size(), most));
  return list;
}

std::map<std::string, std::string> options() {
  std::map<std::string, std::string> map;
  for (const std::string& key : texts(3)) map[key] = *any_text();
  return map;
}

api::Volume any_volume(size_t number) {
  api::Volume volume{.name = fmt::format("v{}", number), .pool = *any_text()};
  volume.device = *any_text();
  volume.size_bytes = *rc::gen::inRange<uint64_t>(0, uint64_t{1} << 60);
  volume.block_bytes = *rc::gen::element(512u, 4096u);
  volume.thin = *rc::gen::arbitrary<bool>();
  volume.read_only = *rc::gen::arbitrary<bool>();
  volume.identity.serial = *any_text();
  volume.identity.vendor = *any_text();
  for (const std::string& kind : texts(2)) volume.layers.push_back({.kind = kind, .options = options()});
  volume.comment = *any_text();
  return volume;
}

api::Configuration any_configuration() {
  api::Configuration all;
  const size_t count = *rc::gen::inRange<size_t>(0, 4);
  for (size_t i = 0; i < count; ++i) {
    const std::string number = std::to_string(i);
    all.pools.push_back(
        {.name = "p" + number, .kind = *any_text(), .path = *any_text(), .devices = texts(3)});
    if (*rc::gen::arbitrary<bool>()) all.pools.back().chap = api::Chap{.user = *any_text()};
    all.volumes.push_back(any_volume(i));
    all.hosts.push_back({.name = "h" + number, .initiators = texts(3), .any = *rc::gen::arbitrary<bool>()});
    if (*rc::gen::arbitrary<bool>()) all.hosts.back().chap = api::Chap{.user = *any_text()};
    all.host_groups.push_back({.name = "g" + number, .hosts = texts(3)});
    all.portals.push_back(
        {.name = "o" + number, .address = *any_text(), .port = *rc::gen::arbitrary<uint16_t>()});
    all.targets.push_back({.name = "t" + number, .alias = *any_text(), .portals = texts(2)});
    all.maps.push_back({.name = "m" + number, .volume = *any_text(), .target = *any_text(), .host = "h"});
    if (*rc::gen::arbitrary<bool>()) all.maps.back().lun = *rc::gen::arbitrary<uint16_t>();
    all.alert_channels.push_back({.name = "c" + number, .kind = *any_text(), .options = options()});
    all.alert_rules.push_back({.name = "r" + number, .metric = *any_text(), .channels = texts(2)});
    all.alert_rules.back().threshold = *rc::gen::element(0.0, -1.5, 1e300, 5e-324, 80.0, 0.1);
    all.settings.push_back({.name = "s" + number, .value = *any_text()});
    all.settings.push_back(
        {.name = "s" + number + "b", .value = *rc::gen::element<int64_t>(INT64_MIN, -1, 0, INT64_MAX)});
    all.settings.push_back({.name = "s" + number + "c", .value = texts(3)});
  }
  api::make_canonical(all);
  return all;
}

RC_GTEST_PROP(Convert, WhatIsPrintedReadsBack, ()) {
  const api::Configuration configuration = any_configuration();
  for (const Format format : all_formats) {
    const std::string text = printed(configuration, format);
    RC_ASSERT(read_back(text, format) == configuration);
    RC_ASSERT(printed(read_back(text, format), format) == text);
  }
}

// As an array has it: with what it found out itself.
api::Configuration small() {
  api::Configuration all = api::testing::small_configuration();
  all.volumes[0].backing = "db1.img";
  all.volumes[0].created_at = "2026-01-01T00:00:00Z";
  all.snapshots[0].size_bytes = 4096;
  return all;
}

TEST(Convert, PrintsWhatIsPortableAndDiffers) {
  const api::Configuration all = small();
  EXPECT_EQ(printed(all, Format::yaml), R"yaml(# Ashlar configuration
settings:
  - name: array.name
    value: san1
pools:
  - name: p0
    kind: memory
volumes:
  - name: db1
    pool: p0
    size_bytes: 1073741824
    identity:
      naa: "3111111111111111"
      eui64: "0211111111111111"
      uuid: f47ac10b-58cc-4372-a567-0e02b2c3d479
      serial: A1
snapshots:
  - name: db1@monday
    volume: db1
hosts:
  - name: web1
    initiators:
      - iqn.1993-08.org.debian:01:web1
    chap:
      user: web1
      secret: "(redacted)"
  - name: web2
host_groups:
  - name: web
    hosts:
      - web1
      - web2
portals:
  - name: san-a
    address: "192.0.2.10"
targets:
  - name: iqn.2026-11.io.ashlar:one
    portals:
      - san-a
maps:
  - name: db1.web1
    volume: db1
    target: iqn.2026-11.io.ashlar:one
    host: web1
    lun: 0
groups:
  - name: ha
    volumes:
      - db1
    access:
      - group_tag: 1
        state: non_optimized
        preferred: false
isns_servers:
  - name: isns-a
    address: "192.0.2.53"
alert_channels:
  - name: ops
    kind: webhook
    options:
      url: https://127.0.0.1/hook
alert_rules:
  - name: pool-full
    metric: pool_used_percent
    threshold: 80.0
    channels:
      - ops
)yaml");
}

TEST(Convert, PrintsTomlThatDiffers) {
  const api::Configuration all = small();
  const std::string toml = printed(all, Format::toml);
  EXPECT_TRUE(
      toml.starts_with("# Ashlar configuration\n\n[[settings]]\nname = \"array.name\"\nvalue = \"san1\"\n"))
      << toml;
  EXPECT_NE(toml.find("chap = { user = \"web1\", secret = \"(redacted)\" }\n"), std::string::npos) << toml;
  const std::string json = printed(all, Format::json);
  EXPECT_TRUE(json.starts_with("{\n  \"settings\": [")) << json;
  for (const Format format : all_formats) {
    EXPECT_EQ(printed(all, format).find("alice"), std::string::npos);
    EXPECT_EQ(printed(all, format).find("db1.img"), std::string::npos);
    EXPECT_EQ(printed(all, format).find("secret:00"), std::string::npos);
  }
}

TEST(Convert, NothingPrintsAndReadsBack) {
  EXPECT_EQ(printed({}, Format::json), "{}\n");
  EXPECT_EQ(printed({}, Format::yaml), "# Ashlar configuration\n{}\n");
  EXPECT_EQ(printed({}, Format::toml), "# Ashlar configuration\n");
  for (const Format format : all_formats)
    EXPECT_EQ(read_back(printed({}, format), format), api::Configuration{});
  EXPECT_EQ(*parse("# nothing yet\n", Format::yaml), Json::object());
  EXPECT_EQ(*parse("hosts: []\n", Format::yaml), Json::parse(R"({"hosts": []})"));
}

TEST(Convert, BytesThatAreNotUtf8AreReplaced) {
  api::Configuration all;
  all.pools = {{.name = "p", .kind = "dir", .comment = "a\xff\xc3z"}};
  for (const Format format : all_formats)
    EXPECT_EQ(read_back(printed(all, format), format).pools[0].comment, "a\xef\xbf\xbd\xef\xbf\xbdz");
}

TEST(Convert, ANullWithinAListIsNoToml) {
  const Json json = Json::parse(R"({"settings": [{"name": "n", "value": ["a", null]}]})");
  const auto text = print(json, Format::toml);
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().place, "settings.value");
}

TEST(Convert, FormatsByNameAndByContent) {
  EXPECT_EQ(*parse_format("json"), Format::json);
  EXPECT_EQ(*parse_format("yml"), Format::yaml);
  EXPECT_EQ(*parse_format("toml"), Format::toml);
  EXPECT_EQ(parse_format("xml").error().place, "format");
  const std::pair<const char*, Format> table[] = {
      {"{\"pools\": []}", Format::json},
      {"\n  {\n", Format::json},
      {"# c\n\npools:\n  - x\n", Format::yaml},
      {"---\n", Format::yaml},
      {"\xef\xbb\xbfpools: []", Format::yaml},
      {"# c\n[[pools]]\n", Format::toml},
      {"pools = []\n", Format::toml},
      {"\"pools\" = []\n", Format::toml},
      {"%YAML 1.2\n", Format::yaml},
      {"a.b = 1", Format::toml},
  };
  for (const auto& [text, format] : table) {
    const auto guess = guess_format(text);
    ASSERT_TRUE(guess) << text;
    EXPECT_EQ(*guess, format) << text;
  }
  for (const char* text : {"", "# only a comment", "word", "<target x>", "= 1"})
    EXPECT_FALSE(guess_format(text)) << text;
  for (const Format format : all_formats)
    EXPECT_EQ(*guess_format(printed(api::testing::small_configuration(), format)), format);
}

}  // namespace
}  // namespace ashlar::convert
