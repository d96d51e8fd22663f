// What a request's head must keep before we trust its framing, beyond what the parser checks. A front that reads a
// message's end elsewhere than we do lets one client write into another's request (RFC 9112 11.2).
#pragma once

#include <optional>
#include <string>

#include "http/message.h"

namespace ashlar::http {

struct Refused {
  int status;
  std::string detail;
};

/// `version` is 10 or 11. Nothing: the head is good.
std::optional<Refused> check_request_head(unsigned version, std::string_view method, const Headers& headers);

/// The client waits for "100 Continue" before it sends the body (RFC 9110 10.1.1).
bool expects_continue(unsigned version, const Headers& headers);

}  // namespace ashlar::http
