#include "notify/email_message.h"

#include <algorithm>

#include "base/base64.h"
#include "notify/clean_text.h"
#include "notify/digest.h"
#include "notify/time_text.h"

namespace ashlar::notify {
namespace {

// RFC 2047, 2: an encoded word has at most 75 characters; "=?UTF-8?B?" and "?=" are 12, and 45 bytes are 60 in base64.
constexpr size_t encoded_word_bytes = 45;
constexpr size_t plain_subject_bytes = 66;  // with "Subject: " under 78, RFC 5322, 2.1.1

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char each) { return each >= 'a' && each <= 'z' ? char(each - 32) : each; });
  return text;
}

std::string body_text(const Notice& notice) {
  std::string text = fmt::format("{}\r\n\r\n", notice.message);
  const auto line = [&text](std::string_view name, std::string_view value) {
    if (!value.empty()) text += fmt::format("{:<9} {}\r\n", name, value);
  };
  line("State:", notice.state);
  line("Severity:", notice.severity);
  line("Subject:", notice.subject);
  line("Value:", number_text(notice.value));
  line("Rule:", notice.rule);
  line("Time:", notice.time);
  if (notice.state == "cleared") line("Raised:", notice.raised_time);
  line("Array:", notice.array);
  line("Alert:", notice.id);
  return text;
}

bool has_long_line(std::string_view text) {
  size_t length = 0;
  for (const char each : text) {
    length = each == '\n' ? 0 : length + 1;
    if (length > 900) return true;  // RFC 5322, 2.1.1: 998 is the wall
  }
  return false;
}

std::string in_lines(const std::string& text) {
  std::string lines;
  for (size_t at = 0; at < text.size(); at += 76) lines += text.substr(at, 76) + "\r\n";
  return lines;
}

}  // namespace

std::string mail_subject(const std::string& text) {
  if (is_printable_ascii(text) && text.size() <= plain_subject_bytes && !text.contains("=?")) return text;
  std::string words;
  std::string_view rest = text;
  while (!rest.empty()) {
    size_t length = std::min(encoded_word_bytes, rest.size());
    // RFC 2047, 5: no character is divided between words.
    while (length < rest.size() && length > 0 && (static_cast<uint8_t>(rest[length]) & 0xC0) == 0x80)
      --length;
    if (!words.empty()) words += "\r\n ";
    words += fmt::format("=?UTF-8?B?{}?=", base64_of(bytes_of(rest.substr(0, length))));
    rest.remove_prefix(length);
  }
  return words;
}

std::string email_message(const EmailOptions& options, const Notice& notice, int64_t now) {
  const std::string domain = options.from.substr(options.from.rfind('@') + 1);
  const std::string thread = sha256_hex(notice.id).substr(0, 32);
  const std::string one =
      sha256_hex(fmt::format("{}\n{}\n{}\n{}", notice.id, notice.state, notice.time, now));
  const std::string subject = clean_line(
      fmt::format("[{}] {} {}: {}", notice.array, upper(notice.state), notice.severity, notice.message), 240);
  const std::string body = body_text(notice);
  const bool plain = std::ranges::all_of(body, [](char each) { return static_cast<uint8_t>(each) < 0x80; }) &&
                     !has_long_line(body);
  std::string text;
  const auto header = [&text](std::string_view name, std::string_view value) {
    text += fmt::format("{}: {}\r\n", name, value);
  };
  header("Date", mail_date(now));
  header("From", fmt::format("Ashlar <{}>", options.from));
  header("To", fmt::format("{}", fmt::join(options.to, ",\r\n ")));
  header("Subject", mail_subject(subject));
  header("Message-ID", fmt::format("<{}.ashlar@{}>", one.substr(0, 32), domain));
  header("In-Reply-To", fmt::format("<{}.ashlar-alert@{}>", thread, domain));
  header("References", fmt::format("<{}.ashlar-alert@{}>", thread, domain));
  header("Auto-Submitted", "auto-generated");  // RFC 3834, 5: no vacation notice comes back
  header("MIME-Version", "1.0");
  header("Content-Type", plain ? "text/plain; charset=us-ascii" : "text/plain; charset=utf-8");
  header("Content-Transfer-Encoding", plain ? "7bit" : "base64");
  return text + "\r\n" + (plain ? body : in_lines(base64_of(bytes_of(body))));
}

}  // namespace ashlar::notify
