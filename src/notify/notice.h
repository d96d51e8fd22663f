// What a channel is given to deliver.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "notify/alert.h"

namespace ashlar::notify {

struct Notice {
  std::string rule, subject, severity, message;  ///< subject: "volumes/db1"
  std::string state;                             ///< "raised", "cleared", "test"
  std::string time;                              ///< RFC 3339
  std::string array;                             ///< its name
  double value = 0;
  std::string id;  ///< the same for raising and clearing: Alertmanager's fingerprint, the mail's thread
  std::string raised_time;  ///< of "cleared": when it was raised, RFC 3339; empty: not known
};

/// What to tell of an alert that was raised or cleared.
Notice notice_of(const Alert& alert, std::string_view array);
/// What an administrator's test of a channel sends; severity "info". `now`: seconds since 1970.
Notice test_notice(std::string_view channel, std::string_view array, int64_t now);

/// As it may go out: one line a field, UTF-8, no control characters, message at most 1024 bytes, all else 255.
Notice clean_notice(const Notice& notice);

}  // namespace ashlar::notify
