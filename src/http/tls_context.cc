#include "http/tls_context.h"

#include <openssl/err.h>

namespace ashlar::http {
namespace {

/// OpenSSL takes a certificate without extended key usage for any purpose; ours must say clientAuth (RFC 5280 4.2.1.12).
int check_client_certificate(int good, X509_STORE_CTX* context) {
  if (good == 0 || X509_STORE_CTX_get_error_depth(context) != 0) return good;
  X509* certificate = X509_STORE_CTX_get_current_cert(context);
  if ((X509_get_extension_flags(certificate) & EXFLAG_XKUSAGE) != 0 &&
      (X509_get_extended_key_usage(certificate) & XKU_SSL_CLIENT) != 0)
    return good;
  X509_STORE_CTX_set_error(context, X509_V_ERR_INVALID_PURPOSE);
  return 0;
}

Result<void> load_identity(SSL_CTX* context, const ServerOptions& options) {
  TRY(read_certificate(options.certificate_file));
  TRY_ASSIGN(const Key key, read_key(options.key_file));
  if (SSL_CTX_use_certificate_chain_file(context, options.certificate_file.c_str()) != 1)
    return fail(ErrorCode::invalid_argument, "certificate_file", "{} cannot be used: {}",
                options.certificate_file, openssl_reason());
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1 || SSL_CTX_check_private_key(context) != 1)
    return fail(ErrorCode::invalid_argument, "key_file", "{} is not the key of {} ({})", options.key_file,
                options.certificate_file, openssl_reason());
  return {};
}

Result<void> load_client_authority(SSL_CTX* context, const ServerOptions& options) {
  if (options.client_ca_file.empty()) {
    if (!options.client_crl_file.empty())
      return fail(ErrorCode::invalid_argument, "client_crl_file", "needs client_ca_file too");
    return {};
  }
  TRY(read_certificate(options.client_ca_file));
  if (SSL_CTX_load_verify_file(context, options.client_ca_file.c_str()) != 1)
    return fail(ErrorCode::invalid_argument, "client_ca_file", "{} cannot be used: {}",
                options.client_ca_file, openssl_reason());
  // The names are a hint to the client which of its certificates to show.
  SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(options.client_ca_file.c_str()));
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, &check_client_certificate);
  SSL_CTX_set_verify_depth(context, 4);
  if (options.client_crl_file.empty()) return {};
  TRY_ASSIGN(const RevocationList list, read_revocation_list(options.client_crl_file));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  if (X509_STORE_add_crl(store, list.get()) != 1 || X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK) != 1)
    return fail(ErrorCode::invalid_argument, "client_crl_file", "{} cannot be used: {}",
                options.client_crl_file, openssl_reason());
  return {};
}

}  // namespace

Result<SslContext> make_tls_context(const ServerOptions& options) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(ErrorCode::exhausted, "tls", "no TLS context: {}", openssl_reason());
  if (SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(context.get(), TLS1_3_VERSION) != 1)
    return fail(ErrorCode::unsupported, "tls", "this OpenSSL has no TLS 1.3: {}", openssl_reason());
  // A resumed session would keep a client's certificate alive past its revocation.
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(context.get(), 0);
  SSL_CTX_set_options(context.get(),
                      SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  TRY(load_identity(context.get(), options));
  TRY(load_client_authority(context.get(), options));
  return context;
}

}  // namespace ashlar::http
