#include "http/client.h"

#include <curl/curl.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <mutex>
#include <utility>

#include "http/client_error.h"
#include "http/letters.h"
#include "http/x509.h"

namespace ashlar::http {
namespace {

constexpr size_t most_header_bytes = 256u << 10;

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool is_clean(std::string_view text) {
  return std::ranges::all_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte > 0x20 && byte != 0x7f;
  });
}

/// libcurl's own words for headers: "Name:" alone would leave the header out, "Name;" sends it empty.
Result<HeaderList> list_of(const Headers& headers) {
  HeaderList list;
  const auto add = [&](const std::string& line) {
    curl_slist* longer = curl_slist_append(list.get(), line.c_str());
    if (longer == nullptr) return false;
    static_cast<void>(list.release());
    list.reset(longer);
    return true;
  };
  for (const auto& [name, value] : headers) {
    if (!is_token(name) || !is_header_value(value))
      return fail(ErrorCode::invalid_argument, name, "cannot be sent as a header");
    if (!add(value.empty() ? fmt::format("{};", name) : fmt::format("{}: {}", name, value)))
      return fail(ErrorCode::exhausted, name, "no memory for a header");
  }
  // Without this a body would be said to be a form's.
  if (find_header(headers, "Content-Type") == nullptr && !add("Content-Type:"))
    return fail(ErrorCode::exhausted, "headers", "no memory for a header");
  return list;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

/// What one call collects.
struct Answer {
  Headers headers;
  size_t header_bytes = 0;
  std::string body;
  size_t most_body_bytes = 0;
  const std::function<bool(std::string_view)>* take = nullptr;
  bool enough = false;
  bool too_much = false;
  std::chrono::steady_clock::time_point head_until;  // of a stream: when its head must be here
  bool head_late = false;
};

size_t take_header(char* data, size_t /*one*/, size_t size, void* user) {
  auto& answer = *static_cast<Answer*>(user);
  const std::string_view line(data, size);
  answer.header_bytes += size;
  if (answer.header_bytes > most_header_bytes) {
    answer.too_much = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) answer.headers.clear();  // what came was "100 Continue"
  const size_t colon = line.find(':');
  if (!line.starts_with("HTTP/") && colon != std::string_view::npos)
    answer.headers.emplace_back(line.substr(0, colon), trimmed(line.substr(colon + 1)));
  return size;
}

size_t take_body(char* data, size_t /*one*/, size_t size, void* user) {
  auto& answer = *static_cast<Answer*>(user);
  if (answer.take != nullptr) {
    answer.enough = !(*answer.take)({data, size});
    return answer.enough ? 0 : size;
  }
  if (size > answer.most_body_bytes - answer.body.size()) {
    answer.too_much = true;
    return 0;
  }
  answer.body.append(data, size);
  return size;
}

int watch_head(void* user, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
               curl_off_t /*up*/) {
  auto& answer = *static_cast<Answer*>(user);
  answer.head_late = answer.headers.empty() && std::chrono::steady_clock::now() >= answer.head_until;
  return answer.head_late ? 1 : 0;
}

/// In place of the chain and the name: this one certificate, whoever signed it.
int check_pin(X509_STORE_CTX* context, void* user) {
  const auto& pin = *static_cast<const std::string*>(user);
  const X509* certificate = X509_STORE_CTX_get0_cert(context);
  const std::string found = certificate != nullptr ? fingerprint_of(certificate) : std::string();
  const bool same = found.size() == pin.size() && CRYPTO_memcmp(found.data(), pin.data(), pin.size()) == 0;
  X509_STORE_CTX_set_error(context, same ? X509_V_OK : X509_V_ERR_CERT_UNTRUSTED);
  return same ? 1 : 0;
}

CURLcode use_pin(CURL* /*handle*/, void* tls, void* user) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(tls), &check_pin, user);
  return CURLE_OK;
}

/// People write fingerprints as "AB:CD:..." too.
std::string plain_hex(std::string_view text) {
  std::string plain;
  for (const char letter : text) {
    if (letter != ':' && letter != ' ') plain += lower_letter(letter);
  }
  return plain;
}

}  // namespace

