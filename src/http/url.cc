#include "http/url.h"

#include <algorithm>

#include "http/letters.h"

namespace ashlar::http {
namespace {

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte < 0x20 || byte == 0x7f;
  });
}

Result<std::string> decode_text(std::string_view text, const char* place, bool plus_is_space) {
  TRY_ASSIGN(std::string decoded, percent_decode(text, plus_is_space));
  if (!is_utf8(decoded)) return fail(ErrorCode::invalid_argument, place, "not UTF-8");
  return decoded;
}

Result<void> check_segments(std::string_view path) {
  size_t begin = 1;
  while (begin <= path.size()) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment == "." || segment == "..") {
      return fail(ErrorCode::invalid_argument, "path", "has a \"{}\" segment: write the path in full",
                  segment);
    }
    begin = end + 1;
  }
  return {};
}

Result<std::string> parse_path(std::string_view text) {
  for (size_t at = text.find('%'); at != std::string_view::npos; at = text.find('%', at + 1)) {
    if (same_without_case(text.substr(at, 3), "%2f"))
      return fail(ErrorCode::invalid_argument, "path", "an encoded slash cannot be told from a slash");
  }
  TRY_ASSIGN(std::string path, decode_text(text, "path", false));
  if (!path.starts_with('/')) return fail(ErrorCode::invalid_argument, "path", "must begin with /");
  if (has_control(path)) return fail(ErrorCode::invalid_argument, "path", "has a control character");
  if (path.contains('\\')) return fail(ErrorCode::invalid_argument, "path", "has a backslash");
  TRY(check_segments(path));
  return path;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> query;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(pair.size() + 1, text.size()));
    if (pair.empty()) continue;
    if (query.size() == max_query_pairs)
      return fail(ErrorCode::invalid_argument, "query", "more than {} parameters", max_query_pairs);
    const size_t equals = pair.find('=');
    TRY_ASSIGN(std::string name, decode_text(pair.substr(0, equals), "query", true));
    std::string value;
    if (equals != std::string_view::npos) {
      TRY_ASSIGN(value, decode_text(pair.substr(equals + 1), "query", true));
    }
    if (name.contains('\0') || value.contains('\0'))
      return fail(ErrorCode::invalid_argument, "query", "has a NUL");
    query.emplace_back(std::move(name), std::move(value));
  }
  return query;
}

/// What follows the authority of an absolute-form target, which a server must take (RFC 9112 3.2.2).
std::string_view without_authority(std::string_view text) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (!same_without_case(text.substr(0, scheme.size()), scheme)) continue;
    text.remove_prefix(scheme.size());
    text.remove_prefix(std::min(text.find_first_of("/?#"), text.size()));
    return text;
  }
  return text;
}

/// Bytes of the UTF-8 form that begins with `first`; 0: none does.
size_t length_of_form(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const auto first = static_cast<unsigned char>(text[0]);
    const size_t length = length_of_form(first);
    if (length == 0 || length > text.size()) return false;
    for (size_t index = 1; index < length; ++index) {
      if ((static_cast<unsigned char>(text[index]) & 0xc0u) != 0x80) return false;
    }
    const auto second = static_cast<unsigned char>(length > 1 ? text[1] : 0);
    if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
        (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90))
      return false;
    text.remove_prefix(length);
  }
  return true;
}

Result<Target> parse_target(std::string_view text) {
  if (text.size() > max_target_bytes)
    return fail(ErrorCode::invalid_argument, "url", "longer than {} bytes", max_target_bytes);
  if (text.contains('#')) return fail(ErrorCode::invalid_argument, "url", "a fragment is not for the server");
  const std::string_view rest = without_authority(text);
  const bool absolute = rest.size() != text.size();
  text = rest;
  const size_t mark = std::min(text.find('?'), text.size());
  Target target;
  TRY_ASSIGN(target.path, parse_path(absolute && mark == 0 ? "/" : text.substr(0, mark)));
  if (mark < text.size()) {
    TRY_ASSIGN(target.query, parse_query(text.substr(mark + 1)));
  }
  return target;
}

}  // namespace ashlar::http
