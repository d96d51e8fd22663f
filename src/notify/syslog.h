// Notices to a syslog server: UDP (RFC 5426), TCP with octet counting (RFC 6587, 3.4.1) or TLS (RFC 5425).
#pragma once

#include <string>

#include "notify/channel.h"
#include "notify/channel_options.h"

namespace ashlar::notify {

struct SyslogOptions {
  ServerAddress server;  ///< scheme: "udp", "tcp", "tls"
  int facility = 3;      ///< RFC 5424, table 1
  std::string ca_file;
};

Result<SyslogOptions> read_syslog_options(const api::AlertChannel& channel);
std::unique_ptr<Channel> make_syslog(SyslogOptions options);

}  // namespace ashlar::notify
