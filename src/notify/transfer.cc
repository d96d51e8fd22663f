#include "notify/transfer.h"

#include <poll.h>
#include <signal.h>

#include <algorithm>

#include "base/check.h"
#include "notify/clean_text.h"

namespace ashlar::notify {
namespace {

void start_library() {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(started == CURLE_OK, "libcurl does not start: {}", curl_easy_strerror(started));
}

ErrorCode code_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return ErrorCode::not_found;
    case CURLE_COULDNT_CONNECT: return ErrorCode::closed;
    case CURLE_OPERATION_TIMEDOUT: return ErrorCode::timed_out;
    case CURLE_SSL_CACERT_BADFILE: return ErrorCode::invalid_argument;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_LOGIN_DENIED: return ErrorCode::permission_denied;
    case CURLE_USE_SSL_FAILED: return ErrorCode::unsupported;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: return ErrorCode::protocol_error;
    default: return ErrorCode::io_error;
  }
}

std::string_view sentence_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: return "the host's name is not known";
    case CURLE_COULDNT_CONNECT: return "cannot connect";
    case CURLE_OPERATION_TIMEDOUT: return "no answer in time";
    case CURLE_SSL_CACERT_BADFILE: return "this file of CA certificates cannot be read";
    case CURLE_PEER_FAILED_VERIFICATION:
      return "the server's certificate is not trusted; name its CA in options.ca_file";
    case CURLE_LOGIN_DENIED: return "the server refuses the user and password";
    case CURLE_USE_SSL_FAILED: return "the server offers no TLS, which options.tls requires";
    default: return "the exchange failed";
  }
}

/// OpenSSL writes to a connection that broke without asking for no signal: this thread gets none meanwhile.
class NoPipeSignal {
 public:
  NoPipeSignal() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t waiting;
    waited_ = ::sigpending(&waiting) == 0 && sigismember(&waiting, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  NoPipeSignal(const NoPipeSignal&) = delete;
  ~NoPipeSignal() {
    const timespec none{};
    while (!waited_ && ::sigtimedwait(&pipe_, nullptr, &none) == SIGPIPE) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_, before_;
  bool waited_ = false;
};

}  // namespace

Transfer::Transfer(const std::string& url, const char* protocols, const std::string& ca_file,
                   const Deadline& deadline)
    : detail_(std::make_unique<char[]>(CURL_ERROR_SIZE)) {
  start_library();
  handle_.reset(curl_easy_init());
  CHECK(handle_ != nullptr, "libcurl has no memory for a handle");
  set(CURLOPT_ERRORBUFFER, detail_.get());
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, protocols);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  set(CURLOPT_SSL_VERIFYPEER, 1L);
  set(CURLOPT_SSL_VERIFYHOST, 2L);
  if (!ca_file.empty()) {
    set(CURLOPT_CAINFO, ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<char*>(nullptr));  // this CA alone
  }
  set(CURLOPT_TIMEOUT_MS, std::max<long>(1, static_cast<long>(deadline.left().count())));
}

void Transfer::Closer::operator()(CURL* handle) const {
  const NoPipeSignal quiet;
  curl_easy_cleanup(handle);
}

Error Transfer::error_of(CURLcode code, const std::string& place, const std::string& peer) const {
  const std::string detail = clean_line(detail_.get(), 200);
  std::string where = place;
  if (code == CURLE_SSL_CACERT_BADFILE) where = "options.ca_file";
  if (code == CURLE_LOGIN_DENIED) where = "secret";
  return Error{code_of(code), std::move(where),
               fmt::format("{}: {} ({})", peer, sentence_of(code),
                           detail.empty() ? std::string(curl_easy_strerror(code)) : detail)};
}

Result<void> Transfer::perform(const std::string& place, const std::string& peer) {
  const NoPipeSignal quiet;
  detail_[0] = '\0';
  const CURLcode code = curl_easy_perform(handle_.get());
  if (code != CURLE_OK) return std::unexpected(error_of(code, place, peer));
  return {};
}

Result<void> Transfer::send(std::string_view bytes, const Deadline& deadline, const std::string& place,
                            const std::string& peer) {
  const NoPipeSignal quiet;
  while (!bytes.empty()) {
    size_t sent = 0;
    const CURLcode code = curl_easy_send(handle_.get(), bytes.data(), bytes.size(), &sent);
    if (code == CURLE_AGAIN) {
      pollfd waiting{socket(), POLLOUT, 0};
      if (::poll(&waiting, 1, static_cast<int>(deadline.left().count())) == 0)
        return std::unexpected(error_of(CURLE_OPERATION_TIMEDOUT, place, peer));
      continue;
    }
    if (code != CURLE_OK) return std::unexpected(error_of(code, place, peer));
    bytes.remove_prefix(sent);
  }
  return {};
}

curl_socket_t Transfer::socket() const {
  curl_socket_t socket = CURL_SOCKET_BAD;
  curl_easy_getinfo(handle_.get(), CURLINFO_ACTIVESOCKET, &socket);
  return socket;
}

long Transfer::response_code() const {
  long code = 0;
  curl_easy_getinfo(handle_.get(), CURLINFO_RESPONSE_CODE, &code);
  return code;
}

}  // namespace ashlar::notify
