// The message of a notice, as RFC 5322 wants it.
#pragma once

#include <cstdint>
#include <string>

#include "notify/email.h"
#include "notify/notice.h"

namespace ashlar::notify {

/// Headers and body, with CRLF; dots are not stuffed. `notice` is clean (clean_notice()), `now` in seconds since 1970.
/// Raising and clearing refer to one Message-ID made of Notice::id, so that readers show them as one thread.
std::string email_message(const EmailOptions& options, const Notice& notice, int64_t now);

/// The subject's value: as it is when it is short ASCII, else encoded words of RFC 2047 (UTF-8, B), folded.
std::string mail_subject(const std::string& text);

}  // namespace ashlar::notify
