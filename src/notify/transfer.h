// One exchange by libcurl, with what all of ours have in common.
#pragma once

#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar::notify {

using Milliseconds = std::chrono::milliseconds;

/// How long a delivery may still take.
class Deadline {
 public:
  explicit Deadline(Milliseconds span) : end_(std::chrono::steady_clock::now() + span) {}
  Milliseconds left() const {
    const auto span = std::chrono::ceil<Milliseconds>(end_ - std::chrono::steady_clock::now());
    return std::max(span, Milliseconds(0));
  }

 private:
  std::chrono::steady_clock::time_point end_;
};

/// A curl handle: TLS 1.2 or newer with certificates checked, no proxy, no redirects, no signals, no files of the user's. Sends
/// nothing to another protocol than those of `protocols` ("http,https").
class Transfer {
 public:
  Transfer(const std::string& url, const char* protocols, const std::string& ca_file,
           const Deadline& deadline);

  template <typename Value>
  void set(CURLoption option, Value value) {
    curl_easy_setopt(handle_.get(), option, value);
  }
  /// `peer` for the message ("mail.example.com:587"); places: options.ca_file, secret, or `place`.
  Result<void> perform(const std::string& place, const std::string& peer);
  Result<void> send(std::string_view bytes, const Deadline& deadline, const std::string& place,
                    const std::string& peer);
  /// The socket after a perform() that only connects; -1: none.
  curl_socket_t socket() const;
  long response_code() const;
  CURL* handle() const { return handle_.get(); }
  Error error_of(CURLcode code, const std::string& place, const std::string& peer) const;

 private:
  struct Closer {
    void operator()(CURL* handle) const;  // says goodbye to the peer
  };
  std::unique_ptr<char[]> detail_;  // curl writes here: it outlives the handle
  std::unique_ptr<CURL, Closer> handle_;
};

}  // namespace ashlar::notify
