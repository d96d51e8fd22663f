// The options of a channel, read one by one: every error names its option.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/resources.h"
#include "base/result.h"

namespace ashlar::notify {

/// "smtp://host:587" taken apart.
struct ServerAddress {
  std::string scheme;
  std::string host;  ///< without the brackets of an IPv6 literal
  uint16_t port = 0;
  std::string text() const;  ///< "host:587", "[::1]:587"
  bool loopback() const;     ///< surely this machine: "localhost", 127.0.0.0/8 or ::1
};

struct Scheme {
  std::string_view name;  ///< empty: none is written
  uint16_t default_port;
};

class ChannelOptions {
 public:
  explicit ChannelOptions(const api::AlertChannel& channel) : options_(channel.options) {}

  /// Unknown keys, control characters, values over 1024 bytes. First of all.
  Result<void> check(const std::vector<std::string_view>& known) const;
  bool has(const std::string& key) const { return options_.contains(key); }
  /// Not empty.
  Result<std::string> required(const std::string& key) const;
  /// One of `words`; the first when it is left out.
  Result<std::string> choice(const std::string& key, const std::vector<std::string_view>& words) const;
  /// An absolute path, or empty when it is left out. Whether the file is there is seen when it is used.
  Result<std::string> path(const std::string& key) const;
  Result<ServerAddress> server(const std::string& key, const std::vector<Scheme>& schemes) const;
  /// http or https with a host and no user in it; empty when it is left out.
  Result<std::string> url(const std::string& key) const;

 private:
  const std::map<std::string, std::string>& options_;
};

/// `fail` for an option: the place is "options.KEY".
template <typename... Arguments>
[[nodiscard]] std::unexpected<Error> fail_option(std::string_view key,
                                                 fmt::format_string<Arguments...> format,
                                                 Arguments&&... arguments) {
  return fail(ErrorCode::invalid_argument, fmt::format("options.{}", key), format,
              std::forward<Arguments>(arguments)...);
}

}  // namespace ashlar::notify
