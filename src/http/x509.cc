#include "http/x509.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <cerrno>

namespace ashlar::http {
namespace {

Result<Bio> open_file(const std::string& file) {
  errno = 0;
  Bio bio(BIO_new_file(file.c_str(), "rb"));
  if (bio) return bio;
  const int error = errno != 0 ? errno : EIO;
  ERR_clear_error();
  return std::unexpected(error_of_errno(error, file, "cannot be read"));
}

std::string text_of(BIO* bio) {
  const char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<size_t>(size)) : std::string();
}

/// A key with a pass phrase cannot be used: nobody is there to type it, and OpenSSL would ask at the terminal.
int no_pass_phrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) { return -1; }

template <typename Object, typename Read>
Result<Object> read_pem(const std::string& file, const char* what, Read read) {
  TRY_ASSIGN(const Bio bio, open_file(file));
  Object object(read(bio.get(), nullptr, &no_pass_phrase, nullptr));
  if (!object) return fail(ErrorCode::invalid_argument, file, "holds no {} ({})", what, openssl_reason());
  return object;
}

}  // namespace

std::string openssl_reason() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  return reason != nullptr ? reason : "no reason given";
}

std::string subject_of(const X509* certificate) {
  const Bio bio(BIO_new(BIO_s_mem()));
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(certificate), 0, XN_FLAG_RFC2253) < 0)
    return {};
  return text_of(bio.get());
}

std::string fingerprint_of(const X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  std::string hex;
  for (unsigned int index = 0; index < size; ++index) hex += fmt::format("{:02x}", digest[index]);
  return hex;
}

Result<Certificate> read_certificate(const std::string& file) {
  return read_pem<Certificate>(file, "certificate", &PEM_read_bio_X509);
}
Result<Key> read_key(const std::string& file) {
  return read_pem<Key>(file, "private key without a pass phrase", &PEM_read_bio_PrivateKey);
}
Result<RevocationList> read_revocation_list(const std::string& file) {
  return read_pem<RevocationList>(file, "revocation list", &PEM_read_bio_X509_CRL);
}

}  // namespace ashlar::http
