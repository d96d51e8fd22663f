// Certificates and keys made with OpenSSL: ECDSA P-256, random serials, the extensions of RFC 5280.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/x509.h"

namespace ashlar::http {

enum class Purpose : uint8_t { authority, server, client };

struct CertificatePlan {
  Purpose purpose = Purpose::server;
  std::string common_name;         ///< 1-64 characters (RFC 5280 appendix A.1), UTF-8
  int days = 1;                    ///< from now; it begins an hour ago, for clocks that are behind
  std::vector<std::string> names;  ///< DNS names and IP literals, for a server
};

struct Authority {
  Certificate certificate;
  Key key;
};

Result<Key> make_key();
/// Signed by `issuer`; by itself when that is null. Ends no later than its issuer.
Result<Certificate> make_certificate(const CertificatePlan& plan, EVP_PKEY* key, const Authority* issuer);

/// Every name of `names` is in the certificate.
bool covers_names(X509* certificate, const std::vector<std::string>& names);

Result<std::string> pem_of(X509* certificate);
Result<std::string> pem_of(EVP_PKEY* key);
Result<std::string> pem_of(X509_CRL* list);

/// Lower case, without leading zeros: names a certificate among those of our CA.
std::string serial_of(const X509* certificate);

}  // namespace ashlar::http
