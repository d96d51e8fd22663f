// Any bytes as the target of a request: what comes out is a path with one reading, and encoding it again gives it back.
#include <cstdint>

#include "base/check.h"
#include "http/client.h"
#include "http/url.h"

namespace {

using namespace ashlar;

std::string written(const http::Target& target) {
  std::string text;
  for (const char letter : target.path) text += letter == '/' ? "/" : http::percent_encode({&letter, 1});
  char mark = '?';
  for (const auto& [name, value] : target.query) {
    text += mark + http::percent_encode(name) + "=" + http::percent_encode(value);
    mark = '&';
  }
  return text;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto decoded = http::percent_decode(text);
  if (decoded) CHECK(decoded->size() <= text.size());
  const auto again = http::percent_decode(http::percent_encode(text));
  CHECK(again && *again == text);

  const auto target = http::parse_target(text);
  if (!target) {
    CHECK(target.error().code == ErrorCode::invalid_argument && !target.error().message.empty());
    return 0;
  }
  CHECK(target->path.starts_with('/') && !target->path.contains('\0') && !target->path.contains('\\'));
  CHECK(!(target->path + "/").contains("/../") && !(target->path + "/").contains("/./"));
  CHECK(http::is_utf8(target->path) && target->query.size() <= http::max_query_pairs);
  const std::string canonical = written(*target);
  // Every byte may have become three.
  if (canonical.size() <= http::max_target_bytes) CHECK(*http::parse_target(canonical) == *target);
  return 0;
}
