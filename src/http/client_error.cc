#include "http/client_error.h"

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace ashlar::http {
namespace {

struct Alert {
  std::string_view words, advice;
};

/// What a server says of our certificate once the handshake looks done to us (RFC 8446 6.2 and 4.4.2).
constexpr std::array<Alert, 9> alerts = {{
    {"certificate revoked", "the server says that your certificate is revoked: ask for a new one"},
    {"certificate expired", "the server says that your certificate has expired: ask for a new one"},
    {"unknown ca", "the server does not know the CA of your certificate: use one that this array issued"},
    {"unsupported certificate",
     "the server says that your certificate is not for clients: ask for a client's"},
    {"bad certificate", "the server refuses your certificate: use one that this array issued"},
    {"certificate unknown", "the server refuses your certificate: use one that this array issued"},
    {"certificate required", "the server asks for a client's certificate: name one"},
    {"decrypt error", "your key does not belong to your certificate"},
    {"access denied", "the server refuses your certificate"},
}};

std::optional<Error> error_of_alert(const std::string& place, const std::string& words) {
  if (!words.contains("alert")) return std::nullopt;
  for (const Alert& alert : alerts) {
    if (words.contains(alert.words))
      return Error{ErrorCode::permission_denied, place, std::string(alert.advice)};
  }
  return std::nullopt;
}

Error no_connection(std::string place, const std::string& words, long os_error) {
  if (os_error == EACCES || os_error == EPERM)
    return {ErrorCode::permission_denied, std::move(place), "you may not connect: " + words};
  return {ErrorCode::closed, std::move(place), "nobody listens there; is the server running? " + words};
}

Error not_trusted(std::string place, const std::string& words) {
  return {ErrorCode::permission_denied, std::move(place),
          fmt::format("the server's certificate is not trusted ({}): give the CA that signed it, or pin its "
                      "fingerprint if you know it to be right",
                      words)};
}

}  // namespace

Error error_of_curl(CURLcode code, std::string place, const std::string& words, long os_error) {
  const std::string said = words.empty() ? curl_easy_strerror(code) : words;
  if (auto alert = error_of_alert(place, said)) return std::move(*alert);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return {ErrorCode::timed_out, std::move(place), "no answer in time: " + said};
    case CURLE_COULDNT_CONNECT: return no_connection(std::move(place), said, os_error);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR: return not_trusted(std::move(place), said);
    case CURLE_SSL_CONNECT_ERROR:
      return {
          ErrorCode::permission_denied, std::move(place),
          "no TLS with this server (" + said + "): is it an HTTPS port, and does it speak TLS 1.2 or later?"};
    case CURLE_SSL_CACERT_BADFILE:
      return {ErrorCode::permission_denied, std::move(place), "the CA file cannot be used: " + said};
    case CURLE_SSL_CERTPROBLEM:
      return {ErrorCode::permission_denied, std::move(place),
              "your certificate or key cannot be used: " + said};
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
      return {ErrorCode::closed, std::move(place), "the server ended the connection: " + said};
    case CURLE_OUT_OF_MEMORY: return {ErrorCode::exhausted, std::move(place), said};
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_BAD_CONTENT_ENCODING: return {ErrorCode::protocol_error, std::move(place), said};
    default: return {ErrorCode::io_error, std::move(place), said};
  }
}

}  // namespace ashlar::http
