#include "base/tls_psk.h"

#include <isa-l/crc.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace ashlar {
namespace {

constexpr std::string_view key_prefix = "NVMeTLSkey-1:";
constexpr size_t crc_bytes = 4;
constexpr size_t most_context_bytes = 255;

using KeyBytes = std::vector<uint8_t>;

uint32_t crc32_of(ConstBytes bytes) {
  return crc32_gzip_refl(0, const_cast<uint8_t*>(bytes.data()), bytes.size());
}

std::string base64_of(ConstBytes bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<size_t>(length));
  return text;
}

std::optional<KeyBytes> from_base64(std::string_view text) {
  const auto is_letter = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
  };
  const size_t letters = static_cast<size_t>(std::ranges::find_if_not(text, is_letter) - text.begin());
  const std::string_view padding = text.substr(letters);
  if (text.empty() || text.size() % 4 != 0 || (!padding.empty() && padding != "=" && padding != "=="))
    return {};
  KeyBytes bytes(text.size() / 4 * 3);
  const int length = EVP_DecodeBlock(bytes.data(), reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
  if (length < 0) return {};
  bytes.resize(bytes.size() - padding.size());
  return bytes;
}

KeyBytes hmac_of(PskHash hash, ConstBytes key, std::initializer_list<ConstBytes> parts) {
  KeyBytes text;
  for (const ConstBytes& part : parts) text.insert(text.end(), part.begin(), part.end());
  KeyBytes mac(EVP_MAX_MD_SIZE);
  unsigned int length = 0;
  const unsigned char* made =
      HMAC(hash == PskHash::sha384 ? EVP_sha384() : EVP_sha256(), key.data(), static_cast<int>(key.size()),
           text.data(), text.size(), mac.data(), &length);
  mac.resize(made == nullptr ? 0 : length);
  return mac;
}

// HKDF-Extract(0, secret), then HKDF-Expand-Label: one round of it (RFC 5869 2.3), as nothing longer than the hash is asked for.
KeyBytes expand(PskHash hash, ConstBytes secret, std::string_view label, std::string_view context,
                size_t bytes, PskLabels labels) {
  const KeyBytes no_salt(psk_bytes(hash));
  const KeyBytes random_key = hmac_of(hash, no_salt, {secret});
  const std::string whole_label = "tls13 " + std::string(label);
  const bool measured = labels == PskLabels::standard;
  const auto length = static_cast<uint8_t>(bytes);
  KeyBytes info = measured ? KeyBytes{0, length} : KeyBytes{length, 0};
  for (const std::string_view part : {std::string_view(whole_label), context}) {
    if (measured) info.push_back(static_cast<uint8_t>(part.size()));
    info.insert(info.end(), part.begin(), part.end());
  }
  constexpr uint8_t first_round = 1;
  KeyBytes expanded = hmac_of(hash, random_key, {info, {&first_round, 1}});
  expanded.resize(bytes);
  return expanded;
}

}  // namespace

size_t psk_bytes(PskHash hash) { return hash == PskHash::sha384 ? 48 : 32; }

Result<ConfiguredPsk> parse_tls_key(std::string_view text, std::string_view place) {
  const auto wrong = [place](std::string_view why) {
    return fail(ErrorCode::invalid_argument, std::string(place),
                "is no TLS key of the form NVMeTLSkey-1:HH:BASE64:, as `nvme gen-tls-key` prints it: {}",
                why);
  };
  if (!text.starts_with(key_prefix)) return wrong("it begins with NVMeTLSkey-1:");
  text.remove_prefix(key_prefix.size());
  if (text.size() < 4 || text[0] != '0' || text[1] < '0' || text[1] > '2' || text[2] != ':')
    return wrong("its hash is 00, 01 (SHA-256) or 02 (SHA-384)");
  const auto transform = static_cast<PskHash>(text[1] - '0');
  if (!text.ends_with(':')) return wrong("it ends with a colon");
  std::optional<KeyBytes> bytes = from_base64(text.substr(3, text.size() - 4));
  if (!bytes) return wrong("what is between the last two colons is not base64");
  const size_t length = bytes->size() - std::min(bytes->size(), crc_bytes);
  const bool fits =
      transform == PskHash::none ? length == 32 || length == 48 : length == psk_bytes(transform);
  if (!fits) return wrong("it has 32 bytes, with SHA-384 48");
  if (crc32_of(ConstBytes(*bytes).first(length)) != load_le32(bytes->data() + length))
    return wrong("its check sum is wrong: it was not copied as it was");
  bytes->resize(length);
  return ConfiguredPsk{transform, std::move(*bytes)};
}

