// The line of a notice, as RFC 5424 wants it.
#pragma once

#include <string>
#include <string_view>

#include "notify/notice.h"

namespace ashlar::notify {

/// At most 2048 bytes: what every receiver should take (RFC 5424, 6.1). `notice` is clean.
std::string syslog_message(int facility, const Notice& notice);

/// A PARAM-VALUE: '"', '\' and ']' behind a backslash (RFC 5424, 6.3.3).
std::string escape_parameter(std::string_view text);

}  // namespace ashlar::notify
