// What servers may answer that slapd does not when asked nicely: each answer is scripted, byte by byte.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "access/ldap.h"

namespace ashlar::access {
namespace {

/// Answers the first request of each connection with `answer`, then hangs up or says no more until it ends.
class ScriptedServer {
 public:
  enum class Then : uint8_t { hang_up, keep_silent };
  ScriptedServer(std::string answer, Then then) : answer_(std::move(answer)), then_(then) {
    ::signal(SIGPIPE, SIG_IGN);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    url_ = fmt::format("ldap://127.0.0.1:{}", ntohs(address.sin_port));
    thread_ = std::jthread([this] { serve(); });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);  // accept() then fails
    thread_.join();
    ::close(listener_);
  }
  const std::string& url() const { return url_; }

 private:
  void serve() {
    while (true) {
      const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (peer < 0) return;
      char request[4096];
      if (::read(peer, request, sizeof request) > 0) {
        ASSERT_EQ(::write(peer, answer_.data(), answer_.size()), static_cast<ssize_t>(answer_.size()));
        while (then_ == Then::keep_silent && ::read(peer, request, sizeof request) > 0) continue;
      }
      ::close(peer);
    }
  }
  std::string answer_;
  Then then_;
  int listener_ = -1;
  std::string url_;
  std::jthread thread_;
};

using Then = ScriptedServer::Then;

/// An LDAPMessage 1 with an LDAPResult (RFC 4511, 4.1.9): application tag, result code, no texts.
std::string result_message(char tag, char code) {
  return std::string("\x30\x0c\x02\x01\x01", 5) + tag + std::string("\x07\x0a\x01", 3) + code +
         std::string("\x04\x00\x04\x00", 4);
}
constexpr char bind_response = 0x61;
constexpr char extended_response = 0x78;

Error login_error(const std::string& url, bool start_tls) {
  LdapSettings settings;
  settings.url = url;
  settings.user_template = "uid={},ou=people,dc=example,dc=org";
  settings.start_tls = start_tls;
  settings.timeout_seconds = 1;
  const Result<Role> role = ldap_login(settings, "alice", "x");
  EXPECT_FALSE(role);
  return role ? Error{ErrorCode::aborted, "", "a login"} : role.error();
}

TEST(LdapAnswers, ResultCodes) {
  struct Case {
    char code;
    ErrorCode expected;
  };
  for (const Case& each : {
           Case{49, ErrorCode::permission_denied},  // invalidCredentials
           Case{53, ErrorCode::permission_denied},  // unwillingToPerform: a locked account
           Case{19, ErrorCode::permission_denied},  // constraintViolation: the same, elsewhere
           Case{10, ErrorCode::io_error},           // referral: not followed
           Case{51, ErrorCode::io_error},           // busy
           Case{52, ErrorCode::io_error},           // unavailable
           Case{80, ErrorCode::io_error},           // other
           Case{2, ErrorCode::protocol_error},      // protocolError
           Case{3, ErrorCode::timed_out},           // timeLimitExceeded
           Case{13, ErrorCode::invalid_argument},   // confidentialityRequired
           Case{8, ErrorCode::invalid_argument},    // strongerAuthRequired
       }) {
    const ScriptedServer server(result_message(bind_response, each.code), Then::hang_up);
    const Error error = login_error(server.url(), false);
    EXPECT_EQ(error.code, each.expected) << int{each.code} << ": " << error.text();
  }
}

TEST(LdapAnswers, WhatIsNotLdapIsNotADenial) {
  for (const std::string& answer : {std::string(), std::string("HTTP/1.1 400 Bad Request\r\n\r\n"),
                                    std::string("\x30\x84\xff\xff\xff\xff", 6), std::string(100, '\0'),
                                    result_message(bind_response, 49).substr(0, 8)}) {
    const ScriptedServer server(answer, Then::hang_up);
    const Error error = login_error(server.url(), false);
    EXPECT_TRUE(error.code == ErrorCode::io_error || error.code == ErrorCode::protocol_error ||
                error.code == ErrorCode::timed_out)
        << error.text();
  }
}

TEST(LdapAnswers, HalfAnAnswerIsTimedOut) {
  const ScriptedServer server(result_message(bind_response, 0).substr(0, 8), Then::keep_silent);
  EXPECT_EQ(login_error(server.url(), false).code, ErrorCode::timed_out);
}

TEST(LdapAnswers, LostAfterTheBindIsNoRole) {
  const ScriptedServer server(result_message(bind_response, 0), Then::hang_up);
  EXPECT_EQ(login_error(server.url(), false).code, ErrorCode::io_error);
}

TEST(LdapAnswers, StartTlsAndThenSilence) {
  const ScriptedServer server(result_message(extended_response, 0), Then::keep_silent);
  EXPECT_EQ(login_error(server.url(), true).code, ErrorCode::timed_out);
}

TEST(LdapAnswers, StartTlsRefusedIsNotADenial) {
  for (const char code : {2, 49, 52, 53}) {
    const ScriptedServer server(result_message(extended_response, code), Then::keep_silent);
    const Error error = login_error(server.url(), true);
    EXPECT_TRUE(error.code == ErrorCode::io_error || error.code == ErrorCode::protocol_error) << error.text();
  }
}

}  // namespace
}  // namespace ashlar::access
