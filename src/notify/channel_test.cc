#include "notify/channel.h"

#include <gtest/gtest.h>

#include "notify/channel_options.h"

namespace ashlar::notify {
namespace {

api::AlertChannel email() {
  return {.name = "mail",
          .kind = "email",
          .options = {{"server", "smtp://mail.example.com:587"},
                      {"user", "array1"},
                      {"from", "array1@example.com"},
                      {"to", "ops@example.com, boss+san@example.com"},
                      {"ca_file", "/etc/ssl/own.pem"}},
          .secret = "hunter22hunter22"};
}
api::AlertChannel webhook() {
  return {.name = "hook",
          .kind = "webhook",
          .options = {{"url", "https://hooks.example.com:9093/api/x?y=z"}},
          .secret = "hunter22hunter22"};
}
api::AlertChannel syslog() {
  return {.name = "log", .kind = "syslog", .options = {{"server", "tls://log.example.com"}}};
}
api::AlertChannel snmp() {
  return {
      .name = "nms",
      .kind = "snmp",
      .options = {{"server", "[2001:db8::1]:1162"}, {"user", "ashlar"}, {"engine_id", "80001f8804616263"}},
      .secret = "hunter22hunter22",
      .second_secret = "hunter23hunter23"};
}

TEST(CheckChannel, WhatIsSoundPasses) {
  for (const api::AlertChannel& each : {email(), webhook(), syslog(), snmp()}) {
    const auto checked = check_channel(each);
    EXPECT_TRUE(checked) << each.kind << ": " << checked.error().text();
    const auto made = make_channel(each);
    EXPECT_TRUE(made) << each.kind << ": " << made.error().text();
  }
}

struct Fault {
  api::AlertChannel (*base)();
  std::string option, value, says;
};

void expect_refused(const Fault& fault) {
  api::AlertChannel channel = fault.base();
  channel.options[fault.option] = fault.value;
  const auto checked = check_channel(channel);
  ASSERT_FALSE(checked) << fault.option << "=" << fault.value;
  EXPECT_EQ(checked.error().place, "options." + fault.option) << checked.error().text();
  EXPECT_TRUE(checked.error().message.contains(fault.says)) << checked.error().text();
  EXPECT_FALSE(checked.error().text().contains("hunter2")) << checked.error().text();
  EXPECT_FALSE(make_channel(channel));
}

TEST(CheckChannel, FaultsOfServersAreNamed) {
  const Fault faults[] = {
      {email, "srever", "x", "did you mean \"server\""},
      {email, "server", "mail.example.com", "smtp://host:587"},
      {email, "server", "", "must be given"},
      {email, "server", "http://mail.example.com", "smtp://host:587"},
      {email, "server", "smtp://", "not the name"},
      {email, "server", "smtp://mail.example.com:0", "not a port"},
      {email, "server", "smtp://mail.example.com:65536", "not a port"},
      {email, "server", "smtp://mail.example.com:", "not a port"},
      {email, "server", "smtp://mail.example.com:25/path", "not a port"},
      {email, "server", "smtp://user@mail.example.com", "not the name"},
      {email, "server", "smtp://2001:db8::1", "between [ and ]"},
      {email, "server", "smtp://[2001:db8::1", "without its ]"},
      {email, "server", "smtp://[mail]:25", "IPv6 address"},
      {email, "server", "smtp://[::1]25", "only a port"},
      {email, "server", "smtp://-x", "not the name"},
      {email, "server", "smtp://a b", "not the name"},
      {webhook, "uri", "x", "did you mean \"url\""},
      {webhook, "url", "", "must be given"},
      {webhook, "url", "ftp://example.com/", "https://"},
      {webhook, "url", "https://hunter2:hunter2@example.com/", "no user or password"},
      {webhook, "url", "https://example.com/a b", "percent-encode"},
      {webhook, "url", "https://example.com/\xC3\xA4", "percent-encode"},
      {webhook, "url", "https://example.com/#x", "fragment"},
      {webhook, "url", "https:///x", "not the name"},
      {webhook, "url", "https://example.com:99999/x", "not a port"},
      {syslog, "server", "udp:/log.example.com", "udp://host:514"},
      {syslog, "server", "relp://log.example.com", "tls://host:6514"},
      {snmp, "server", "udp://nms.example.com", "host:162"},
  };
  for (const Fault& fault : faults) expect_refused(fault);
}

TEST(CheckChannel, FaultsOfOptionsAreNamed) {
  const Fault faults[] = {
      {email, "from", "array1", "not an address"},
      {email, "from", "a@b@c", "not an address"},
      {email, "from", "a@", "not an address"},
      {email, "from", "@b", "not an address"},
      {email, "from", "a b@c", "not an address"},
      {email, "from", "a@b> SIZE=1", "not an address"},
      {email, "from", std::string(65, 'a') + "@b", "not an address"},
      {email, "from", "", "must be given"},
      {email, "to", "ops@example.com,", "not an address"},
      {email, "to", "Ops <ops@example.com>", "not an address"},
      {email, "user", "", "must be given"},
      {email, "tls", "requird", "did you mean \"required\""},
      {email, "tls", "none", "on this machine"},
      {email, "tls", "opportunistic", "required TLS only"},
      {email, "ca_file", "ca.pem", "absolute path"},
      {webhook, "format", "slack", "alertmanager, plain"},
      {webhook, "external_url", "array1:8443", "https://"},
      {webhook, "ca_file", "", "absolute path"},
      {syslog, "facility", "locl7", "did you mean \"local7\""},
      {syslog, "secret", "x", "unknown option"},
      {snmp, "user", "", "must be given"},
      {snmp, "user", std::string(33, 'a'), "1 to 32"},
      {snmp, "auth_protocol", "MD5", "SHA-256"},
      {snmp, "privacy_protocol", "DES", "AES"},
      {snmp, "engine_id", "80001f88", "hex digits"},
      {snmp, "engine_id", "80001f88046", "hex digits"},
      {snmp, "engine_id", "80001f88zz11", "hex digits"},
      {snmp, "engine_id", "0000000000", "not all 0"},
      {snmp, "engine_id", "ffffffffff", "not all f"},
      {snmp, "engine_id", std::string(66, '1'), "hex digits"},
  };
  for (const Fault& fault : faults) expect_refused(fault);
  api::AlertChannel plain = syslog();
  plain.options = {{"server", "tcp://log.example.com"}, {"ca_file", "/etc/ssl/own.pem"}};
  EXPECT_EQ(check_channel(plain).error().place, "options.ca_file");
  api::AlertChannel mail = email();
  mail.options["server"] = "smtps://mail.example.com";
  EXPECT_TRUE(check_channel(mail));
  mail.options["tls"] = "opportunistic";
  EXPECT_EQ(check_channel(mail).error().place, "options.tls");
  std::string crowd = "a0@example.com";
  for (int i = 1; i < 21; ++i) crowd += fmt::format(",a{}@example.com", i);
  expect_refused({email, "to", crowd, "more than 20"});
}

TEST(CheckChannel, ControlCharactersAreRefusedEverywhere) {
  for (const api::AlertChannel& base : {email(), webhook(), syslog(), snmp()}) {
    for (const auto& [key, value] : base.options) {
      for (const char* bad :
           {"\r\nRCPT TO:<x@y>", "\n", "\r", "\t", "\x7f", "\xC2\x85", "\xff", "\xC3\xA9"}) {
        if (std::string_view(bad) == "\xC3\xA9" && (key == "user" || key == "ca_file")) continue;
        api::AlertChannel channel = base;
        channel.options[key] = value + bad;
        const auto checked = check_channel(channel);
        ASSERT_FALSE(checked) << key;
        EXPECT_EQ(checked.error().place, "options." + key);
      }
      api::AlertChannel channel = base;
      channel.options[key] = value + std::string(1024, 'a');
      EXPECT_EQ(check_channel(channel).error().place, "options." + key);
    }
  }
  api::AlertChannel odd = syslog();
  odd.options["a\r\nb"] = "x";
  EXPECT_EQ(check_channel(odd).error().place, "options.a  b");
}

TEST(CheckChannel, KindAndSeverity) {
  api::AlertChannel channel = email();
  channel.kind = "emial";
  EXPECT_EQ(check_channel(channel).error().place, "kind");
  EXPECT_TRUE(check_channel(channel).error().message.contains("did you mean \"email\""));
  EXPECT_EQ(check_channel_secrets(channel).error().place, "kind");
  channel = email();
  channel.lowest_severity = "error";
  EXPECT_EQ(check_channel(channel).error().place, "lowest_severity");
}

TEST(CheckChannel, SecretsAreCheckedWhenTheChannelIsMade) {
  struct Case {
    api::AlertChannel (*base)();
    void (*spoil)(api::AlertChannel&);
    std::string place;
  };
  const Case cases[] = {
      {email, [](auto& c) { c.secret = ""; }, "secret"},
      {email, [](auto& c) { c.options.erase("user"); }, "secret"},
      {email, [](auto& c) { c.secret = "hunter2\r\n"; }, "secret"},
      {email, [](auto& c) { c.secret = "hunter2" + std::string(255, 'x'); }, "secret"},
      {email, [](auto& c) { c.second_secret = "hunter2"; }, "second_secret"},
      {webhook, [](auto& c) { c.second_secret = "hunter2"; }, "second_secret"},
      {syslog, [](auto& c) { c.secret = "hunter2"; }, "secret"},
      {snmp, [](auto& c) { c.secret = "hunter2"; }, "secret"},
      {snmp, [](auto& c) { c.second_secret = ""; }, "second_secret"},
  };
  for (const Case& each : cases) {
    api::AlertChannel channel = each.base();
    each.spoil(channel);
    EXPECT_TRUE(check_channel(channel));
    const auto made = make_channel(channel);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().place, each.place);
    EXPECT_FALSE(made.error().text().contains("hunter2"));
  }
}

TEST(Takes, SeverityAndEnabled) {
  api::AlertChannel channel = email();
  channel.lowest_severity = "warning";
  EXPECT_FALSE(takes(channel, {.severity = "info", .state = "raised"}));
  EXPECT_TRUE(takes(channel, {.severity = "warning", .state = "cleared"}));
  EXPECT_TRUE(takes(channel, {.severity = "critical", .state = "raised"}));
  EXPECT_TRUE(takes(channel, {.severity = "info", .state = "test"}));
  channel.enabled = false;
  EXPECT_FALSE(takes(channel, {.severity = "critical", .state = "raised"}));
  EXPECT_TRUE(takes(channel, {.severity = "info", .state = "test"}));
}

TEST(ServerAddress, KnowsThisMachine) {
  for (const char* host : {"127.0.0.1", "127.9.9.9", "::1", "localhost"})
    EXPECT_TRUE((ServerAddress{.host = host}.loopback())) << host;
  for (const char* host : {"128.0.0.1", "::", "localhost.example.com", "127.example.com"})
    EXPECT_FALSE((ServerAddress{.host = host}.loopback())) << host;
  EXPECT_EQ((ServerAddress{.host = "::1", .port = 25}.text()), "[::1]:25");
}

}  // namespace
}  // namespace ashlar::notify
