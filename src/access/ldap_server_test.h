// A real directory for tests: slapd on a unix socket and loopback ports, with its data in a folder of its own.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace ashlar::access {

/// Ends with the object, or with the test program. Fails the test when slapd is not installed (tools/setup test).
class LdapServer {
 public:
  enum class Encryption : uint8_t { none, offered };
  explicit LdapServer(Encryption encryption);
  ~LdapServer();
  LdapServer(const LdapServer&) = delete;
  LdapServer& operator=(const LdapServer&) = delete;

  bool runs() const { return process_ > 0; }
  std::string socket_url() const;  ///< ldapi://
  std::string url() const;         ///< ldap://127.0.0.1:PORT
  std::string secure_url() const;  ///< ldaps://127.0.0.1:PORT
  std::string certificate() const { return folder_ + "/server.pem"; }
  std::string foreign_certificate() const { return folder_ + "/foreign.pem"; }

 private:
  void write_configuration();
  void fill();
  void start();
  void wait_until_it_listens();

  Encryption encryption_;
  std::string folder_;
  uint16_t port_ = 0, secure_port_ = 0;
  pid_t process_ = -1;
};

/// A loopback port that nobody listens on (at the time of the call).
uint16_t unused_port();

}  // namespace ashlar::access
