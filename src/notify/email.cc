#include "notify/email.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <utility>

#include "base/log.h"
#include "notify/clean_text.h"
#include "notify/email_message.h"
#include "notify/transfer.h"

namespace ashlar::notify {
namespace {

// 20 s together: curl counts its wait for the answer to QUIT on top of the limit.
constexpr Milliseconds limit{12'000};
constexpr long answer_seconds = 8;
constexpr size_t most_recipients = 20;

// The addr-spec of RFC 5322, 3.4.1, without quoting and without what RFC 6531 adds: neither can carry a command.
bool is_address(std::string_view text) {
  const size_t at = text.find('@');
  if (at == 0 || at == std::string_view::npos || at > 64 || text.size() > 254) return false;
  const auto in = [](std::string_view part, std::string_view marks) {
    return !part.empty() && std::ranges::all_of(part, [marks](char each) {
      const char lower = static_cast<char>(each | 0x20);
      return (lower >= 'a' && lower <= 'z') || (each >= '0' && each <= '9') || marks.contains(each);
    });
  };
  return in(text.substr(0, at), "!#$%&'*+-/=?^_`{|}~.") && in(text.substr(at + 1), "-.");
}

Result<std::vector<std::string>> read_recipients(std::string_view list) {
  std::vector<std::string> recipients;
  while (true) {
    const size_t comma = list.find(',');
    std::string_view each = list.substr(0, comma);
    while (each.starts_with(' ')) each.remove_prefix(1);
    while (each.ends_with(' ')) each.remove_suffix(1);
    if (!is_address(each)) return fail_option("to", "\"{}\" is not an address like ops@example.com", each);
    if (recipients.size() == most_recipients)
      return fail_option("to", "more than {} addresses: use a list of your mail server", most_recipients);
    recipients.emplace_back(each);
    if (comma == std::string_view::npos) return recipients;
    list.remove_prefix(comma + 1);
  }
}

Result<void> check_tls(const ChannelOptions& options, const EmailOptions& email) {
  if (email.server.scheme == "smtps" && email.tls != "required")
    return fail_option("tls", "smtps:// is TLS from the first byte: say required, or leave it out");
  if (email.tls == "none" && !email.server.loopback())
    return fail_option("tls", "none goes only to a server on this machine (127.0.0.1, ::1, localhost)");
  // Who can take STARTTLS out of the server's answer would read the password.
  if (email.tls == "opportunistic" && options.has("user") && !email.server.loopback())
    return fail_option("tls", "a password is sent over required TLS only");
  return {};
}

/// What the server said no to; shown to the operator.
struct Replies {
  std::string refused;
};

size_t take_reply(char* bytes, size_t /*size*/, size_t count, void* context) {
  auto& replies = *static_cast<Replies*>(context);
  std::string_view line(bytes, count);
  while (line.ends_with('\n') || line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with('4') || line.starts_with('5')) replies.refused = clean_line(line, 200);
  return count;
}

size_t give_message(char* bytes, size_t size, size_t count, void* context) {
  auto& rest = *static_cast<std::string_view*>(context);
  const size_t taken = std::min(size * count, rest.size());
  std::memcpy(bytes, rest.data(), taken);
  rest.remove_prefix(taken);
  return taken;
}

struct ListFreer {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

class Email final : public Channel {
 public:
  Email(EmailOptions options, std::string password)
      : options_(std::move(options)), password_(std::move(password)) {}

  Result<void> deliver(const Notice& notice) override {
    const std::string message = email_message(options_, clean_notice(notice), std::time(nullptr));
    const std::string peer = options_.server.text();
    Transfer transfer(fmt::format("{}://{}", options_.server.scheme, peer), "smtp,smtps", options_.ca_file,
                      Deadline(limit));
    transfer.set(CURLOPT_SERVER_RESPONSE_TIMEOUT, answer_seconds);
    transfer.set(CURLOPT_FORBID_REUSE, 1L);  // QUIT now, under these limits
    const long level = options_.tls == "required"        ? CURLUSESSL_ALL
                       : options_.tls == "opportunistic" ? CURLUSESSL_TRY
                                                         : CURLUSESSL_NONE;
    transfer.set(CURLOPT_USE_SSL, level);
    if (!options_.user.empty()) {
      transfer.set(CURLOPT_USERNAME, options_.user.c_str());
      transfer.set(CURLOPT_PASSWORD, password_.c_str());
    }
    transfer.set(CURLOPT_MAIL_FROM, options_.from.c_str());
    std::unique_ptr<curl_slist, ListFreer> recipients;
    for (const std::string& each : options_.to) {
      curl_slist* longer = curl_slist_append(recipients.get(), each.c_str());
      if (longer == nullptr) return fail(ErrorCode::exhausted, "options.to", "no memory");
      std::ignore = recipients.release();
      recipients.reset(longer);
    }
    transfer.set(CURLOPT_MAIL_RCPT, recipients.get());
    transfer.set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);  // one bad address must not silence the others
    std::string_view rest = message;
    transfer.set(CURLOPT_UPLOAD, 1L);
    transfer.set(CURLOPT_READFUNCTION, give_message);
    transfer.set(CURLOPT_READDATA, &rest);
    Replies replies;
    transfer.set(CURLOPT_HEADERFUNCTION, take_reply);
    transfer.set(CURLOPT_HEADERDATA, &replies);
    return finish(transfer.perform("options.server", peer), replies);
  }

 private:
  Result<void> finish(Result<void> done, const Replies& replies) const {
    // A server that repeats the password does not get it into our log.
    const bool hide = replies.refused.empty() || (!password_.empty() && replies.refused.contains(password_));
    if (hide) return done;
    if (done) {
      log_warning("notify", "{}: the mail went out, but not to all: {}", options_.server.text(),
                  replies.refused);
    } else if (done.error().place != "secret") {
      done.error().message += fmt::format("; the server said: {}", replies.refused);
    }
    return done;
  }

  EmailOptions options_;
  std::string password_;
};

}  // namespace

Result<EmailOptions> read_email_options(const api::AlertChannel& channel) {
  const ChannelOptions options(channel);
  TRY(options.check({"server", "user", "from", "to", "tls", "ca_file"}));
  EmailOptions email;
  TRY_ASSIGN(email.server, options.server("server", {{"smtp", 587}, {"smtps", 465}}));
  if (options.has("user")) {
    TRY_ASSIGN(email.user, options.required("user"));
  }
  TRY_ASSIGN(email.from, options.required("from"));
  if (!is_address(email.from))
    return fail_option("from", "\"{}\" is not an address like array1@example.com", email.from);
  TRY_ASSIGN(const std::string to, options.required("to"));
  TRY_ASSIGN(email.to, read_recipients(to));
  TRY_ASSIGN(email.tls, options.choice("tls", {"required", "opportunistic", "none"}));
  TRY(check_tls(options, email));
  TRY_ASSIGN(email.ca_file, options.path("ca_file"));
  return email;
}

std::unique_ptr<Channel> make_email(EmailOptions options, std::string password) {
  return std::make_unique<Email>(std::move(options), std::move(password));
}

}  // namespace ashlar::notify
