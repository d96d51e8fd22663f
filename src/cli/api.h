// The agent's API as commands see it: one call and one stream, over HTTP in the program and made up in tests.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/words.h"
#include "base/result.h"
#include "http/message.h"

namespace ashlar::cli {

using api::Json;

/// One agent, spoken to from one thread.
class Api {
 public:
  virtual ~Api() = default;
  /// Any status is an answer; an error is "no answer". `target` is path and query, percent-encoded: "/api/v1/volumes?limit=5".
  virtual Result<http::Response> call(std::string_view method, const std::string& target,
                                      const http::Headers& headers, std::string body) = 0;
  /// The body of a GET as it comes, until it ends or `take` says false. The status comes first of all, by the return alone.
  virtual Result<int> stream(const std::string& target, const http::Headers& headers,
                             const std::function<bool(std::string_view)>& take) = 0;
};

/// Which agent, how it is known, and as whom.
struct Connection {
  std::string array;        ///< its name in arrays.json; may be empty
  std::string url;          ///< "https://array1:8443"; empty: by the unix socket
  std::string unix_socket;  ///< path
  std::string ca_file, fingerprint;
  std::string token;  ///< or session; sent as bearer
  uint32_t timeout_seconds = 60;

  /// "https://array1:8443" or the socket's path: for people.
  const std::string& place() const { return url.empty() ? unix_socket : url; }
  bool operator==(const Connection&) const = default;
};
std::shared_ptr<Api> make_api(const Connection& connection);

/// An answer of any status, with what the command line looks at.
struct Answer {
  int status = 0;
  Json body;         ///< when it is JSON, else null
  std::string text;  ///< as it came
  std::string etag, location;
  bool ok() const { return status >= 200 && status < 300; }
};
Answer read_answer(http::Response response);

/// The error that a problem (RFC 9457) tells: place is its field, the code is such that exit_code_of() fits the status.
Error error_of(const Answer& answer);

/// "/api/v1/volumes/db1": `parts` are names and are encoded.
std::string path_of(std::string_view collection, std::initializer_list<std::string_view> parts = {});

}  // namespace ashlar::cli
