#include "access/ldap.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "access/ldap_server_test.h"
#include "access/ldap_url.h"

namespace ashlar::access {
namespace {

constexpr const char* odd_name = "a,b (night) *\\";

LdapSettings settings_for(const std::string& url) {
  LdapSettings settings;
  settings.url = url;
  settings.user_template = "uid={},ou=people,dc=example,dc=org";
  settings.base = "ou=groups,dc=example,dc=org";
  settings.group_roles = {{"CN=Storage Admins,OU=groups,DC=example,DC=org", "admin"},
                          {"cn=operators, ou=groups, dc=example, dc=org", "operator"},
                          {"cn=readers,ou=groups,dc=example,dc=org", "viewer"}};
  settings.timeout_seconds = 20;
  return settings;
}

std::string password_of(std::string_view user) { return fmt::format("the password of {}", user); }

ErrorCode code_of_login(const LdapSettings& settings, std::string_view user, std::string_view password) {
  const Result<Role> role = ldap_login(settings, user, password);
  EXPECT_FALSE(role) << "'" << user << "' is " << name_of(role.value_or(Role::none));
  return role ? ErrorCode::aborted : role.error().code;
}

class Ldap : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ::signal(SIGPIPE, SIG_IGN);
    server_ = std::make_unique<LdapServer>(LdapServer::Encryption::offered);
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override { ASSERT_TRUE(server_->runs()); }
  static Result<Role> login(std::string_view user) {
    return ldap_login(settings_for(server_->socket_url()), user, password_of(user));
  }
  static std::unique_ptr<LdapServer> server_;
};
std::unique_ptr<LdapServer> Ldap::server_;

TEST_F(Ldap, GroupsGiveRoles) {
  EXPECT_EQ(login("alice"), Role::admin);     // member
  EXPECT_EQ(login("bob"), Role::viewer);      // memberOf, written otherwise than in the settings
  EXPECT_EQ(login("olga"), Role::operator_);  // uniqueMember
  EXPECT_EQ(login("dave"), Role::admin);      // two groups: the higher
  EXPECT_EQ(login("hidden"), Role::admin);    // may not read its own entry
  EXPECT_EQ(login(odd_name), Role::viewer);   // all that must be escaped, in a DN and in a filter
}

TEST_F(Ldap, NoGroupIsADenialThatSaysSo) {
  const Result<Role> carol = login("carol");
  ASSERT_FALSE(carol);
  EXPECT_EQ(carol.error().code, ErrorCode::permission_denied);
  EXPECT_NE(carol.error().message.find("group"), std::string::npos) << carol.error().text();
  LdapSettings settings = settings_for(server_->socket_url());
  for (auto& [group, role] : settings.group_roles) role = "none";
  EXPECT_EQ(code_of_login(settings, "alice", password_of("alice")), ErrorCode::permission_denied);
}

TEST_F(Ldap, WithoutABaseOnlyMemberOfCounts) {
  LdapSettings settings = settings_for(server_->socket_url());
  settings.base.clear();
  EXPECT_EQ(ldap_login(settings, "bob", password_of("bob")), Role::viewer);
  EXPECT_EQ(code_of_login(settings, "alice", password_of("alice")), ErrorCode::permission_denied);
  settings.base = "ou=nowhere,dc=example,dc=org";
  EXPECT_EQ(ldap_login(settings, "bob", password_of("bob")), Role::viewer);
}

TEST_F(Ldap, WrongAndEmptyPasswords) {
  const LdapSettings settings = settings_for(server_->socket_url());
  for (const std::string& password :
       {std::string("wrong"), std::string(), std::string(1, '\0'), password_of("bob"),
        password_of("alice") + " ", password_of("alice") + std::string(1, '\0'), std::string(5000, 'a')}) {
    EXPECT_EQ(code_of_login(settings, "alice", password), ErrorCode::permission_denied);
  }
  EXPECT_EQ(code_of_login(settings, "nobody", "wrong"), ErrorCode::permission_denied);
  EXPECT_EQ(code_of_login(settings, "", password_of("alice")), ErrorCode::permission_denied);
}

TEST_F(Ldap, NamesCannotReachOutOfTheirPlace) {
  const LdapSettings settings = settings_for(server_->socket_url());
  const std::string nul(1, '\0');
  for (const std::string& name : {std::string("*"),
                                  std::string(")(uid=*"),
                                  std::string(",dc=x"),
                                  std::string("\\00"),
                                  nul,
                                  "alice" + nul,
                                  std::string("alice,ou=people,dc=example,dc=org"),
                                  std::string("alice+cn=alice"),
                                  std::string("al*"),
                                  std::string("\\61lice"),
                                  std::string("alice,"),
                                  std::string("alice\\"),
                                  std::string("#616c696365"),
                                  std::string(" alice"),
                                  std::string("alice "),
                                  std::string("alice\n"),
                                  std::string("\xff\xfe"),
                                  std::string("\"alice\""),
                                  std::string("{}"),
                                  std::string(5000, 'a')}) {
    EXPECT_EQ(code_of_login(settings, name, password_of("alice")), ErrorCode::permission_denied) << name;
  }
}

TEST_F(Ldap, EncryptedWithACertificateThatIsKnown) {
  LdapSettings settings = settings_for(server_->secure_url());
  settings.ca_file = server_->certificate();
  EXPECT_EQ(ldap_login(settings, "alice", password_of("alice")), Role::admin);
  settings.start_tls = true;  // TLS is there already
  EXPECT_EQ(ldap_login(settings, "alice", password_of("alice")), Role::admin);
  settings.url = server_->url();
  EXPECT_EQ(ldap_login(settings, "alice", password_of("alice")), Role::admin);
  EXPECT_EQ(code_of_login(settings, "alice", "wrong"), ErrorCode::permission_denied);
}

TEST_F(Ldap, AStrangersCertificateIsNotADenial) {
  for (const bool start_tls : {false, true}) {
    LdapSettings settings = settings_for(start_tls ? server_->url() : server_->secure_url());
    settings.start_tls = start_tls;
    settings.ca_file = server_->foreign_certificate();
    EXPECT_EQ(code_of_login(settings, "alice", password_of("alice")), ErrorCode::io_error);
    settings.ca_file.clear();
    EXPECT_EQ(code_of_login(settings, "alice", password_of("alice")), ErrorCode::io_error);
    settings.ca_file = "/nonexistent/ca.pem";
    const Result<Role> role = ldap_login(settings, "alice", password_of("alice"));
    ASSERT_FALSE(role);
    EXPECT_EQ(role.error().place, "ldap.ca_file") << role.error().text();
  }
}

TEST_F(Ldap, PlainOnlyToThisMachine) {
  EXPECT_EQ(ldap_login(settings_for(server_->url()), "alice", password_of("alice")), Role::admin);
}

TEST_F(Ldap, WithoutStartTlsThereIsNoBind) {
  const LdapServer plain(LdapServer::Encryption::none);
  ASSERT_TRUE(plain.runs());
  LdapSettings settings = settings_for(plain.url());
  EXPECT_EQ(ldap_login(settings, "alice", password_of("alice")), Role::admin);
  settings.start_tls = true;
  settings.ca_file = server_->certificate();
  const ErrorCode code = code_of_login(settings, "alice", password_of("alice"));
  EXPECT_TRUE(code == ErrorCode::io_error || code == ErrorCode::protocol_error) << ashlar::name_of(code);
}

TEST_F(Ldap, AServerThatIsAwayIsNotADenial) {
  const std::string away = fmt::format("ldap://127.0.0.1:{}", unused_port());
  EXPECT_EQ(code_of_login(settings_for(away), "alice", password_of("alice")), ErrorCode::io_error);
  EXPECT_EQ(code_of_login(settings_for("ldapi://%2Fnonexistent%2Fsocket"), "alice", "x"),
            ErrorCode::io_error);
  // The second one is there.
  const LdapSettings both = settings_for(away + " " + server_->url());
  EXPECT_EQ(ldap_login(both, "alice", password_of("alice")), Role::admin);
}

TEST(LdapFaults, ASilentServerIsTimedOut) {
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), size), 0);
  ASSERT_EQ(::listen(listener, 8), 0);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  LdapSettings settings = settings_for(fmt::format("ldap://127.0.0.1:{}", ntohs(address.sin_port)));
  settings.timeout_seconds = 1;
  EXPECT_EQ(code_of_login(settings, "alice", "x"), ErrorCode::timed_out);
  settings.start_tls = true;
  EXPECT_EQ(code_of_login(settings, "alice", "x"), ErrorCode::timed_out);
  settings.start_tls = false;
  settings.url = fmt::format("ldaps://127.0.0.1:{}", ntohs(address.sin_port));
  EXPECT_EQ(code_of_login(settings, "alice", "x"), ErrorCode::timed_out);  // in the middle of a handshake
  ::close(listener);
}

