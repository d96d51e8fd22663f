// Methods of the engine's socket that make it a host: what another array has, seen from the array's own network.
#pragma once

#include <string>
#include <string_view>

#include "json/fields.h"
#include "json/json.h"

namespace ashlar::rpc {

using json::Is;

namespace method {
constexpr std::string_view initiator_discover =
    "initiator.discover";  ///< InitiatorParams -> {"targets": [{"name", "portals"}]}
constexpr std::string_view initiator_inspect =
    "initiator.inspect";  ///< InitiatorParams -> {"identity", "size_bytes", ..., "paths": [{"url", "state", "access", "error"}]}
}  // namespace method

struct InitiatorParams {
  std::string urls;  ///< discover: one portal; inspect: every path to one unit
  std::string user, secret, mutual_user, mutual_secret;    ///< CHAP, by iSCSI
  std::string dhchap_key, dhchap_controller_key, tls_key;  ///< by NVMe/TCP; discovery does not come by TLS
  std::string initiator, host_nqn;                         ///< what we are called; empty: as usual
};

template <typename V, Is<InitiatorParams> T>
void visit_fields(V& v, T& params) {
  v.field("urls", params.urls, json::required);
  v.field("user", params.user);
  v.secret("secret", params.secret);
  v.field("mutual_user", params.mutual_user);
  v.secret("mutual_secret", params.mutual_secret);
  v.secret("dhchap_key", params.dhchap_key);
  v.secret("dhchap_controller_key", params.dhchap_controller_key);
  v.secret("tls_key", params.tls_key);
  v.field("initiator", params.initiator);
  v.field("host_nqn", params.host_nqn);
}

}  // namespace ashlar::rpc
