#include "http/certificate_builder.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>

#include "http/letters.h"
#include "http/url.h"

namespace ashlar::http {
namespace {

using Names = std::unique_ptr<GENERAL_NAMES, Released<GENERAL_NAMES_free>>;
using Name = std::unique_ptr<GENERAL_NAME, Released<GENERAL_NAME_free>>;
using Octets = std::unique_ptr<ASN1_OCTET_STRING, Released<ASN1_OCTET_STRING_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Released<X509_EXTENSION_free>>;

constexpr size_t most_names = 100;
constexpr long backdated_seconds = 3600;

std::unexpected<Error> failed(const char* what) {
  return fail(ErrorCode::io_error, "certificate", "OpenSSL cannot make {}: {}", what, openssl_reason());
}

bool is_dns_name(std::string_view name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](char letter) {
    const char low = lower_letter(letter);
    return (low >= 'a' && low <= 'z') || (letter >= '0' && letter <= '9') || letter == '-' || letter == '.' ||
           letter == '_';
  });
}

Result<void> check_plan(const CertificatePlan& plan) {
  const bool control = std::ranges::any_of(plan.common_name, [](char letter) {
    return static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f;
  });
  if (plan.common_name.empty() || plan.common_name.size() > 64 || control || !is_utf8(plan.common_name))
    return fail(ErrorCode::invalid_argument, "common_name", "must be 1 to 64 bytes of printable UTF-8");
  if (plan.days < 1 || plan.days > 3650)
    return fail(ErrorCode::out_of_range, "days", "{} is not within 1 and 3650", plan.days);
  if (plan.names.size() > most_names)
    return fail(ErrorCode::out_of_range, "names", "more than {} names", most_names);
  return {};
}

Result<void> set_serial(X509* certificate) {
  const BigNumber number(BN_new());
  // The top bit is set, so that it is never zero and always of one length; 127 bits are chance.
  if (!number || BN_rand(number.get(), 128, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) != 1 ||
      BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) == nullptr)
    return failed("a serial number");
  return {};
}

Result<void> set_subject(X509* certificate, const std::string& common_name) {
  X509_NAME* subject = X509_get_subject_name(certificate);
  const auto add = [&](const char* field, const std::string& text) {
    return X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8,
                                      reinterpret_cast<const unsigned char*>(text.data()),
                                      static_cast<int>(text.size()), -1, 0) == 1;
  };
  // RFC 2253 writes the last first: CN=alice,O=Ashlar.
  if (!add("O", "Ashlar") || !add("CN", common_name)) return failed("a subject");
  return {};
}

Result<void> set_dates(X509* certificate, int days, const Authority* issuer) {
  if (X509_gmtime_adj(X509_getm_notBefore(certificate), -backdated_seconds) == nullptr ||
      X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, nullptr) == nullptr)
    return failed("its dates");
  if (issuer == nullptr) return {};
  const ASN1_TIME* last = X509_get0_notAfter(issuer->certificate.get());
  if (ASN1_TIME_compare(X509_get0_notAfter(certificate), last) > 0 &&
      X509_set1_notAfter(certificate, last) != 1)
    return failed("its dates");
  return {};
}

/// `value` is one of our own words, never a name from outside: OpenSSL's little language would read more into it.
Result<void> add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  if (!extension || X509_add_ext(certificate, extension.get(), -1) != 1) return failed("an extension");
  return {};
}

Result<void> add_extensions(X509* certificate, X509* issuer, Purpose purpose) {
  const bool authority = purpose == Purpose::authority;
  TRY(add_extension(certificate, issuer, NID_basic_constraints,
                    authority ? "critical,CA:TRUE,pathlen:0" : "critical,CA:FALSE"));
  TRY(add_extension(certificate, issuer, NID_key_usage,
                    authority ? "critical,keyCertSign,cRLSign" : "critical,digitalSignature"));
  if (!authority)
    TRY(add_extension(certificate, issuer, NID_ext_key_usage,
                      purpose == Purpose::server ? "serverAuth" : "clientAuth"));
  TRY(add_extension(certificate, issuer, NID_subject_key_identifier, "hash"));
  return add_extension(certificate, issuer, NID_authority_key_identifier, "keyid:always");
}

