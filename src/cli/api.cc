#include "cli/api.h"

#include <algorithm>
#include <array>

#include "http/client.h"

namespace ashlar::cli {
namespace {

constexpr std::string_view root = "/api/v1";

// A support bundle is streamed; nothing else that is answered at once is larger than this.
constexpr size_t most_body_bytes = 256u << 20;

class HttpApi final : public Api {
 public:
  explicit HttpApi(const Connection& connection)
      : token_(connection.token),
        client_(options_of(connection, connection.timeout_seconds)),
        stream_client_(options_of(connection, 0)) {}

  Result<http::Response> call(std::string_view method, const std::string& target,
                              const http::Headers& headers, std::string body) override {
    return client_.call(method, target, with_token(headers), std::move(body));
  }
  Result<int> stream(const std::string& target, const http::Headers& headers,
                     const std::function<bool(std::string_view)>& take) override {
    return stream_client_.stream(target, with_token(headers), take);
  }

 private:
  static http::ClientOptions options_of(const Connection& connection, uint32_t seconds) {
    http::ClientOptions options;
    options.base_url = connection.url.empty() ? "http://localhost" : connection.url;
    options.unix_socket = connection.url.empty() ? connection.unix_socket : "";
    options.ca_file = connection.ca_file;
    options.pinned_sha256 = connection.fingerprint;
    options.timeout = std::chrono::seconds(seconds);
    options.most_body_bytes = most_body_bytes;
    return options;
  }
  http::Headers with_token(http::Headers headers) const {
    if (!token_.empty()) headers.emplace_back("Authorization", "Bearer " + token_);
    return headers;
  }

  std::string token_;
  http::Client client_, stream_client_;
};

std::string text_member(const Json& body, const char* name) {
  if (!body.is_object()) return "";
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : "";
}

// Those that no status below stands for: a name may not end the program as another status would.
constexpr std::array plain_codes = {
    ErrorCode::invalid_argument, ErrorCode::unsupported, ErrorCode::out_of_range,
    ErrorCode::exhausted,        ErrorCode::no_space,    ErrorCode::io_error,
    ErrorCode::protocol_error,   ErrorCode::aborted,     ErrorCode::closed};

ErrorCode code_of(int status, std::string_view told) {
  switch (status) {
    case 401: return ErrorCode::unauthenticated;
    case 403: return ErrorCode::permission_denied;
    case 404: return ErrorCode::not_found;
    case 409: return told == name_of(ErrorCode::already_exists) ? ErrorCode::already_exists : ErrorCode::busy;
    case 412: return ErrorCode::stale;
    case 428: return ErrorCode::busy;
    case 408:
    case 504: return ErrorCode::timed_out;
    default: break;
  }
  const auto* named = std::ranges::find(plain_codes, told, name_of);
  if (named != plain_codes.end()) return *named;
  if (status == 400 || status == 422) return ErrorCode::invalid_argument;
  return status == 501 ? ErrorCode::unsupported : ErrorCode::io_error;
}

std::string own_words(int status) {
  switch (status) {
    case 401: return "the array wants to know who you are: ashlar login, or --token";
    case 403: return "your role does not allow this";
    case 404: return "there is no such thing";
    case 503: return "the array is not ready; try again";
    default: return fmt::format("the agent answered with status {}", status);
  }
}

}  // namespace

std::shared_ptr<Api> make_api(const Connection& connection) { return std::make_shared<HttpApi>(connection); }

Answer read_answer(http::Response response) {
  Answer answer;
  answer.status = response.status;
  if (const std::string* etag = http::find_header(response.headers, "ETag")) answer.etag = *etag;
  if (const std::string* location = http::find_header(response.headers, "Location"))
    answer.location = *location;
  const std::string* type = http::find_header(response.headers, "Content-Type");
  if (type != nullptr && type->find("json") != std::string::npos) {
    if (Result<Json> body = api::parse_json(response.body)) answer.body = std::move(*body);
  }
  answer.text = std::move(response.body);
  return answer;
}

Error error_of(const Answer& answer) {
  Error error;
  error.code = code_of(answer.status, text_member(answer.body, "code"));
  error.place = text_member(answer.body, "field");
  error.message = text_member(answer.body, "detail");
  if (error.message.empty()) error.message = text_member(answer.body, "title");
  if (error.message.empty()) error.message = own_words(answer.status);
  if (const std::string hint = text_member(answer.body, "hint"); !hint.empty()) error.message += "; " + hint;
  if (const std::string trace = text_member(answer.body, "trace_id");
      !trace.empty() && answer.status >= 500) {
    error.message += fmt::format(" [trace {}]", trace);
  }
  return error;
}

std::string path_of(std::string_view collection, std::initializer_list<std::string_view> parts) {
  std::string path = fmt::format("{}{}", root, collection);
  for (const std::string_view part : parts) path += "/" + http::percent_encode(part);
  return path;
}

}  // namespace ashlar::cli
