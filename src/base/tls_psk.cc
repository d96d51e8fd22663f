#include "base/tls_psk.h"

#include <algorithm>
#include <array>

#include "base/base64.h"
#include "base/hmac.h"
#include "base/secret_text.h"

namespace ashlar {
namespace {

constexpr size_t most_context_bytes = 255;

using KeyBytes = std::vector<uint8_t>;

bool fits_tls_key(uint8_t hash, size_t bytes) {
  const auto transform = static_cast<PskHash>(hash);
  return transform == PskHash::none ? bytes == 32 || bytes == 48 : bytes == psk_bytes(transform);
}

constexpr SecretForm tls_key_form = {.mark = "NVMeTLSkey-1:",
                                     .kind = "TLS key",
                                     .maker = "gen-tls-key",
                                     .last_hash = '2',
                                     .hashes = "00, 01 (SHA-256) or 02 (SHA-384)",
                                     .fits = fits_tls_key,
                                     .lengths = "32, or with SHA-384 48"};

const char* digest_name(PskHash hash) { return hash == PskHash::sha384 ? "SHA384" : "SHA256"; }

// HKDF-Extract(0, secret), then HKDF-Expand-Label: one round of it (RFC 5869 2.3), as nothing longer than the hash is asked for.
Result<KeyBytes> expand(PskHash hash, ConstBytes secret, std::string_view label, std::string_view context,
                        size_t bytes, PskLabels labels) {
  const KeyBytes no_salt(psk_bytes(hash));
  TRY_ASSIGN(KeyBytes random_key, hmac_of(digest_name(hash), no_salt, {secret}));
  const std::string whole_label = "tls13 " + std::string(label);
  const bool measured = labels == PskLabels::standard;
  const auto length = static_cast<uint8_t>(bytes);
  KeyBytes info = measured ? KeyBytes{0, length} : KeyBytes{length, 0};
  for (const std::string_view part : {std::string_view(whole_label), context}) {
    if (measured) info.push_back(static_cast<uint8_t>(part.size()));
    info.insert(info.end(), part.begin(), part.end());
  }
  static constexpr std::array<uint8_t, 1> first_round = {1};
  Result<KeyBytes> expanded = hmac_of(digest_name(hash), random_key, {info, first_round});
  forget_secret(random_key);
  if (expanded) expanded->resize(bytes);
  return expanded;
}

// The key as one host has it (3.6.1.4).
Result<KeyBytes> retained_key(const ConfiguredPsk& configured, std::string_view host, PskLabels labels) {
  if (configured.transform == PskHash::none) return configured.key;
  return expand(configured.transform, configured.key, "HostNQN", host, configured.key.size(), labels);
}

}  // namespace

size_t psk_bytes(PskHash hash) { return hash == PskHash::sha384 ? 48 : 32; }

Result<ConfiguredPsk> parse_tls_key(std::string_view text, std::string_view place) {
  TRY_ASSIGN(SecretText parsed, parse_secret_text(text, tls_key_form, place));
  return ConfiguredPsk{static_cast<PskHash>(parsed.hash), std::move(parsed.secret)};
}

std::string print_tls_key(const ConfiguredPsk& psk) {
  return print_secret_text(tls_key_form, static_cast<uint8_t>(psk.transform), psk.key);
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
  const unsigned number = static_cast<unsigned>(hash);
  TlsPsk psk{fmt::format("NVMe{}R{:02} {} {}", version, number, host, subsystem), hash, {}};
  if (version == 0 && psk.identity.size() > most_context_bytes)
    return fail(
        ErrorCode::out_of_range, "identity",
        "the names of host and subsystem are too long for a PSK identity of version 0: use version 1");
  TRY_ASSIGN(KeyBytes retained, retained_key(configured, host, labels));
  std::string context = psk.identity;
  if (version == 1) {
    const std::string names = fmt::format("{} {} NVMe-over-Fabrics", host, subsystem);
    TRY_ASSIGN(const KeyBytes mac, hmac_of(digest_name(hash), retained, {bytes_of(names)}));
    const std::string digest = base64_of(mac);
    psk.identity += ' ' + digest;
    context = fmt::format("{:02} {}", number, digest);
  }
  Result<KeyBytes> key = expand(hash, retained, "nvme-tls-psk", context, psk_bytes(hash), labels);
  forget_secret(retained);
  if (!key) return std::unexpected(key.error());
  psk.key = std::move(*key);
  return psk;
}

}  // namespace ashlar
