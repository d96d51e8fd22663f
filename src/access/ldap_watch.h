// Ends a directory's connection that takes too long, whatever libldap waits for.
#pragma once

#include <ldap.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace ashlar::access {

/// libldap bounds its connect and its waits for answers, but not a TLS handshake with a server that says nothing: 2.5 with
/// GnuTLS then tries again without end, and takes a whole core for it. From the moment a connection is there, the watch
/// gives it `longest`; then the socket is shut down, and whatever waits for it fails. It also refuses a second connection:
/// libldap opens a lost one again by itself, without StartTLS and without a login.
class LdapWatch {
 public:
  explicit LdapWatch(std::chrono::seconds longest);
  ~LdapWatch();
  LdapWatch(const LdapWatch&) = delete;
  LdapWatch& operator=(const LdapWatch&) = delete;

  /// Call before the handle connects; the watch must outlive the handle. False: libldap does not take it.
  bool attach(LDAP* handle);
  /// The time was up, and the connection was shut down.
  bool expired() const { return expired_; }

 private:
  static int on_connected(LDAP* handle, Sockbuf* buffer, LDAPURLDesc* url, sockaddr* address,
                          ldap_conncb* self);
  static void on_closed(LDAP* handle, Sockbuf* buffer, ldap_conncb* self);
  bool begin(LDAP* handle, int socket);
  void wait(const std::stop_token& stop, int socket);

  const std::chrono::seconds longest_;
  ldap_conncb callbacks_{};
  std::atomic<bool> expired_ = false;
  int socket_ =
      -1;  // our own descriptor of libldap's socket, so that it cannot become something else meanwhile
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::jthread thread_;
};

}  // namespace ashlar::access
