#include "rpc/messages.h"

#include <array>

#include "json/fields.h"

namespace ashlar::rpc {
namespace {

constexpr std::array all_codes = {
    ErrorCode::invalid_argument,  ErrorCode::not_found,   ErrorCode::already_exists, ErrorCode::busy,
    ErrorCode::permission_denied, ErrorCode::unsupported, ErrorCode::out_of_range,   ErrorCode::exhausted,
    ErrorCode::no_space,          ErrorCode::io_error,    ErrorCode::protocol_error, ErrorCode::timed_out,
    ErrorCode::aborted,           ErrorCode::closed,      ErrorCode::stale};

int number_of(ErrorCode code) { return server_error - static_cast<int>(code); }

ErrorCode code_named(std::string_view name) {
  for (const ErrorCode code : all_codes) {
    if (name_of(code) == name) return code;
  }
  return ErrorCode::protocol_error;  // a newer engine's code: all we know is that it failed
}

std::string line_of(const Json& json) { return print_json(json) + "\n"; }

Json envelope() {
  Json json = Json::object();
  json["jsonrpc"] = "2.0";
  return json;
}

std::string text_member(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::unexpected<BadRequest> bad(int code, Json id, ErrorCode error_code, std::string message) {
  return std::unexpected(BadRequest{code, std::move(id), Error{error_code, "", std::move(message)}});
}

Error error_of(const Json& json) {
  Error error{ErrorCode::protocol_error, "", text_member(json, "message")};
  const auto data = json.find("data");
  if (data == json.end() || !data->is_object()) return error;
  error.code = code_named(text_member(*data, "code"));
  error.place = text_member(*data, "place");
  error.message = text_member(*data, "message");
  return error;
}

}  // namespace

std::expected<Request, BadRequest> parse_request(std::string_view line) {
  Result<Json> parsed = parse_json(line);
  if (!parsed) return std::unexpected(BadRequest{parse_error, Json(), std::move(parsed).error()});
  Json& json = *parsed;
  if (json.is_array())
    return bad(invalid_request, Json(), ErrorCode::unsupported,
               "batches are not taken: send one object a line");
  if (!json.is_object())
    return bad(invalid_request, Json(), ErrorCode::invalid_argument, "a request is an object");
  Request request;
  if (const auto id = json.find("id"); id == json.end()) {
    request.wants_answer = false;
  } else if (id->is_number_integer() || id->is_string() || id->is_null()) {
    request.id = *id;
  } else {
    return bad(invalid_request, Json(), ErrorCode::invalid_argument,
               "id must be a whole number, a string or null");
  }
  if (text_member(json, "jsonrpc") != "2.0") {
    return bad(invalid_request, request.id, ErrorCode::invalid_argument, "\"jsonrpc\": \"2.0\" is missing");
  }
  request.method = text_member(json, "method");
  if (request.method.empty())
    return bad(invalid_request, request.id, ErrorCode::invalid_argument, "method is missing");
  if (const auto params = json.find("params"); params != json.end()) {
    if (!params->is_object())
      return bad(invalid_params, request.id, ErrorCode::invalid_argument, "params must be an object");
    request.params = std::move(*params);
  }
  return request;
}

std::string print_request(uint64_t id, std::string_view method, const Json& params) {
  Json json = envelope();
  json["id"] = id;
  json["method"] = method;
  json["params"] = params;
  return line_of(json);
}

std::string print_result(const Json& id, const Json& result) {
  Json json = envelope();
  json["id"] = id;
  json["result"] = result;
  return line_of(json);
}

std::string print_error(const Json& id, const Error& error) {
  return print_error(id, number_of(error.code), error);
}

std::string print_error(const Json& id, int code, const Error& error) {
  Json data = Json::object();
  data["code"] = name_of(error.code);
  data["place"] = error.place;
  data["message"] = error.message;
  Json body = Json::object();
  body["code"] = code;
  body["message"] = error.text();
  body["data"] = std::move(data);
  Json json = envelope();
  json["id"] = id;
  json["error"] = std::move(body);
  return line_of(json);
}

std::string print_notification(std::string_view method, const Json& params) {
  Json json = envelope();
  json["method"] = method;
  json["params"] = params;
  return line_of(json);
}

Result<Response> parse_response(std::string_view line) {
  TRY_ASSIGN(Json json, parse_json(line));
  if (!json.is_object()) return fail(ErrorCode::protocol_error, "", "an answer must be an object");
  Response response;
  if (const auto id = json.find("id"); id != json.end() && id->is_number_unsigned())
    response.id = id->get<uint64_t>();
  if (const auto error = json.find("error"); error != json.end() && error->is_object()) {
    response.result = std::unexpected(error_of(*error));
    return response;
  }
  if (const auto result = json.find("result"); result != json.end()) {
    response.result = std::move(*result);
    return response;
  }
  response.method = text_member(json, "method");
  if (response.method.empty())
    return fail(ErrorCode::protocol_error, "", "neither an answer nor a notification");
  if (const auto params = json.find("params"); params != json.end()) response.params = std::move(*params);
  return response;
}

}  // namespace ashlar::rpc
