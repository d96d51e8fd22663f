// The one place that speaks to the net-snmp library.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace ashlar::notify {

using ObjectId = std::vector<uint32_t>;

struct TrapValue {
  ObjectId object;
  std::string text;        ///< an OCTET STRING
  bool is_number = false;  ///< then `number` as an INTEGER
  int32_t number = 0;
};

struct Trap {
  std::string peer;  ///< numeric address and port, as HostAddress::text
  bool ipv6 = false;
  std::string user, auth_protocol, engine_id, auth_key, privacy_key;
  ObjectId kind;  ///< snmpTrapOID
  std::vector<TrapValue> values;
};

/// Sends it by UDP, authenticated and encrypted with AES-128. Nothing answers a trap. One at a time: a lock within.
Result<void> send_trap(const Trap& trap);

}  // namespace ashlar::notify
