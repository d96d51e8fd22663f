#include "state/generation_text.h"

#include "json/fields.h"
#include "json/json.h"
#include "json/text_writer.h"
#include "state/sha256.h"

namespace ashlar::state {

using json::Is;
using json::Json;
using json::required;

template <typename V, Is<GenerationInfo> T>
void visit_fields(V& v, T& info) {
  v.field("number", info.number, required);
  v.field("time", info.time, required);
  v.field("author", info.author, required);
  v.field("comment", info.comment);
  v.field("hash", info.hash, required);
}
template <typename V, Is<Forework> T>
void visit_fields(V& v, T& work) {
  v.field("kind", work.kind, required);
  v.field("pool", work.pool);
  v.field("backing", work.backing);
}
template <typename V, Is<Afterwork> T>
void visit_fields(V& v, T& work) {
  v.field("kind", work.kind, required);
  v.field("pool", work.pool);
  v.field("backing", work.backing);
}
template <typename V, Is<GenerationHead> T>
void visit_fields(V& v, T& head) {
  v.field("info", head.info, required);
  v.field("before", head.before);
  v.field("after", head.after);
}
template <typename V, Is<CurrentMark> T>
void visit_fields(V& v, T& mark) {
  v.field("number", mark.number, required);
  v.field("hash", mark.hash, required);
  v.field("instead_of", mark.instead_of);
}

namespace {

// The first two lines are ours to the byte; the checksum is of all that follows.
constexpr std::string_view opening = "{\n  \"checksum\": \"";
constexpr std::string_view closing = "\",\n";
constexpr size_t digits = 64;
// A string's line break is escaped, so this can be nothing but the key of the outermost object.
constexpr std::string_view configuration_key = "\n  \"configuration\": ";

std::unexpected<Error> damaged(const std::string& place, std::string_view why) {
  return fail(ErrorCode::io_error, place, "is damaged: {}", why);
}
std::unexpected<Error> newer(const std::string& place, const Error& error) {
  return fail(ErrorCode::unsupported, place,
              "is whole, but this version cannot read it ({}): start the version that wrote it",
              error.text());
}

/// What the checksum is of.
Result<std::string_view> checked_part(std::string_view text, const std::string& place) {
  const size_t start = opening.size() + digits + closing.size();
  if (text.size() < start || !text.starts_with(opening) ||
      text.substr(opening.size() + digits, closing.size()) != closing) {
    return damaged(place, "it does not begin with its checksum");
  }
  if (text.substr(opening.size(), digits) != sha256_hex(text.substr(start)))
    return damaged(place, "its checksum is wrong");
  return text.substr(start);
}

}  // namespace

Result<std::string> print_generation(Generation& generation) {
  const std::string configuration = api::print_configuration(generation.configuration, json::Secrets::show);
  generation.info.hash = sha256_hex(configuration);
  std::string text = json::print_json(
      json::encode(GenerationHead{generation.info, generation.before, generation.after, {}}), 2);
  text.resize(text.size() - std::string_view("\n}").size());
  text += fmt::format(",{}{}\n}}\n", configuration_key, json::lay_out(configuration, 2, 1));
  const std::string_view rest = std::string_view(text).substr(2);  // after "{\n"
  std::string file = fmt::format("{}{}{}{}", opening, sha256_hex(rest), closing, rest);
  if (file.size() > json::max_json_bytes) {
    return fail(ErrorCode::out_of_range, "configuration",
                "takes {} bytes, and {} can be read again: remove what is not needed", file.size(),
                json::max_json_bytes);
  }
  return file;
}

Result<GenerationHead> parse_generation_head(std::string_view text, const std::string& place) {
  TRY_ASSIGN(const std::string_view rest, checked_part(text, place));
  const size_t end = rest.find(configuration_key);
  if (end == std::string_view::npos || end == 0 || rest[end - 1] != ',')
    return newer(place, Error{ErrorCode::invalid_argument, "", "the configuration is not where it was"});
  const std::string head_text = fmt::format("{{\n{}\n}}", rest.substr(0, end - 1));
  Result<Json> json = json::parse_json(head_text);
  if (!json) return newer(place, json.error());
  Result<GenerationHead> head = json::decode<GenerationHead>(*json, "", json::Unknown::overlook);
  if (!head) return newer(place, head.error());
  head->checksum = text.substr(opening.size(), digits);
  return head;
}

Result<Generation> parse_generation(std::string_view text, const std::string& place) {
  TRY_ASSIGN(GenerationHead head, parse_generation_head(text, place));
  Result<Json> json = json::parse_json(text);
  if (!json) return newer(place, json.error());
  const auto found = json->find("configuration");
  if (found == json->end()) return damaged(place, "it holds no configuration");
  // Of the JSON as it stands, not as this version would write it: new fields must not make old generations wrong.
  if (sha256_hex(json::print_json(*found)) != head.info.hash)
    return damaged(place, "the hash of its configuration is wrong");
  Result<api::Configuration> configuration = api::read_configuration(*found);
  if (!configuration) return newer(place, configuration.error());
  return Generation{std::move(head.info), std::move(*configuration), std::move(head.before),
                    std::move(head.after)};
}

std::string print_mark(const CurrentMark& mark) { return json::print_json(json::encode(mark)) + "\n"; }

Result<CurrentMark> parse_mark(std::string_view text, const std::string& place) {
  Result<Json> json = json::parse_json(text);
  Result<CurrentMark> mark = json ? json::decode<CurrentMark>(*json, "", json::Unknown::overlook)
                                  : std::unexpected(std::move(json).error());
  if (!mark) return damaged(place, mark.error().text());
  return mark;
}

}  // namespace ashlar::state
