#include "storage/helper.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <optional>
#include <thread>

#include "base/log.h"
#include "storage/helper_client.h"
#include "storage/helper_message.h"
#include "storage/helper_sandbox.h"
#include "storage/helper_server.h"
#include "storage/temporary_folder_test.h"

namespace ashlar::storage {
namespace {

/// What `act` answers in a forked child: its exit code, or 1000 and the signal that ended it.
template <typename F>
int in_child(F act) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(act());
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

std::string status_of(pid_t process, const std::string& field) {
  std::ifstream status(fmt::format("/proc/{}/status", process));
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(field + ":")) return line.substr(line.find_first_not_of(" \t", field.size() + 1));
  }
  return "none";
}

class Helper : public testing::Test {
 protected:
  void SetUp() override {
    auto forked = fork_helper();
    ASSERT_TRUE(forked) << why(forked);
    helper_ = std::move(*forked);
    child_ = dynamic_cast<HelperClient&>(*helper_).child();
  }
  std::unique_ptr<Privileged> helper_;
  pid_t child_ = 0;
};

TEST_F(Helper, IsShutIn) {
  EXPECT_EQ(status_of(child_, "NoNewPrivs"), "1");
  EXPECT_EQ(status_of(child_, "Seccomp"), "2");
  EXPECT_EQ(status_of(child_, "Name"), "ashlard-helper");
  if (::geteuid() == 0) {
    const uint64_t wanted = 1ull << 1 | 1ull << 3;  // CAP_DAC_OVERRIDE, CAP_FOWNER: capabilities(7)
    EXPECT_EQ(status_of(child_, "CapEff"), fmt::format("{:016x}", wanted));
    EXPECT_EQ(status_of(child_, "CapPrm"), fmt::format("{:016x}", wanted));
    EXPECT_EQ(status_of(child_, "CapBnd"), "0000000000000000");
    EXPECT_EQ(status_of(child_, "CapInh"), "0000000000000000");
    EXPECT_EQ(status_of(child_, "CapAmb"), "0000000000000000");
  }
  size_t open = 0;
  for (const auto& each : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", child_))) {
    (void)each;
    ++open;
  }
  EXPECT_EQ(open, 4u) << "nothing of its parent but stderr and the channel";
}

TEST_F(Helper, EndsWithItsPeerAndNotBySignals) {
  ASSERT_EQ(::kill(child_, SIGTERM), 0);
  ASSERT_EQ(::kill(child_, SIGINT), 0);
  EXPECT_TRUE(helper_->list_devices());
  const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
  helper_.reset();
  EXPECT_NE(::kill(child_, 0), 0) << "it ended and was waited for";
}

TEST_F(Helper, ItsDeathIsASentence) {
  const TemporaryFolder folder;
  ASSERT_TRUE(helper_->allow_folder(folder.path()));
  ASSERT_EQ(::kill(child_, SIGKILL), 0);
  for (int i = 0; i < 3; ++i) {
    const Result<void> made = helper_->create_file(folder.path(), "a.img", 4096, false);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, ErrorCode::closed);
    EXPECT_NE(made.error().message.find("restart ashlard"), std::string::npos) << made.error().text();
  }
  EXPECT_EQ(helper_->list_devices().error().code, ErrorCode::closed);
  EXPECT_EQ(helper_->connect_engine("/run/x.sock").error().code, ErrorCode::closed);
}

TEST_F(Helper, ManyThreadsShareIt) {
  const TemporaryFolder folder;
  ASSERT_TRUE(helper_->allow_folder(folder.path()));
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string name = fmt::format("f{}-{}.img", t, i);
        EXPECT_TRUE(helper_->create_file(folder.path(), name, 4096, false));
        const auto facts = helper_->file_facts(folder.path(), name);
        EXPECT_TRUE(facts && facts->name == name);
      }
    });
  }
  for (std::thread& each : threads) each.join();
  EXPECT_EQ(helper_->list_files(folder.path())->size(), 80u);
}

TEST_F(Helper, ArgumentsThatAreTooLongAreRefusedHere) {
  EXPECT_EQ(helper_->allow_folder("/" + std::string(max_request_bytes, 'x')).error().code,
            ErrorCode::invalid_argument);
  EXPECT_TRUE(helper_->list_devices()) << "the helper is well";
}

