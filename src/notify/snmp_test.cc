#include "notify/snmp.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "notify/fake_server_test.h"

namespace ashlar::notify {
namespace {

constexpr const char* program = "/usr/sbin/snmptrapd";
constexpr const char* root = ".1.3.6.1.4.1.8072.9999.9999";

Notice notice(std::string message) {
  return {.rule = "full",
          .subject = "pools/p0",
          .severity = "critical",
          .message = std::move(message),
          .state = "raised",
          .time = "2026-01-02T03:04:05Z",
          .array = "array1",
          .value = 83.5,
          .id = "full~pools~p0"};
}

/// net-snmp's own receiver, with a folder of its own; what it prints comes by a pipe.
class TrapReceiver {
 public:
  explicit TrapReceiver(const std::string& users) : port_(free_port(SOCK_DGRAM)) {
    folder_ = fmt::format("{}snmp_test_{}_{}", testing::TempDir(), ::getpid(), port_);
    std::filesystem::create_directories(folder_);
    const std::string file = folder_ + "/snmptrapd.conf";
    std::ofstream(file) << users;
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
    const std::string address = fmt::format("udp:127.0.0.1:{}", port_);
    std::vector<std::string> words = {program, "-f", "-Lo", "-n", "-On", "-m", "", "-C", "-c", file, address};
    std::vector<std::string> settings = {"SNMP_PERSISTENT_DIR=" + folder_, "SNMPCONFPATH=" + folder_,
                                         "PATH=/usr/bin:/bin"};
    std::vector<char*> arguments, environment;
    for (std::string& each : words) arguments.push_back(each.data());
    for (std::string& each : settings) environment.push_back(each.data());
    arguments.push_back(nullptr);
    environment.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&process_, program, &actions, nullptr, arguments.data(), environment.data()), 0);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    output_ = ends[0];
  }
  TrapReceiver(const TrapReceiver&) = delete;
  ~TrapReceiver() {
    if (process_ > 0) {
      ::kill(process_, SIGTERM);
      ::waitpid(process_, nullptr, 0);
    }
    ::close(output_);
    std::filesystem::remove_all(folder_);
  }
  uint16_t port() const { return port_; }

  /// Sends by `deliver` again and again, since a trap that nobody hears yet is lost, until `text` is printed.
  std::string hear(const std::function<void()>& deliver, const std::string& text) {
    for (int tries = 0; tries < 120 && !printed_.contains(text); ++tries) {
      deliver();
      pollfd waiting{output_, POLLIN, 0};
      while (!printed_.contains(text) && ::poll(&waiting, 1, 250) > 0) {
        char chunk[4096];
        const ssize_t got = ::read(output_, chunk, sizeof chunk);
        if (got <= 0) return printed_;
        printed_.append(chunk, static_cast<size_t>(got));
      }
    }
    return printed_;
  }

 private:
  uint16_t port_;
  std::string folder_, printed_;
  pid_t process_ = -1;
  int output_ = -1;
};

api::AlertChannel channel(uint16_t port) {
  return {.name = "nms",
          .kind = "snmp",
          .options = {{"server", fmt::format("127.0.0.1:{}", port)}, {"user", "ashlar"}},
          .secret = "authenticate-me",
          .second_secret = "keep-me-private"};
}

void deliver(const api::AlertChannel& to, const Notice& what) {
  auto made = make_channel(to);
  ASSERT_TRUE(made) << made.error().text();
  const auto done = (*made)->deliver(what);
  ASSERT_TRUE(done) << done.error().text();
}

// engine_id_of("array1") in hex: 80001f88 04 and the name.
constexpr const char* users =
    "createUser -e 0x80001f8804617272617931 ashlar SHA-256 authenticate-me AES keep-me-private\n"
    "createUser -e 0x80001f88aabbccdd old SHA authenticate-me AES keep-me-private\n"
    "authUser log ashlar priv\n"
    "authUser log old priv\n";

TEST(Snmp, ATrapIsHeardAndUnderstood) {
  if (!std::filesystem::exists(program)) GTEST_SKIP() << "snmptrapd is not installed";
  TrapReceiver receiver(users);
  const api::AlertChannel nms = channel(receiver.port());
  const std::string printed =
      receiver.hear([&] { deliver(nms, notice("pool p0 is 83.5 % full")); }, "\"array1\"");
  for (const std::string& each :
       {fmt::format(".1.3.6.1.6.3.1.1.4.1.0 = OID: {}.0.1", root),
        fmt::format("{}.1.1.0 = STRING: \"full~pools~p0\"", root),
        fmt::format("{}.1.2.0 = STRING: \"full\"", root),
        fmt::format("{}.1.3.0 = STRING: \"pools/p0\"", root), fmt::format("{}.1.4.0 = INTEGER: 3", root),
        fmt::format("{}.1.5.0 = STRING: \"pool p0 is 83.5 % full\"", root),
        fmt::format("{}.1.6.0 = STRING: \"83.5\"", root),
        fmt::format("{}.1.7.0 = STRING: \"2026-01-02T03:04:05Z\"", root),
        fmt::format("{}.1.8.0 = STRING: \"array1\"", root)}) {
    EXPECT_TRUE(printed.contains(each)) << each << "\nin\n" << printed;
  }

  // The older protocol, an engine id of one's own, and the other kinds of trap.
  api::AlertChannel old = nms;
  old.options["user"] = "old";
  old.options["auth_protocol"] = "SHA";
  old.options["engine_id"] = "0x80001f88aabbccdd";
  Notice cleared = notice("by the old way");
  cleared.state = "cleared";
  EXPECT_TRUE(
      receiver.hear([&] { deliver(old, cleared); }, "by the old way").contains(fmt::format("{}.0.2", root)));
  Notice test = notice("only a test");
  test.state = "test";
  EXPECT_TRUE(
      receiver.hear([&] { deliver(nms, test); }, "only a test").contains(fmt::format("{}.0.3", root)));

  // A changed key counts at once, and the right one again after it.
  api::AlertChannel wrong = nms;
  wrong.secret = "authenticate-you";
  for (int i = 0; i < 3; ++i) deliver(wrong, notice("with a wrong key"));
  const std::string after =
      receiver.hear([&] { deliver(nms, notice("with the right key")); }, "with the right key");
  EXPECT_TRUE(after.contains("with the right key")) << after;
  EXPECT_FALSE(after.contains("with a wrong key")) << after;
}

TEST(Snmp, EngineIdIsMadeOfTheName) {
  EXPECT_EQ(engine_id_of("array1"), std::string("\x80\x00\x1f\x88\x04"
                                                "array1",
                                                11));
  EXPECT_EQ(engine_id_of("").size(), 11u);
  EXPECT_EQ(engine_id_of(std::string(100, 'a')).size(), 32u);
}

TEST(Snmp, AServerThatCannotBeReachedIsNamed) {
  api::AlertChannel nms = channel(162);
  nms.options["server"] = "255.255.255.255:162";  // a broadcast that nobody may send
  auto made = make_channel(nms);
  ASSERT_TRUE(made) << made.error().text();
  const auto done = (*made)->deliver(notice("x"));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().place, "options.server");
  EXPECT_TRUE(done.error().message.contains("255.255.255.255:162")) << done.error().text();
  EXPECT_FALSE(done.error().text().contains("authenticate-me"));
}

}  // namespace
}  // namespace ashlar::notify
