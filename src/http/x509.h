// What OpenSSL's certificates are asked here, and its objects as unique_ptr.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "base/result.h"

namespace ashlar::http {

template <auto release>
struct Released {
  template <typename T>
  void operator()(T* object) const {
    release(object);
  }
};
using Bio = std::unique_ptr<BIO, Released<BIO_free_all>>;
using BigNumber = std::unique_ptr<BIGNUM, Released<BN_free>>;
using Key = std::unique_ptr<EVP_PKEY, Released<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Released<X509_free>>;
using RevocationList = std::unique_ptr<X509_CRL, Released<X509_CRL_free>>;
using SslContext = std::unique_ptr<SSL_CTX, Released<SSL_CTX_free>>;

/// RFC 2253: "CN=alice,O=Ashlar".
std::string subject_of(const X509* certificate);
/// Hex SHA-256 of the DER form, lower case.
std::string fingerprint_of(const X509* certificate);

/// What OpenSSL says about its last failure; clears the queue.
std::string openssl_reason();

/// The first of its kind in a PEM file. not_found and the like: the file; invalid_argument: its contents.
Result<Certificate> read_certificate(const std::string& file);
Result<Key> read_key(const std::string& file);
Result<RevocationList> read_revocation_list(const std::string& file);

}  // namespace ashlar::http