/// The server with our own words on the other end of its channel.
class HelperServer : public testing::Test {
 protected:
  HelperServer() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    client_.emplace(Descriptor(ends[0]));
    server_ = std::thread([end = ends[1]] {
      HelperChannel channel{Descriptor(end)};
      const auto direct = make_direct();
      serve_helper(channel, *direct);
    });
    EXPECT_EQ(hear(), R"({"result":{}})") << "ready";
    set_log_sink([](LogLevel, std::string_view, std::string_view line) {
      ++lines;
      if (line.find('\n') != std::string_view::npos) ++lines_in_lines;
    });
    lines = 0;
  }
  ~HelperServer() override {
    client_.reset();
    server_.join();
    set_log_sink(nullptr);
  }
  std::string hear() {
    const auto line = client_->receive(max_answer_bytes, -1);
    return line ? line->text : std::string(name_of(line.error().code));
  }
  /// The error that came back; nothing when it was answered.
  std::optional<ErrorCode> ask(const std::string& line) {
    EXPECT_TRUE(client_->send(line));
    const auto answer = parse_answer(hear());
    if (answer) return std::nullopt;
    return answer.error().code;
  }

  static inline std::atomic<int> lines = 0, lines_in_lines = 0;
  std::optional<HelperChannel> client_;
  std::thread server_;
};

TEST_F(HelperServer, GarbageIsAnErrorAndALogLine) {
  for (const char* line : {"", "garbage", "{", "[]", "null", "\xff\xfe", "{\"verb\":\"list_devices\"}"})
    EXPECT_EQ(ask(line), ErrorCode::invalid_argument) << line;
  EXPECT_EQ(lines, 7);
  EXPECT_EQ(ask(R"({"verb":"run_shell","arguments":{}})"), ErrorCode::unsupported);
  EXPECT_EQ(ask(R"({"verb":"","arguments":{}})"), ErrorCode::unsupported);
  EXPECT_EQ(lines, 9);
  EXPECT_EQ(ask(R"({"verb":"allow_folder","arguments":{}})"), ErrorCode::invalid_argument);
  EXPECT_EQ(ask(R"({"verb":"allow_folder","arguments":{"folder":7}})"), ErrorCode::invalid_argument);
  EXPECT_EQ(ask(R"({"verb":"allow_folder","arguments":{"folder":"/etc"}})"), ErrorCode::permission_denied);
  EXPECT_EQ(ask(R"({"verb":"list_devices","arguments":{"command":"id"}})"), ErrorCode::invalid_argument);
  EXPECT_EQ(
      ask(R"({"verb":"create_file","arguments":{"folder":"/srv/x","name":"a.img","bytes":-1,"allocate":true}})"),
      ErrorCode::out_of_range);
  EXPECT_EQ(lines, 14);
  EXPECT_EQ(ask(R"({"verb":"list_devices","arguments":{"a\nb":1}})"), ErrorCode::invalid_argument);
  EXPECT_EQ(lines_in_lines, 0) << "nobody writes lines of their own into the log";
  EXPECT_EQ(ask(R"({"verb":"list_devices","arguments":{}})"), std::nullopt) << "it goes on";
  for (int i = 0; i < 100; ++i) ask("garbage");
  EXPECT_EQ(lines, 20) << "the log cannot be filled";
}

TEST_F(HelperServer, SeveralRequestsInOnePieceAreAnsweredInOrder) {
  ASSERT_TRUE(client_->send("garbage\n{\"verb\":\"none\",\"arguments\":{}}"));
  EXPECT_NE(hear().find("invalid_argument"), std::string::npos);
  EXPECT_NE(hear().find("unsupported"), std::string::npos);
}

TEST_F(HelperServer, ALineWithoutAnEndEndsIt) {
  std::thread talker([&] { (void)client_->send(std::string(4 * max_request_bytes, 'x')); });
  EXPECT_NE(hear().find("out_of_range"), std::string::npos);
  talker.join();
  EXPECT_EQ(hear(), "closed");
}

TEST(HelperClient, AHelperThatTalksNonsenseIsGivenUp) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  HelperClient client{Descriptor(ends[0]), 0};
  HelperChannel other{Descriptor(ends[1])};
  ASSERT_TRUE(other.send("nonsense"));
  EXPECT_EQ(client.list_devices().error().code, ErrorCode::closed);
  EXPECT_EQ(client.list_devices().error().code, ErrorCode::closed);
}

TEST(HelperClient, AConnectionThatDoesNotComeIsAnError) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  HelperClient client{Descriptor(ends[0]), 0};
  HelperChannel other{Descriptor(ends[1])};
  ASSERT_TRUE(other.send(R"({"result":{}})"));
  EXPECT_EQ(client.connect_engine("/run/x.sock").error().code, ErrorCode::protocol_error);
}

