#include "notify/syslog.h"

#include <gtest/gtest.h>

#include "notify/fake_server_test.h"
#include "notify/syslog_message.h"

namespace ashlar::notify {
namespace {

Notice notice(std::string state = "raised") {
  return {.rule = "full",
          .subject = "pools/p0",
          .severity = "warning",
          .message = "pool p0 is 83 % full",
          .state = std::move(state),
          .time = "2026-01-02T03:04:05Z",
          .array = "array1",
          .value = 83,
          .id = "full~pools~p0"};
}

const std::string line =
    "<28>1 2026-01-02T03:04:05Z array1 ashlar - RAISED [ashlar@32473 rule=\"full\" subject=\"pools/p0\" "
    "severity=\"warning\" state=\"raised\" value=\"83\" id=\"full~pools~p0\"] \xEF\xBB\xBFpool p0 is 83 % full";

Result<void> deliver(const std::string& server, const std::string& ca_file = "") {
  api::AlertChannel channel{.name = "log", .kind = "syslog", .options = {{"server", server}}};
  if (!ca_file.empty()) channel.options["ca_file"] = ca_file;
  auto made = make_channel(channel);
  EXPECT_TRUE(made) << made.error().text();
  return made ? (*made)->deliver(notice()) : Result<void>{};
}

TEST(SyslogMessage, IsRfc5424) { EXPECT_EQ(syslog_message(3, notice()), line); }

TEST(SyslogMessage, SeveritiesAndFacilities) {
  Notice each = notice();
  each.severity = "critical";
  EXPECT_TRUE(syslog_message(23, each).starts_with("<186>1 "));
  each.severity = "info";
  EXPECT_TRUE(syslog_message(0, each).starts_with("<6>1 "));
  EXPECT_TRUE(syslog_message(3, notice("cleared")).starts_with("<29>1 "));
}

TEST(SyslogMessage, NothingBreaksOut) {
  EXPECT_EQ(escape_parameter("a\"b\\c]d"), "a\\\"b\\\\c\\]d");
  Notice evil = notice();
  evil.subject = "a\"] evil [x y=\"\\";
  evil.array = "my array\xC3\xA4";
  evil.time = "yesterday";
  evil.state = "";
  evil.message = "one\ntwo";
  const std::string text = syslog_message(3, clean_notice(evil));
  EXPECT_TRUE(text.starts_with("<28>1 - my_array__ ashlar - - [ashlar@32473 rule=")) << text;
  EXPECT_TRUE(text.contains("subject=\"a\\\"\\] evil [x y=\\\"\\\\\"")) << text;
  EXPECT_TRUE(text.ends_with("one two"));
}

TEST(SyslogMessage, IsBounded) {
  const std::string wide(3000, ']');
  const Notice all{.rule = wide,
                   .subject = wide,
                   .severity = wide,
                   .message = wide,
                   .state = wide,
                   .time = wide,
                   .array = wide,
                   .value = 1e300,
                   .id = wide};
  EXPECT_LE(syslog_message(23, clean_notice(all)).size(), 2048u);
  EXPECT_LE(syslog_message(23, all).size(), 2048u);
}

TEST(Syslog, ByUdp) {
  const int sink = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ASSERT_GE(sink, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  ASSERT_EQ(::bind(sink, reinterpret_cast<sockaddr*>(&address), length), 0);
  ::getsockname(sink, reinterpret_cast<sockaddr*>(&address), &length);
  const std::string server = fmt::format("udp://127.0.0.1:{}", ntohs(address.sin_port));
  const auto done = deliver(server);
  EXPECT_TRUE(done) << done.error().text();
  char datagram[4096];
  const ssize_t got = ::recv(sink, datagram, sizeof datagram, 0);
  ::close(sink);
  ASSERT_GT(got, 0);
  EXPECT_EQ(std::string(datagram, static_cast<size_t>(got)), line);
}

TEST(Syslog, ByTcpWithItsLength) {
  std::string heard;
  FakeServer server([&](FakeConnection& peer, int) { heard = peer.all(); });
  const auto done = deliver(fmt::format("tcp://127.0.0.1:{}", server.port()));
  EXPECT_TRUE(done) << done.error().text();
  server.stop();
  EXPECT_EQ(heard, fmt::format("{} {}", line.size(), line));
}

TEST(Syslog, ByTls) {
  const TestCertificate certificate;
  std::string heard;
  FakeServer server([&](FakeConnection& peer, int) {
    if (peer.start_tls(certificate)) heard += peer.all();
  });
  const std::string address = fmt::format("tls://127.0.0.1:{}", server.port());
  const auto stranger = deliver(address);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, ErrorCode::permission_denied);
  const auto done = deliver(address, certificate.certificate_file);
  EXPECT_TRUE(done) << done.error().text();
  server.stop();
  EXPECT_EQ(heard, fmt::format("{} {}", line.size(), line));
}

TEST(Syslog, FaultsNameTheServer) {
  for (const char* scheme : {"tcp", "tls"}) {
    const auto done = deliver(fmt::format("{}://127.0.0.1:{}", scheme, free_port()));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::closed);
    EXPECT_EQ(done.error().place, "options.server");
    EXPECT_TRUE(done.error().message.contains("127.0.0.1:"));
  }
  const auto missing = deliver("tls://127.0.0.1:1", "/nonexistent/ca.pem");
  ASSERT_FALSE(missing);
}

TEST(Syslog, AServerThatDropsTheLineIsTold) {
  FakeServer server([&](FakeConnection& peer, int) {
    peer.bytes(10);  // reads a part, then resets
    peer.reset();
  });
  const auto done = deliver(fmt::format("tcp://127.0.0.1:{}", server.port()));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().place, "options.server");
}

}  // namespace
}  // namespace ashlar::notify
