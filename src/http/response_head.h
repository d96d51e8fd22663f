// The status line and headers of an answer, with what a browser must be told every time.
#pragma once

#include <string>

#include "base/result.h"
#include "http/message.h"

namespace ashlar::http {

enum class Framing : uint8_t {
  length,   ///< Content-Length, then the body
  chunked,  ///< RFC 9112 7.1
  to_end,   ///< until the connection is closed, for HTTP/1.0
};

struct HeadOptions {
  Framing framing = Framing::length;
  bool close = false;  ///< says that no more requests are taken on this connection
};

/// Ends with the empty line. The framing is ours: Content-Length, Transfer-Encoding, Connection and Date of the handler do not
/// count. invalid_argument: a status outside 200-599, or a header that would break out of its line: the handler's bug.
Result<std::string> response_head(const Response& response, HeadOptions options);

/// RFC 9110 6.4.1: an answer of this status never has a body.
bool may_have_body(int status);

}  // namespace ashlar::http
