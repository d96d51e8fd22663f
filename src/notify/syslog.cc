#include "notify/syslog.h"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "notify/resolve.h"
#include "notify/syslog_message.h"
#include "notify/transfer.h"

namespace ashlar::notify {
namespace {

constexpr Milliseconds limit{20'000};
constexpr Milliseconds farewell{2'000};  // how long a TCP server may take to close after us

// RFC 5424, table 1.
constexpr std::array<std::string_view, 24> facilities = {
    "kern",   "user",   "mail",     "daemon", "auth",   "syslog", "lpr",     "news",
    "uucp",   "cron",   "authpriv", "ftp",    "ntp",    "audit",  "console", "clock",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6",  "local7"};

class Syslog final : public Channel {
 public:
  explicit Syslog(SyslogOptions options) : options_(std::move(options)), peer_(options_.server.text()) {}

  Result<void> deliver(const Notice& notice) override {
    const std::string line = syslog_message(options_.facility, clean_notice(notice));
    const Deadline deadline(limit);
    return options_.server.scheme == "udp" ? send_datagram(line, deadline) : send_stream(line, deadline);
  }

 private:
  Result<void> send_datagram(const std::string& line, const Deadline& deadline) const {
    TRY_ASSIGN(const std::vector<HostAddress> addresses, resolve_udp(options_.server, deadline.left()));
    Error last;
    for (const HostAddress& address : addresses) {
      const int socket = ::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
      const bool sent =
          socket >= 0 && ::sendto(socket, line.data(), line.size(), MSG_NOSIGNAL,
                                  reinterpret_cast<const sockaddr*>(&address.storage), address.length) >= 0;
      if (!sent) last = error_of_errno(errno, "options.server", address.text + ": cannot send");
      if (socket >= 0) ::close(socket);
      if (sent) return {};
    }
    return std::unexpected(std::move(last));
  }

  // curl only makes the connection: it finds the host in time and checks the certificate.
  Result<void> send_stream(const std::string& line, const Deadline& deadline) const {
    const bool tls = options_.server.scheme == "tls";
    Transfer transfer(fmt::format("{}://{}", tls ? "https" : "http", peer_), "http,https", options_.ca_file,
                      deadline);
    transfer.set(CURLOPT_CONNECT_ONLY, 1L);
    transfer.set(CURLOPT_SSL_ENABLE_ALPN, 0L);
    TRY(transfer.perform("options.server", peer_));
    TRY(transfer.send(fmt::format("{} {}", line.size(), line), deadline, "options.server", peer_));
    return tls ? Result<void>{} : wait_for_end(transfer, std::min(farewell, deadline.left()));
  }

  // TCP tells of a receiver that died only when more is sent or asked: so half close, and see how the other half ends.
  Result<void> wait_for_end(Transfer& transfer, Milliseconds span) const {
    const Deadline deadline(span);
    if (::shutdown(transfer.socket(), SHUT_WR) != 0)
      return std::unexpected(error_of_errno(errno, "options.server", peer_ + ": the connection broke"));
    while (deadline.left().count() > 0) {
      pollfd waiting{transfer.socket(), POLLIN, 0};
      if (::poll(&waiting, 1, static_cast<int>(deadline.left().count())) <= 0) return {};
      char bytes[512];
      const ssize_t got = ::recv(transfer.socket(), bytes, sizeof bytes, MSG_DONTWAIT);
      if (got == 0) return {};
      if (got < 0 && errno != EAGAIN && errno != EINTR)
        return std::unexpected(error_of_errno(errno, "options.server", peer_ + ": the connection broke"));
    }
    return {};
  }

  SyslogOptions options_;
  std::string peer_;
};

}  // namespace

Result<SyslogOptions> read_syslog_options(const api::AlertChannel& channel) {
  const ChannelOptions options(channel);
  TRY(options.check({"server", "facility", "ca_file"}));
  SyslogOptions syslog;
  TRY_ASSIGN(syslog.server, options.server("server", {{"udp", 514}, {"tcp", 601}, {"tls", 6514}}));
  if (options.has("facility")) {
    TRY_ASSIGN(const std::string facility,
               options.choice("facility", {facilities.begin(), facilities.end()}));
    syslog.facility = static_cast<int>(std::ranges::find(facilities, facility) - facilities.begin());
  }
  TRY_ASSIGN(syslog.ca_file, options.path("ca_file"));
  if (!syslog.ca_file.empty() && syslog.server.scheme != "tls")
    return fail_option("ca_file", "only tls:// asks for a certificate: leave it out");
  return syslog;
}

std::unique_ptr<Channel> make_syslog(SyslogOptions options) {
  return std::make_unique<Syslog>(std::move(options));
}

}  // namespace ashlar::notify
