#include "http/revocation.h"

#include <algorithm>
#include <ctime>

#include "http/letters.h"

namespace ashlar::http {
namespace {

using Integer = std::unique_ptr<ASN1_INTEGER, Released<ASN1_INTEGER_free>>;
using Time = std::unique_ptr<ASN1_TIME, Released<ASN1_TIME_free>>;
using Revoked = std::unique_ptr<X509_REVOKED, Released<X509_REVOKED_free>>;
using KeyIdentifier = std::unique_ptr<AUTHORITY_KEYID, Released<AUTHORITY_KEYID_free>>;

constexpr int list_days = 3650;
constexpr std::time_t renew_before_seconds = 365L * 86'400;
/// A serial number has at most 20 bytes (RFC 5280 4.1.2.2).
constexpr size_t most_serial_digits = 40;

std::unexpected<Error> failed(const char* what) {
  return fail(ErrorCode::io_error, "revocation list", "OpenSSL cannot make {}: {}", what, openssl_reason());
}

Result<void> set_number(X509_CRL* list) {
  long number = 1;
  if (const Integer old(
          static_cast<ASN1_INTEGER*>(X509_CRL_get_ext_d2i(list, NID_crl_number, nullptr, nullptr)));
      old)
    number = ASN1_INTEGER_get(old.get()) + 1;
  const Integer next(ASN1_INTEGER_new());
  if (!next || ASN1_INTEGER_set(next.get(), number) != 1 ||
      X509_CRL_add1_ext_i2d(list, NID_crl_number, next.get(), 0, X509V3_ADD_REPLACE) != 1)
    return failed("its number");
  return {};
}

Result<void> set_key_identifier(X509_CRL* list, X509* issuer) {
  const ASN1_OCTET_STRING* identifier = X509_get0_subject_key_id(issuer);
  if (identifier == nullptr) return {};
  const KeyIdentifier authority(AUTHORITY_KEYID_new());
  if (!authority) return failed("its issuer");
  authority->keyid = ASN1_OCTET_STRING_dup(identifier);
  if (authority->keyid == nullptr ||
      X509_CRL_add1_ext_i2d(list, NID_authority_key_identifier, authority.get(), 0, X509V3_ADD_REPLACE) != 1)
    return failed("its issuer");
  return {};
}

Result<void> sign(X509_CRL* list, const Authority& issuer) {
  const Time from(X509_gmtime_adj(nullptr, -3600));  // for clocks that are behind
  const Time until(X509_time_adj_ex(nullptr, list_days, 0, nullptr));
  if (!from || !until || X509_CRL_set1_lastUpdate(list, from.get()) != 1 ||
      X509_CRL_set1_nextUpdate(list, until.get()) != 1)
    return failed("its dates");
  TRY(set_number(list));
  TRY(set_key_identifier(list, issuer.certificate.get()));
  X509_CRL_sort(list);
  if (X509_CRL_sign(list, issuer.key.get(), EVP_sha256()) == 0) return failed("its signature");
  return {};
}

Result<Integer> integer_of(const std::string& serial_hex) {
  const bool digits =
      std::ranges::all_of(serial_hex, [](char letter) { return hex_digit(letter).has_value(); });
  BIGNUM* raw = nullptr;
  if (serial_hex.empty() || serial_hex.size() > most_serial_digits || !digits ||
      BN_hex2bn(&raw, serial_hex.c_str()) == 0) {
    return fail(ErrorCode::invalid_argument, "serial", "must be 1 to {} hex digits", most_serial_digits);
  }
  const BigNumber number(raw);
  Integer serial(BN_to_ASN1_INTEGER(number.get(), nullptr));
  if (!serial) return failed("a serial number");
  return serial;
}

Result<RevocationList> copy_of(const RevocationList& list) {
  RevocationList copy(X509_CRL_dup(list.get()));
  if (!copy) return failed("a copy");
  return copy;
}

}  // namespace

Result<RevocationList> make_revocation_list(const Authority& issuer) {
  RevocationList list(X509_CRL_new());
  if (!list || X509_CRL_set_version(list.get(), X509_CRL_VERSION_2) != 1 ||
      X509_CRL_set_issuer_name(list.get(), X509_get_subject_name(issuer.certificate.get())) != 1)
    return failed("a list");
  TRY(sign(list.get(), issuer));
  return list;
}

Result<RevocationList> with_revoked(const RevocationList& list, const Authority& issuer,
                                    const std::string& serial_hex) {
  TRY_ASSIGN(const Integer serial, integer_of(serial_hex));
  TRY_ASSIGN(RevocationList copy, copy_of(list));
  X509_REVOKED* there = nullptr;
  if (X509_CRL_get0_by_serial(copy.get(), &there, serial.get()) == 1) return copy;
  Revoked entry(X509_REVOKED_new());
  const Time now(X509_gmtime_adj(nullptr, 0));
  if (!entry || !now || X509_REVOKED_set_serialNumber(entry.get(), serial.get()) != 1 ||
      X509_REVOKED_set_revocationDate(entry.get(), now.get()) != 1 ||
      X509_CRL_add0_revoked(copy.get(), entry.get()) != 1)
    return failed("an entry");
  static_cast<void>(entry.release());
  TRY(sign(copy.get(), issuer));
  return copy;
}

bool wants_renewal(const X509_CRL* list) {
  std::time_t soon = std::time(nullptr) + renew_before_seconds;
  const ASN1_TIME* until = X509_CRL_get0_nextUpdate(list);
  return until != nullptr && X509_cmp_time(until, &soon) < 0;
}

Result<RevocationList> renewed(const RevocationList& list, const Authority& issuer) {
  TRY_ASSIGN(RevocationList copy, copy_of(list));
  TRY(sign(copy.get(), issuer));
  return copy;
}

}  // namespace ashlar::http
