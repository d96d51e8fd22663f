// Notices as SNMPv3 traps (RFC 3416, 4.2.6), authenticated and encrypted by the user-based security model (RFC 3414).
#pragma once

#include <string>

#include "notify/channel.h"
#include "notify/channel_options.h"

namespace ashlar::notify {

struct SnmpOptions {
  ServerAddress server;
  std::string user;
  std::string auth_protocol;  ///< "SHA-256" (RFC 7860), "SHA"
  std::string engine_id;      ///< 5-32 bytes, not hex; empty: made of the array's name
};

Result<SnmpOptions> read_snmp_options(const api::AlertChannel& channel);
std::unique_ptr<Channel> make_snmp(SnmpOptions options, std::string auth_key, std::string privacy_key);

/// The snmpEngineID of an array: 80001f88, 04 (text), and the first 27 bytes of its name (RFC 3411, 5).
std::string engine_id_of(std::string_view array);

}  // namespace ashlar::notify
