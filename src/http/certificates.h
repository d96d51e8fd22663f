// The array's own CA (OpenSSL): ECDSA P-256, made at first start, kept in one folder. Keys are 0600 and never leave it.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace ashlar::http {

/// Files of the folder.
struct CertificateFiles {
  std::string ca_certificate, ca_key, server_certificate, server_key, revocation_list;
};
CertificateFiles certificate_files(const std::string& folder);

/// Makes what is missing: a CA (10 years), a server certificate (398 days) for `names` (DNS names and IP literals), an empty
/// revocation list. Renews a server certificate that ends within 30 days or lacks a name. Written beside, fsynced, renamed.
/// True when the server's certificate is new.
Result<bool> ensure_certificates(const std::string& folder, const std::vector<std::string>& names);

struct IssuedCertificate {
  std::string certificate_pem, key_pem;
  std::string subject;      ///< RFC 2253: "CN=alice,O=Ashlar"
  std::string serial;       ///< hex
  std::string fingerprint;  ///< SHA-256, hex
};
/// A client's certificate (EKU clientAuth) for `common_name`, for `days`. The key is not kept.
Result<IssuedCertificate> issue_client_certificate(const std::string& folder, const std::string& common_name,
                                                   int days);
/// Puts it on the revocation list; Server::reload_certificates() makes it count.
Result<void> revoke_certificate(const std::string& folder, const std::string& serial_hex);
/// Hex SHA-256 of the first certificate in a PEM file.
Result<std::string> certificate_fingerprint(const std::string& pem_file);

}  // namespace ashlar::http