TEST(HelperSandbox, WhatNoVerbNeedsIsFatalOrDenied) {
  const auto after = [](auto act) {
    return in_child([&] {
      ::prctl(PR_SET_DUMPABLE, 0);  // the kills below leave no core files
      return enter_helper_sandbox() ? act() : 99;
    });
  };
  EXPECT_EQ(after([] { return 7; }), 7);
  EXPECT_EQ(after([] { return static_cast<int>(::syscall(SYS_execve, "/bin/true", nullptr, nullptr)); }),
            1000 + SIGSYS);
  EXPECT_EQ(after([] { return static_cast<int>(::syscall(SYS_fork)); }), 1000 + SIGSYS);
  EXPECT_EQ(after([] { return static_cast<int>(::syscall(SYS_ptrace, 0, 0, 0, 0)); }), 1000 + SIGSYS);
  EXPECT_EQ(after([] { return static_cast<int>(::syscall(SYS_mount, "a", "/b", "c", 0, nullptr)); }),
            1000 + SIGSYS);
  const auto denied = [](long status) { return status == -1 && errno == EPERM ? 0 : 1; };
  EXPECT_EQ(after([&] { return denied(::socket(AF_INET, SOCK_STREAM, 0)); }), 0);
  EXPECT_EQ(after([&] { return denied(::syscall(SYS_kill, ::getppid(), 0)); }), 0);
  EXPECT_EQ(after([&] { return denied(::syscall(SYS_ioctl, 0, 0x1234, 0)); }), 0);
  EXPECT_EQ(after([&] { return denied(::syscall(SYS_mkdir, "/tmp/never", 0700)); }), 0);
  EXPECT_EQ(after([&] { return denied(::syscall(SYS_mmap, 0, 4096, 7, 0x22, -1, 0)); }), 0) << "code";
  EXPECT_EQ(after([] { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0 ? 0 : 1; }), 0);
}

TEST(DropPrivileges, IsForGood) {
  if (::geteuid() != 0) {
    EXPECT_TRUE(drop_privileges("nobody")) << "nothing to do";
    GTEST_SKIP() << "not root: only that nothing is done was looked at";
  }
  const passwd* const nobody = ::getpwnam("nobody");
  ASSERT_NE(nobody, nullptr);
  const uid_t user = nobody->pw_uid;
  const gid_t group = nobody->pw_gid;
  EXPECT_EQ(in_child([&] {
              if (!drop_privileges("nobody")) return 1;
              uid_t users[3];
              gid_t groups[3];
              ::getresuid(&users[0], &users[1], &users[2]);
              ::getresgid(&groups[0], &groups[1], &groups[2]);
              for (const uid_t each : users)
                if (each != user) return 2;
              for (const gid_t each : groups)
                if (each != group) return 3;
              gid_t more[64];
              for (int i = ::getgroups(64, more) - 1; i >= 0; --i)
                if (more[i] == 0) return 4;
              if (::setuid(0) == 0 || ::setgid(0) == 0 || ::setresuid(0, 0, 0) == 0) return 5;
              for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"})
                if (status_of(::getpid(), set) != "0000000000000000") return 6;
              if (status_of(::getpid(), "NoNewPrivs") != "1") return 7;
              if (::open("/etc/shadow", O_RDONLY) >= 0) return 8;
              return drop_privileges("nobody") ? 0 : 9;
            }),
            0);
}

TEST(DropPrivileges, WhoIsNobodyOrRootIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: nothing is dropped, so nobody is looked up";
  EXPECT_EQ(drop_privileges("no-such-user-here").error().code, ErrorCode::not_found);
  EXPECT_EQ(drop_privileges("root").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(::geteuid(), 0u);
}

TEST(DropPrivileges, TheHelperStillHasThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "not root: there is nothing to keep";
  const TemporaryFolder folder;  // 0700 and root's
  EXPECT_EQ(in_child([&] {
              const auto helper = fork_helper();
              if (!helper || !drop_privileges("nobody")) return 1;
              if (!(*helper)->allow_folder(folder.path())) return 2;
              if (!(*helper)->create_file(folder.path(), "a.img", 4096, false)) return 3;
              return ::open((folder / "a.img").c_str(), O_RDONLY) < 0 ? 0 : 4;
            }),
            0);
  EXPECT_TRUE(std::filesystem::exists(folder / "a.img"));
}

}  // namespace
}  // namespace ashlar::storage
