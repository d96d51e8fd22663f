#include "notify/webhook.h"

#include <algorithm>
#include <ctime>
#include <thread>
#include <utility>

#include "notify/digest.h"
#include "notify/transfer.h"
#include "notify/webhook_payload.h"

namespace ashlar::notify {
namespace {

constexpr Milliseconds limit{20'000};
constexpr size_t most_answer_bytes = 64u << 10;

size_t drop_body(char* /*bytes*/, size_t size, size_t count, void* context) {
  size_t& taken = *static_cast<size_t*>(context);
  taken += size * count;
  return taken > most_answer_bytes ? 0 : size * count;
}

struct ListFreer {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, ListFreer>;

void append(List& list, const std::string& header) {
  if (curl_slist* longer = curl_slist_append(list.get(), header.c_str())) {
    std::ignore = list.release();
    list.reset(longer);
  }
}

// Worth another try: the server may be starting again, or be told to slow down.
bool may_pass(const Error& error) {
  return error.code == ErrorCode::closed || error.code == ErrorCode::timed_out ||
         error.code == ErrorCode::io_error || error.code == ErrorCode::busy;
}

class Webhook final : public Channel {
 public:
  Webhook(WebhookOptions options, std::string key) : options_(std::move(options)), key_(std::move(key)) {
    // The path may hold a token: errors show the host alone.
    const size_t host = options_.url.find("://") + 3;
    peer_ = options_.url.substr(0, options_.url.find_first_of("/?", host));
  }

  Result<void> deliver(const Notice& notice) override {
    const std::string body = webhook_payload(options_, clean_notice(notice));
    const Deadline deadline(limit);
    for (size_t tries = 0;; ++tries) {
      Result<void> done = post(body, deadline);
      if (done || !may_pass(done.error()) || tries == options_.pauses.size()) return done;
      if (options_.pauses[tries] >= deadline.left()) return done;
      std::this_thread::sleep_for(options_.pauses[tries]);
    }
  }

 private:
  Result<void> post(const std::string& body, const Deadline& deadline) const {
    Transfer transfer(options_.url, "http,https", options_.ca_file, deadline);
    List headers;
    append(headers, "Content-Type: application/json");
    append(headers, "User-Agent: Ashlar");
    append(headers, "Expect:");
    if (!key_.empty()) {
      const std::string timestamp = fmt::format("{}", std::time(nullptr));
      append(headers, fmt::format("X-Ashlar-Timestamp: {}", timestamp));
      append(headers, fmt::format("X-Ashlar-Signature: {}", webhook_signature(key_, timestamp, body)));
    }
    transfer.set(CURLOPT_HTTPHEADER, headers.get());
    transfer.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    transfer.set(CURLOPT_POSTFIELDS, body.c_str());
    size_t taken = 0;
    transfer.set(CURLOPT_WRITEFUNCTION, drop_body);
    transfer.set(CURLOPT_WRITEDATA, &taken);
    Result<void> done = transfer.perform("options.url", peer_);
    const long status = transfer.response_code();
    if (status < 200) return done ? fail(ErrorCode::io_error, "options.url", "{}: no answer", peer_) : done;
    if (status < 300) return {};  // whatever became of the answer's body
    const ErrorCode code = status >= 500 || status == 429   ? ErrorCode::busy
                           : status == 401 || status == 403 ? ErrorCode::permission_denied
                           : status == 404                  ? ErrorCode::not_found
                                                            : ErrorCode::protocol_error;
    return fail(code, "options.url", "{}: the receiver answers {}, not 2xx", peer_, status);
  }

  WebhookOptions options_;
  std::string key_;
  std::string peer_;
};

}  // namespace

std::string webhook_signature(std::string_view key, std::string_view timestamp, std::string_view body) {
  return fmt::format("sha256={}", hmac_sha256_hex(key, fmt::format("{}.{}", timestamp, body)));
}

Result<WebhookOptions> read_webhook_options(const api::AlertChannel& channel) {
  const ChannelOptions options(channel);
  TRY(options.check({"url", "ca_file", "format", "external_url"}));
  WebhookOptions webhook{.channel = channel.name};
  TRY(options.required("url"));
  TRY_ASSIGN(webhook.url, options.url("url"));
  TRY_ASSIGN(webhook.ca_file, options.path("ca_file"));
  TRY_ASSIGN(webhook.format, options.choice("format", {"alertmanager", "plain"}));
  TRY_ASSIGN(webhook.external_url, options.url("external_url"));
  return webhook;
}

std::unique_ptr<Channel> make_webhook(WebhookOptions options, std::string key) {
  return std::make_unique<Webhook>(std::move(options), std::move(key));
}

}  // namespace ashlar::notify