struct Client::Impl {
  explicit Impl(ClientOptions its_options)
      : options(std::move(its_options)), pin(plain_hex(options.pinned_sha256)) {
    start_curl();
    handle = curl_easy_init();
    while (options.base_url.ends_with('/')) options.base_url.pop_back();
  }
  ~Impl() { curl_easy_cleanup(handle); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  template <typename Value>
  void set(CURLoption option, Value value) const {
    curl_easy_setopt(handle, option, value);
  }
  void set_connection() const;
  void set_trust();
  void set_method(std::string_view method, const std::string& body) const;
  Result<void> prepare(const std::string& path_and_query, Answer& answer, const HeaderList& headers);
  Result<int> perform(Answer& answer);
  std::string place() const { return options.unix_socket.empty() ? options.base_url : options.unix_socket; }

  ClientOptions options;
  std::string pin;
  CURL* handle = nullptr;
  char words[CURL_ERROR_SIZE] = "";
};

void Client::Impl::set_connection() const {
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PATH_AS_IS, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_PROXY, "");  // an array is not reached by way of the proxy for the web
  if (!options.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, options.unix_socket.c_str());
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
}

void Client::Impl::set_trust() {
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.certificate_file.empty()) set(CURLOPT_SSLCERT, options.certificate_file.c_str());
  if (!options.key_file.empty()) set(CURLOPT_SSLKEY, options.key_file.c_str());
  if (!pin.empty()) {
    set(CURLOPT_SSL_VERIFYHOST, 0L);
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
    set(CURLOPT_CAINFO, nullptr);
    set(CURLOPT_CAPATH, nullptr);
    set(CURLOPT_SSL_CTX_FUNCTION, &use_pin);
    set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(&pin));
  } else if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_CAPATH, nullptr);  // the system's CAs do not count then
  }
}

void Client::Impl::set_method(std::string_view method, const std::string& body) const {
  const bool sends = !body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  } else if (sends) {
    set(CURLOPT_POST, 1L);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.c_str());
  } else {
    set(CURLOPT_HTTPGET, 1L);
  }
  if (method != "HEAD") set(CURLOPT_CUSTOMREQUEST, std::string(method).c_str());
}

Result<void> Client::Impl::prepare(const std::string& path_and_query, Answer& answer,
                                   const HeaderList& headers) {
  if (handle == nullptr) return fail(ErrorCode::exhausted, place(), "libcurl gives no handle");
  if (!path_and_query.starts_with('/') || !is_clean(path_and_query))
    return fail(ErrorCode::invalid_argument, "path", "must begin with / and be percent-encoded");
  // Keeps the connection, forgets what the last call was about.
  curl_easy_reset(handle);
  words[0] = '\0';
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(words));
  set_connection();
  set_trust();
  const std::string base = options.base_url.empty() ? "http://localhost" : options.base_url;
  set(CURLOPT_URL, (base + path_and_query).c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&answer));
  set(CURLOPT_WRITEFUNCTION, &take_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&answer));
  return {};
}

Result<int> Client::Impl::perform(Answer& answer) {
  const CURLcode code = curl_easy_perform(handle);
  long status = 0;
  long os_error = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &os_error);
  if (code == CURLE_OK || answer.enough) return static_cast<int>(status);
  if (answer.too_much)
    return fail(ErrorCode::exhausted, place(), "the answer has more than {} bytes, or {} of headers",
                answer.most_body_bytes, most_header_bytes);
  if (answer.head_late) return fail(ErrorCode::timed_out, place(), "no answer in time");
  return std::unexpected(error_of_curl(code, place(), words, os_error));
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;

Result<Response> Client::call(std::string_view method, const std::string& path_and_query,
                              const Headers& headers, std::string body) {
  if (!is_token(method)) return fail(ErrorCode::invalid_argument, "method", "\"{}\" is no method", method);
  TRY_ASSIGN(const HeaderList list, list_of(headers));
  Answer answer;
  answer.most_body_bytes = impl_->options.most_body_bytes;
  TRY(impl_->prepare(path_and_query, answer, list));
  impl_->set_method(method, body);
  TRY_ASSIGN(const int status, impl_->perform(answer));
  Response response;
  response.status = status;
  response.headers = std::move(answer.headers);
  response.body = std::move(answer.body);
  return response;
}

Result<int> Client::stream(const std::string& path_and_query, const Headers& headers,
                           const std::function<bool(std::string_view)>& take) {
  TRY_ASSIGN(const HeaderList list, list_of(headers));
  Answer answer;
  answer.take = &take;
  TRY(impl_->prepare(path_and_query, answer, list));
  impl_->set(CURLOPT_HTTPGET, 1L);
  impl_->set(CURLOPT_TIMEOUT_MS, 0L);  // the limit is for its beginning; a stream lasts
  if (impl_->options.timeout.count() > 0) {
    answer.head_until = std::chrono::steady_clock::now() + impl_->options.timeout;
    impl_->set(CURLOPT_NOPROGRESS, 0L);
    impl_->set(CURLOPT_XFERINFOFUNCTION, &watch_head);
    impl_->set(CURLOPT_XFERINFODATA, static_cast<void*>(&answer));
  }
  return impl_->perform(answer);
}

}  // namespace ashlar::http