TEST(LdapFaults, PasswordsDoNotTravelInTheClear) {
  for (const char* url : {"ldap://198.51.100.1", "ldap://dc1.example.org", "ldap://", "ldap://128.0.0.1",
                          "ldap://localhost.example.org", "ldap://[2001:db8::1]:389",
                          "ldap://127.0.0.1 ldap://198.51.100.1", "ldap://127.0.0.1,ldap://198.51.100.1"}) {
    const auto checked = parse_ldap_urls(url, false);
    ASSERT_FALSE(checked) << url;
    EXPECT_EQ(checked.error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(checked.error().place, "ldap.url");
    EXPECT_EQ(code_of_login(settings_for(url), "alice", "x"), ErrorCode::invalid_argument);
  }
  for (const char* url : {"ldap://127.0.0.1", "ldap://127.9.9.9:3890", "ldap://[::1]:389", "ldap://localhost",
                          "ldaps://dc1.example.org", "ldapi://%2Frun%2Fldapi", "ldaps://dc1 ldaps://dc2"}) {
    EXPECT_TRUE(parse_ldap_urls(url, false)) << url;
  }
  EXPECT_TRUE(parse_ldap_urls("ldap://dc1.example.org", true));
}

TEST(LdapFaults, SettingsThatAreWrongSayWhere) {
  const auto place_of = [](const LdapSettings& settings) {
    const Result<Role> role = ldap_login(settings, "alice", "x");
    EXPECT_FALSE(role);
    if (role) return std::string();
    EXPECT_EQ(role.error().code, ErrorCode::invalid_argument) << role.error().text();
    return role.error().place;
  };
  for (const char* url : {"", "dc1.example.org", "http://dc1", "cldap://127.0.0.1", "ldaps://dc1 nonsense"}) {
    EXPECT_EQ(place_of(settings_for(url)), "ldap.url") << url;
  }
  for (const char* text : {"", "{}", "uid=alice", "uid={},cn={}", "{}@example.org", "uid={},,"}) {
    LdapSettings settings = settings_for("ldapi://%2Fnonexistent");
    settings.user_template = text;
    EXPECT_EQ(place_of(settings), "ldap.user_template") << text;
  }
  LdapSettings settings = settings_for("ldapi://%2Fnonexistent");
  settings.group_roles = {{"cn=a", "king"}};
  EXPECT_EQ(place_of(settings), "ldap.group_roles[cn=a]");
  settings.group_roles = {{"storage", "admin"}};
  EXPECT_EQ(place_of(settings), "ldap.group_roles[storage]");
}

}  // namespace
}  // namespace ashlar::access