std::string print_tls_key(const ConfiguredPsk& psk) {
  KeyBytes bytes = psk.key;
  bytes.resize(bytes.size() + crc_bytes);
  store_le32(bytes.data() + psk.key.size(), crc32_of(psk.key));
  return fmt::format("{}{:02}:{}:", key_prefix, static_cast<unsigned>(psk.transform), base64_of(bytes));
}

Result<PskIdentity> parse_psk_identity(std::string_view text) {
  const auto wrong = [] {
    return fail(ErrorCode::invalid_argument, "identity",
                "is none of NVMe/TCP: NVMe0R01 HOSTNQN SUBNQN, or NVMe1R01 HOSTNQN SUBNQN DIGEST");
  };
  constexpr size_t mark_bytes = 8;  // "NVMe0R01"
  if (text.size() <= mark_bytes || !text.starts_with("NVMe") || text[5] != 'R' || text[6] != '0')
    return wrong();
  if (std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; })) return wrong();
  PskIdentity identity;
  if (text[4] != '0' && text[4] != '1') return wrong();
  identity.version = static_cast<uint8_t>(text[4] - '0');
  if (text[7] != '1' && text[7] != '2') return wrong();
  identity.hash = static_cast<PskHash>(text[7] - '0');
  std::vector<std::string> words;
  for (std::string_view rest = text.substr(mark_bytes); !rest.empty();) {
    if (rest.front() != ' ' || words.size() == 3) return wrong();
    rest.remove_prefix(1);
    const size_t end = std::min(rest.find(' '), rest.size());
    if (end == 0) return wrong();
    words.emplace_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  if (words.size() != (identity.version == 0 ? 2 : 3)) return wrong();
  identity.host = std::move(words[0]);
  identity.subsystem = std::move(words[1]);
  if (identity.version == 1) identity.digest = std::move(words[2]);
  return identity;
}

Result<TlsPsk> derive_tls_psk(const ConfiguredPsk& configured, std::string_view host,
                              std::string_view subsystem, uint8_t version, PskLabels labels) {
  const PskHash hash = configured.hash();
  const KeyBytes retained =
      configured.transform == PskHash::none
          ? configured.key
          : expand(configured.transform, configured.key, "HostNQN", host, configured.key.size(), labels);
  const unsigned number = static_cast<unsigned>(hash);
  TlsPsk psk{fmt::format("NVMe{}R{:02} {} {}", version, number, host, subsystem), hash, {}};
  std::string context = psk.identity;
  if (version == 1) {
    const std::string names = fmt::format("{} {} NVMe-over-Fabrics", host, subsystem);
    const std::string digest = base64_of(hmac_of(hash, retained, {bytes_of(names)}));
    psk.identity += ' ' + digest;
    context = fmt::format("{:02} {}", number, digest);
  }
  if (context.size() > most_context_bytes)
    return fail(
        ErrorCode::out_of_range, "identity",
        "the names of host and subsystem are too long for a PSK identity of version 0: use version 1");
  psk.key = expand(hash, retained, "nvme-tls-psk", context, psk_bytes(hash), labels);
  return psk;
}

}  // namespace ashlar