Result<Name> alternative_name(const std::string& text) {
  Name name(GENERAL_NAME_new());
  if (!name) return failed("a name");
  if (Octets address(a2i_IPADDRESS(text.c_str())); address) {
    GENERAL_NAME_set0_value(name.get(), GEN_IPADD, address.release());
    return name;
  }
  ERR_clear_error();
  if (!is_dns_name(text))
    return fail(ErrorCode::invalid_argument, "names", "\"{}\" is neither a DNS name nor an IP address", text);
  ASN1_IA5STRING* letters = ASN1_IA5STRING_new();
  if (letters == nullptr || ASN1_STRING_set(letters, text.data(), static_cast<int>(text.size())) != 1) {
    ASN1_IA5STRING_free(letters);
    return failed("a name");
  }
  GENERAL_NAME_set0_value(name.get(), GEN_DNS, letters);
  return name;
}

Result<void> add_names(X509* certificate, const std::vector<std::string>& names) {
  if (names.empty()) return {};
  const Names all(GENERAL_NAMES_new());
  if (!all) return failed("names");
  for (const std::string& text : names) {
    TRY_ASSIGN(Name name, alternative_name(text));
    if (sk_GENERAL_NAME_push(all.get(), name.get()) <= 0) return failed("names");
    static_cast<void>(name.release());
  }
  if (X509_add1_ext_i2d(certificate, NID_subject_alt_name, all.get(), 0, X509V3_ADD_DEFAULT) != 1)
    return failed("names");
  return {};
}

template <typename Write>
Result<std::string> written(Write write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || write(bio.get()) != 1) return failed("its PEM form");
  const char* data = nullptr;
  const auto size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<size_t>(size));
}

}  // namespace

Result<Key> make_key() {
  Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"));
  if (!key) return failed("a key");
  return key;
}

Result<Certificate> make_certificate(const CertificatePlan& plan, EVP_PKEY* key, const Authority* issuer) {
  TRY(check_plan(plan));
  Certificate certificate(X509_new());
  if (!certificate || X509_set_version(certificate.get(), X509_VERSION_3) != 1 ||
      X509_set_pubkey(certificate.get(), key) != 1)
    return failed("a certificate");
  TRY(set_serial(certificate.get()));
  TRY(set_subject(certificate.get(), plan.common_name));
  TRY(set_dates(certificate.get(), plan.days, issuer));
  X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate.get();
  if (X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer)) != 1) return failed("an issuer");
  TRY(add_extensions(certificate.get(), signer, plan.purpose));
  TRY(add_names(certificate.get(), plan.names));
  if (X509_sign(certificate.get(), issuer != nullptr ? issuer->key.get() : key, EVP_sha256()) == 0)
    return failed("a signature");
  return certificate;
}

bool covers_names(X509* certificate, const std::vector<std::string>& names) {
  return std::ranges::all_of(names, [&](const std::string& name) {
    return X509_check_ip_asc(certificate, name.c_str(), 0) == 1 ||
           X509_check_host(certificate, name.data(), name.size(), X509_CHECK_FLAG_NEVER_CHECK_SUBJECT,
                           nullptr) == 1;
  });
}

Result<std::string> pem_of(X509* certificate) {
  return written([&](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
}
Result<std::string> pem_of(EVP_PKEY* key) {
  return written([&](BIO* bio) {
    return PEM_write_bio_PKCS8PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}
Result<std::string> pem_of(X509_CRL* list) {
  return written([&](BIO* bio) { return PEM_write_bio_X509_CRL(bio, list); });
}

std::string serial_of(const X509* certificate) {
  const BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* hex = number ? BN_bn2hex(number.get()) : nullptr;
  if (hex == nullptr) return {};
  std::string serial(hex);
  OPENSSL_free(hex);
  std::ranges::transform(serial, serial.begin(), &lower_letter);
  return serial;
}

}  // namespace ashlar::http
