#include "storage/helper_message.h"

#include <optional>

namespace ashlar::storage {
namespace {

struct ErrorFields {
  std::string code, place, message;
};

struct AnswerFields {
  std::optional<json::Json> result;
  std::optional<ErrorFields> error;
};

template <typename V, json::Is<ErrorFields> T>
void visit_fields(V& v, T& error) {
  v.field("code", error.code, json::required);
  v.field("place", error.place, json::required);
  v.field("message", error.message, json::required);
}

template <typename V, json::Is<AnswerFields> T>
void visit_fields(V& v, T& answer) {
  v.field("result", answer.result);
  v.field("error", answer.error);
}

std::optional<ErrorCode> code_of(std::string_view name) {
  for (uint8_t each = 0; name_of(static_cast<ErrorCode>(each)) != "unknown"; ++each) {
    if (name_of(static_cast<ErrorCode>(each)) == name) return static_cast<ErrorCode>(each);
  }
  return std::nullopt;
}

}  // namespace

template <typename V, json::Is<HelperRequest> T>
void visit_fields(V& v, T& request) {
  v.field("verb", request.verb, json::required);
  v.field("arguments", request.arguments, json::required);
}

Result<HelperRequest> parse_request(std::string_view line) {
  if (line.size() > max_request_bytes)
    return fail(ErrorCode::out_of_range, "", "a request has at most {} bytes, not {}", max_request_bytes,
                line.size());
  TRY_ASSIGN(const json::Json tree, json::parse_json(line));
  TRY_ASSIGN(HelperRequest request, json::decode<HelperRequest>(tree, "", json::Unknown::refuse));
  if (!request.arguments.is_object())
    return std::unexpected(json::wrong_type(request.arguments, "arguments", "an object"));
  return request;
}

std::string print_request(std::string_view verb, const json::Json& arguments) {
  return json::print_json(json::encode(HelperRequest{std::string(verb), arguments}));
}

Result<json::Json> parse_answer(std::string_view line) {
  const Result<json::Json> tree = json::parse_json(line);
  Result<AnswerFields> answer =
      tree ? json::decode<AnswerFields>(*tree, "", json::Unknown::refuse) : std::unexpected(tree.error());
  if (!answer)
    return fail(ErrorCode::protocol_error, "root helper", "what it says is no answer: {}",
                answer.error().text());
  if (answer->result.has_value() == answer->error.has_value())
    return fail(ErrorCode::protocol_error, "root helper", "an answer has a result or an error");
  if (answer->result) return std::move(*answer->result);
  const std::optional<ErrorCode> code = code_of(answer->error->code);
  if (!code)
    return fail(ErrorCode::protocol_error, "root helper", "'{}' is no error code", answer->error->code);
  return std::unexpected(Error{*code, std::move(answer->error->place), std::move(answer->error->message)});
}

std::string print_answer(const Result<json::Json>& result) {
  json::Json answer = json::Json::object();
  if (result) {
    answer["result"] = *result;
  } else {
    answer["error"] = json::encode(
        ErrorFields{std::string(name_of(result.error().code)), result.error().place, result.error().message});
  }
  return json::print_json(answer);
}

}  // namespace ashlar::storage
