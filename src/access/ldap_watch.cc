#include "access/ldap_watch.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <system_error>

namespace ashlar::access {

LdapWatch::LdapWatch(std::chrono::seconds longest) : longest_(longest) {
  callbacks_.lc_add = on_connected;
  callbacks_.lc_del = on_closed;
  callbacks_.lc_arg = this;
}

LdapWatch::~LdapWatch() {
  if (thread_.joinable()) {
    thread_.request_stop();
    thread_.join();
  }
  if (socket_ >= 0) ::close(socket_);
}

bool LdapWatch::attach(LDAP* handle) {
  return ::ldap_set_option(handle, LDAP_OPT_CONNECT_CB, &callbacks_) == LDAP_OPT_SUCCESS;
}

int LdapWatch::on_connected(LDAP* handle, Sockbuf* buffer, LDAPURLDesc* /*url*/, sockaddr* /*address*/,
                            ldap_conncb* self) {
  int socket = -1;
  if (::ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &socket) != 1) return -1;
  return static_cast<LdapWatch*>(self->lc_arg)->begin(handle, socket) ? 0 : -1;
}

void LdapWatch::on_closed(LDAP* /*handle*/, Sockbuf* /*buffer*/, ldap_conncb* /*self*/) {}

bool LdapWatch::begin(LDAP* handle, int socket) {
  if (socket_ >= 0) return false;
  // Connected: from here on the socket may block, which is what keeps the handshake from spinning.
  const timeval none{-1, 0};
  if (::ldap_set_option(handle, LDAP_OPT_NETWORK_TIMEOUT, &none) != LDAP_OPT_SUCCESS) return false;
  socket_ = ::fcntl(socket, F_DUPFD_CLOEXEC, 0);
  if (socket_ < 0) return false;
  try {
    thread_ = std::jthread([this](const std::stop_token& stop) { wait(stop, socket_); });
  } catch (const std::system_error&) {
    return false;  // no thread to be had: no login without a bound
  }
  return true;
}

void LdapWatch::wait(const std::stop_token& stop, int socket) {
  std::unique_lock lock(mutex_);
  const bool ended = changed_.wait_for(lock, stop, longest_, [&] { return stop.stop_requested(); });
  if (ended) return;
  expired_ = true;
  ::shutdown(socket, SHUT_RDWR);
}

}  // namespace ashlar::access
