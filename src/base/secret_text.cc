#include "base/secret_text.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <optional>

// isa-l's CRC of gzip, which is that of RFC 1952 as the standard has it.
#include <isa-l/crc.h>

#include "base/base64.h"

namespace ashlar {
namespace {

constexpr size_t crc_bytes = 4;
// 64 bytes and the CRC in base64.
constexpr size_t longest_base64 = 92;

uint32_t crc_of(ConstBytes bytes) { return crc32_gzip_refl(0, bytes.data(), bytes.size()); }

// How much of what base64 holds is the secret; or why there is none.
Result<size_t> size_of_secret(ConstBytes bytes, const SecretForm& form, uint8_t hash) {
  const size_t size = bytes.size() - std::min(bytes.size(), crc_bytes);
  if (!form.fits(hash, size))
    return fail(ErrorCode::invalid_argument, "", "it holds {} bytes beside its check value, not {}", size,
                form.lengths);
  if (load_le32(bytes.data() + size) != crc_of(bytes.first(size)))
    return fail(ErrorCode::invalid_argument, "",
                "its check value (CRC-32) is wrong, so a character of it is");
  return size;
}

}  // namespace

Result<SecretText> parse_secret_text(std::string_view text, const SecretForm& form, std::string_view place) {
  const auto wrong = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument, std::string(place),
                "is no {} of the form {}HH:BASE64:, as `nvme {}` prints it: {}", form.kind, form.mark,
                form.maker, why);
  };
  if (!text.starts_with(form.mark)) return wrong(fmt::format("it begins with {}", form.mark));
  text.remove_prefix(form.mark.size());
  if (text.size() < 3 || text[0] != '0' || text[1] < '0' || text[1] > form.last_hash || text[2] != ':')
    return wrong(fmt::format("after {} comes {}, and a colon", form.mark, form.hashes));
  if (!text.ends_with(':')) return wrong("it ends with a colon");
  const auto hash = static_cast<uint8_t>(text[1] - '0');
  const std::string_view digits = text.substr(3, text.size() - 4);
  std::optional<std::vector<uint8_t>> bytes;
  if (digits.size() <= longest_base64) bytes = from_base64(digits);
  if (!bytes) return wrong("what stands before the last colon is not base64, or too much of it");
  const Result<size_t> size = size_of_secret(*bytes, form, hash);
  if (!size) {
    forget_secret(*bytes);
    return wrong(size.error().message);
  }
  bytes->resize(*size);
  return SecretText{hash, std::move(*bytes)};
}

std::string print_secret_text(const SecretForm& form, uint8_t hash, ConstBytes secret) {
  std::vector<uint8_t> bytes(secret.size() + crc_bytes);
  std::ranges::copy(secret, bytes.begin());
  store_le32(bytes.data() + secret.size(), crc_of(secret));
  std::string text = fmt::format("{}{:02}:{}:", form.mark, hash, base64_of(bytes));
  forget_secret(bytes);
  return text;
}

void forget_secret(std::vector<uint8_t>& bytes) {
  if (!bytes.empty()) OPENSSL_cleanse(bytes.data(), bytes.size());
  bytes.clear();
}

}  // namespace ashlar
