// Notices as HTTP POST of JSON (by libcurl).
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "notify/channel.h"
#include "notify/channel_options.h"

namespace ashlar::notify {

struct WebhookOptions {
  std::string channel;  ///< its name
  std::string url, ca_file, format, external_url;
  /// Between the tries: one more try than pauses. Not an option of the channel.
  std::vector<std::chrono::milliseconds> pauses{std::chrono::milliseconds(1000),
                                                std::chrono::milliseconds(3000)};
};

Result<WebhookOptions> read_webhook_options(const api::AlertChannel& channel);
/// `key` signs the body; empty: not signed.
std::unique_ptr<Channel> make_webhook(WebhookOptions options, std::string key);

/// The value of X-Ashlar-Signature: "sha256=" and hex HMAC-SHA-256 over "TIMESTAMP.BODY".
std::string webhook_signature(std::string_view key, std::string_view timestamp, std::string_view body);

}  // namespace ashlar::notify
