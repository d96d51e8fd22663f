// What hosts have proved themselves with, in the words of SessionStatus::authentication and HostStatus::authentication.
#pragma once

#include <string_view>

namespace ashlar::rpc {

/// Of who comes by TLS; alone, or behind the other proof and ", ".
constexpr std::string_view tls_proof = "TLS PSK";

}  // namespace ashlar::rpc
