#include "base/dhchap_key.h"

#include <algorithm>

#include "base/secret_text.h"

namespace ashlar {
namespace {

constexpr std::array<std::string_view, 3> hash_names = {"sha-256", "sha-384", "sha-512"};
constexpr std::array<std::string_view, 6> group_names = {"null",      "ffdhe2048", "ffdhe3072",
                                                         "ffdhe4096", "ffdhe6144", "ffdhe8192"};

bool fits_dhchap_key(uint8_t /*hash*/, size_t bytes) { return bytes == 32 || bytes == 48 || bytes == 64; }

// The hash that binds a key and its length are two things.
constexpr SecretForm dhchap_key_form = {.mark = "DHHC-1:",
                                        .kind = "key of DH-HMAC-CHAP",
                                        .maker = "gen-dhchap-key",
                                        .last_hash = '3',
                                        .hashes = "00, 01, 02 or 03",
                                        .fits = fits_dhchap_key,
                                        .lengths = "32, 48 or 64"};

}  // namespace

std::string name_of(DhchapHash hash) {
  const auto number = static_cast<size_t>(hash);
  return number >= 1 && number <= hash_names.size() ? std::string(hash_names[number - 1])
                                                    : std::to_string(number);
}

std::string name_of(DhchapGroup group) {
  const auto number = static_cast<size_t>(group);
  return number < group_names.size() ? std::string(group_names[number]) : std::to_string(number);
}

Result<DhchapHash> parse_dhchap_hash(std::string_view name, std::string_view place) {
  const auto* const found = std::ranges::find(hash_names, name);
  if (found != hash_names.end()) return static_cast<DhchapHash>(found - hash_names.begin() + 1);
  return fail(ErrorCode::invalid_argument, std::string(place), "'{}' is none of sha-256, sha-384, sha-512",
              name);
}

Result<DhchapGroup> parse_dhchap_group(std::string_view name, std::string_view place) {
  const auto* const found = std::ranges::find(group_names, name);
  if (found != group_names.end()) return static_cast<DhchapGroup>(found - group_names.begin());
  return fail(ErrorCode::invalid_argument, std::string(place),
              "'{}' is none of null, ffdhe2048, ffdhe3072, ffdhe4096, ffdhe6144, ffdhe8192", name);
}

namespace {

template <typename T, typename Usual>
Result<std::vector<T>> parse_names(const std::vector<std::string>& names, const std::string& place,
                                   Result<T> (*parse)(std::string_view, std::string_view),
                                   const Usual& usual) {
  if (names.empty()) return std::vector<T>(usual.begin(), usual.end());
  std::vector<T> parsed;
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string where = fmt::format("{}[{}]", place, i);
    TRY_ASSIGN(const T each, parse(names[i], where));
    if (std::ranges::find(parsed, each) != parsed.end())
      return fail(ErrorCode::invalid_argument, where, "'{}' stands there already", names[i]);
    parsed.push_back(each);
  }
  return parsed;
}

}  // namespace

Result<std::vector<DhchapHash>> parse_dhchap_hashes(const std::vector<std::string>& names,
                                                    const std::string& place) {
  return parse_names(names, place, parse_dhchap_hash, all_dhchap_hashes);
}

Result<std::vector<DhchapGroup>> parse_dhchap_groups(const std::vector<std::string>& names,
                                                     const std::string& place) {
  return parse_names(names, place, parse_dhchap_group, usual_dhchap_groups);
}

Result<DhchapKey> parse_dhchap_key(std::string_view text, std::string_view place) {
  TRY_ASSIGN(SecretText parsed, parse_secret_text(text, dhchap_key_form, place));
  DhchapKey key;
  if (parsed.hash != 0) key.transform = static_cast<DhchapHash>(parsed.hash);
  key.secret = std::move(parsed.secret);
  return key;
}

std::string print_dhchap_key(const DhchapKey& key) {
  const uint8_t hash = key.transform ? static_cast<uint8_t>(*key.transform) : 0;
  return print_secret_text(dhchap_key_form, hash, key.secret);
}

}  // namespace ashlar
