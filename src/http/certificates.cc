#include "http/certificates.h"

#include <openssl/err.h>

#include <ctime>

#include "base/log.h"
#include "http/certificate_builder.h"
#include "http/revocation.h"
#include "http/safe_folder.h"

namespace ashlar::http {
namespace {

constexpr int authority_days = 3650;
/// The longest that browsers take (CA/Browser Forum ballot SC-031).
constexpr int server_days = 398;
constexpr std::time_t renew_before_seconds = 30L * 86'400;

Result<void> write_authority(const SafeFolder& folder, const CertificateFiles& files) {
  TRY_ASSIGN(const Key key, make_key());
  // A name of its own for each array: a browser that knows two of them must not mix them up.
  TRY_ASSIGN(const Certificate draft,
             make_certificate({Purpose::authority, "Ashlar CA", authority_days, {}}, key.get(), nullptr));
  const std::string name = "Ashlar CA " + serial_of(draft.get()).substr(0, 8);
  TRY_ASSIGN(const Certificate certificate,
             make_certificate({Purpose::authority, name, authority_days, {}}, key.get(), nullptr));
  TRY_ASSIGN(const std::string key_pem, pem_of(key.get()));
  TRY_ASSIGN(const std::string pem, pem_of(certificate.get()));
  // The key first: a certificate without its key would count as a CA that lost it.
  TRY(folder.write(files.ca_key, key_pem, 0600));
  return folder.write(files.ca_certificate, pem, 0644);
}

Result<Authority> read_authority(const CertificateFiles& files) {
  if (is_there(files.ca_certificate) && !is_there(files.ca_key))
    return fail(ErrorCode::not_found, files.ca_key,
                "the CA's key is missing: put it back, or move {} away for a new CA, which every client must "
                "then trust anew",
                files.ca_certificate);
  Authority authority;
  TRY_ASSIGN(authority.certificate, read_certificate(files.ca_certificate));
  TRY_ASSIGN(authority.key, read_key(files.ca_key));
  if (X509_check_private_key(authority.certificate.get(), authority.key.get()) != 1) {
    ERR_clear_error();
    return fail(ErrorCode::invalid_argument, files.ca_key, "is not the key of {}: put the right one back",
                files.ca_certificate);
  }
  return authority;
}

/// Why the server needs another certificate; empty: it does not.
std::string reason_for_another(const CertificateFiles& files, const Authority& authority,
                               const std::vector<std::string>& names) {
  const auto certificate = read_certificate(files.server_certificate);
  if (!certificate) return "there is none that can be read";
  const auto key = read_key(files.server_key);
  const bool pair = key && X509_check_private_key(certificate->get(), key->get()) == 1;
  const bool ours = X509_verify(certificate->get(), authority.key.get()) == 1;
  ERR_clear_error();
  if (!pair) return "its key is missing or another's";
  if (!ours) return "it is not of this array's CA";
  std::time_t soon = std::time(nullptr) + renew_before_seconds;
  if (X509_cmp_time(X509_get0_notAfter(certificate->get()), &soon) < 0) return "it ends soon";
  if (!covers_names(certificate->get(), names)) return "it lacks a name";
  return {};
}

Result<void> write_server(const SafeFolder& folder, const CertificateFiles& files, const Authority& authority,
                          const std::vector<std::string>& names) {
  CertificatePlan plan{Purpose::server, names.front(), server_days, names};
  if (plan.common_name.size() > 64) plan.common_name = "Ashlar array";
  TRY_ASSIGN(const Key key, make_key());
  TRY_ASSIGN(const Certificate certificate, make_certificate(plan, key.get(), &authority));
  TRY_ASSIGN(const std::string key_pem, pem_of(key.get()));
  TRY_ASSIGN(const std::string pem, pem_of(certificate.get()));
  TRY(folder.write(files.server_key, key_pem, 0600));
  return folder.write(files.server_certificate, pem, 0644);
}

Result<void> ensure_revocation_list(const SafeFolder& folder, const CertificateFiles& files,
                                    const Authority& authority) {
  RevocationList list;
  if (!is_there(files.revocation_list)) {
    TRY_ASSIGN(list, make_revocation_list(authority));
  } else {
    // One that cannot be read is an error: an empty one in its place would let the revoked back in.
    TRY_ASSIGN(const RevocationList old, read_revocation_list(files.revocation_list));
    if (!wants_renewal(old.get())) return {};
    TRY_ASSIGN(list, renewed(old, authority));
  }
  TRY_ASSIGN(const std::string pem, pem_of(list.get()));
  return folder.write(files.revocation_list, pem, 0644);
}

}  // namespace

CertificateFiles certificate_files(const std::string& folder) {
  return {folder + "/ca.pem", folder + "/ca.key", folder + "/server.pem", folder + "/server.key",
          folder + "/revoked.pem"};
}

Result<bool> ensure_certificates(const std::string& folder, const std::vector<std::string>& names) {
  if (names.empty())
    return fail(ErrorCode::invalid_argument, "names", "the server needs a name or an address");
  const CertificateFiles files = certificate_files(folder);
  TRY_ASSIGN(const SafeFolder safe, SafeFolder::open(folder));
  if (!is_there(files.ca_certificate)) {
    log_info("certificates", "making a CA in {}", folder);
    TRY(write_authority(safe, files));
  }
  TRY_ASSIGN(const Authority authority, read_authority(files));
  TRY(ensure_revocation_list(safe, files, authority));
  const std::string reason = reason_for_another(files, authority, names);
  if (reason.empty()) return false;
  log_info("certificates", "making a certificate for the server: {}", reason);
  TRY(write_server(safe, files, authority, names));
  return true;
}

Result<IssuedCertificate> issue_client_certificate(const std::string& folder, const std::string& common_name,
                                                   int days) {
  TRY_ASSIGN(const Authority authority, read_authority(certificate_files(folder)));
  TRY_ASSIGN(const Key key, make_key());
  TRY_ASSIGN(const Certificate certificate,
             make_certificate({Purpose::client, common_name, days, {}}, key.get(), &authority));
  IssuedCertificate issued;
  TRY_ASSIGN(issued.certificate_pem, pem_of(certificate.get()));
  TRY_ASSIGN(issued.key_pem, pem_of(key.get()));
  issued.subject = subject_of(certificate.get());
  issued.serial = serial_of(certificate.get());
  issued.fingerprint = fingerprint_of(certificate.get());
  return issued;
}

Result<void> revoke_certificate(const std::string& folder, const std::string& serial_hex) {
  const CertificateFiles files = certificate_files(folder);
  TRY_ASSIGN(const SafeFolder safe, SafeFolder::open(folder));
  TRY_ASSIGN(const Authority authority, read_authority(files));
  TRY_ASSIGN(const RevocationList old, read_revocation_list(files.revocation_list));
  TRY_ASSIGN(const RevocationList list, with_revoked(old, authority, serial_hex));
  TRY_ASSIGN(const std::string pem, pem_of(list.get()));
  return safe.write(files.revocation_list, pem, 0644);
}

Result<std::string> certificate_fingerprint(const std::string& pem_file) {
  TRY_ASSIGN(const Certificate certificate, read_certificate(pem_file));
  return fingerprint_of(certificate.get());
}

}  // namespace ashlar::http
