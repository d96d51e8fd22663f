#include "base/dhchap_key.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

// isa-l's CRC of gzip, which is that of RFC 1952 as the key has it.
#include <isa-l/crc.h>

namespace ashlar {
namespace {

constexpr std::string_view key_mark = "DHHC-1:";
constexpr size_t crc_bytes = 4;
// 64 bytes and the CRC in base64.
constexpr size_t longest_base64 = 92;

constexpr std::array<std::string_view, 3> hash_names = {"sha-256", "sha-384", "sha-512"};
constexpr std::array<std::string_view, 6> group_names = {"null",      "ffdhe2048", "ffdhe3072",
                                                         "ffdhe4096", "ffdhe6144", "ffdhe8192"};

bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

// The bytes of whole groups of four characters; none: it is not base64.
std::optional<std::vector<uint8_t>> decode_base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > longest_base64) return std::nullopt;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  if (!std::ranges::all_of(text.substr(0, text.size() - padding), is_base64)) return std::nullopt;
  std::vector<uint8_t> bytes(text.size() / 4 * 3);
  const int count = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                    static_cast<int>(text.size()));
  if (count != static_cast<int>(bytes.size())) return std::nullopt;
  bytes.resize(bytes.size() - padding);
  return bytes;
}

uint32_t crc_of(ConstBytes bytes) { return crc32_gzip_refl(0, bytes.data(), bytes.size()); }

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
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument, std::string(place), "is no key of DH-HMAC-CHAP: {}", why);
  };
  if (!text.starts_with(key_mark)) return wrong("it begins with DHHC-1: (nvme gen-dhchap-key makes one)");
  text.remove_prefix(key_mark.size());
  if (text.size() < 3 || text[0] != '0' || text[1] < '0' || text[1] > '3' || text[2] != ':')
    return wrong("after DHHC-1: comes 00:, 01:, 02: or 03:");
  if (!text.ends_with(':')) return wrong("it ends with a colon");
  DhchapKey key;
  if (text[1] != '0') key.transform = static_cast<DhchapHash>(text[1] - '0');
  const auto bytes = decode_base64(text.substr(3, text.size() - 4));
  if (!bytes) return wrong("what stands before the last colon is not base64");
  const size_t size = bytes->size() - std::min(bytes->size(), crc_bytes);
  if (size != 32 && size != 48 && size != 64)
    return wrong(fmt::format("it holds {} bytes beside its check value, not 32, 48 or 64", size));
  if (load_le32(bytes->data() + size) != crc_of(ConstBytes(*bytes).first(size)))
    return wrong("its check value (CRC-32) is wrong, so a character of it is");
  key.secret.assign(bytes->begin(), bytes->begin() + static_cast<std::ptrdiff_t>(size));
  return key;
}

std::string print_dhchap_key(const DhchapKey& key) {
  std::vector<uint8_t> bytes = key.secret;
  bytes.resize(bytes.size() + crc_bytes);
  store_le32(bytes.data() + key.secret.size(), crc_of(key.secret));
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int count = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                    static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(count));
  return fmt::format("{}0{}:{}:", key_mark, key.transform ? static_cast<int>(*key.transform) : 0, text);
}

}  // namespace ashlar
