// JSON-RPC 2.0 as the engine's socket speaks it: one object a line, UTF-8, ended by a newline, 16 MiB at most; no batches.
// docs/rpc.md tells the methods.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "rpc/words.h"

namespace ashlar::rpc {

constexpr size_t max_line_bytes = max_json_bytes;

/// Codes of JSON-RPC 2.0 section 5.1; ErrorCode n is server_error - n, and `data.code` has its name.
constexpr int parse_error = -32700;
constexpr int invalid_request = -32600;
constexpr int method_not_found = -32601;
constexpr int invalid_params = -32602;
constexpr int server_error = -32000;

struct Request {
  Json id;  ///< number, string or null; absent (a notification) is null too and `wants_answer` false
  bool wants_answer = true;
  std::string method;
  Json params = Json::object();  ///< always an object: positional parameters are refused
};

/// What could not be understood, with the code that JSON-RPC has for it and the id, when it was legible.
struct BadRequest {
  int code = invalid_request;
  Json id;
  Error error;
};

std::expected<Request, BadRequest> parse_request(std::string_view line);

/// Each is one line with its newline.
std::string print_request(uint64_t id, std::string_view method, const Json& params);
std::string print_result(const Json& id, const Json& result);
std::string print_error(const Json& id, const Error& error);
std::string print_error(const Json& id, int code, const Error& error);
std::string print_notification(std::string_view method, const Json& params);

/// What came back: an answer to request `id`, or a notification.
struct Response {
  std::optional<uint64_t> id;
  std::string method;  ///< of a notification, else empty
  Json params;         ///< of a notification
  Result<Json> result = Json();
};
Result<Response> parse_response(std::string_view line);

}  // namespace ashlar::rpc
