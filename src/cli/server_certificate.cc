#include "cli/server_certificate.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <memory>

namespace ashlar::cli {
namespace {

constexpr std::chrono::seconds longest_handshake{10};

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
struct FreeChain {
  void operator()(BIO* chain) const { BIO_free_all(chain); }
};
struct FreeCertificate {
  void operator()(X509* certificate) const { X509_free(certificate); }
};
using Context = std::unique_ptr<SSL_CTX, FreeContext>;
using Chain = std::unique_ptr<BIO, FreeChain>;
using Certificate = std::unique_ptr<X509, FreeCertificate>;

std::string host_and_port(std::string_view url) {
  if (url.starts_with("https://")) url.remove_prefix(8);
  return std::string(url.substr(0, url.find('/')));
}

// Waits for what a BIO wants to do next, until `end`.
bool wait_for(BIO* chain, std::chrono::steady_clock::time_point end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  int descriptor = -1;
  if (BIO_get_fd(chain, &descriptor) < 0 || descriptor < 0) return false;
  const bool reads = BIO_should_read(chain) != 0;
  pollfd wanted{descriptor, static_cast<short>(reads ? POLLIN : POLLOUT), 0};
  return ::poll(&wanted, 1, static_cast<int>(left.count())) > 0;
}

}  // namespace

Result<std::string> server_fingerprint(const std::string& url) {
  const Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return fail(ErrorCode::exhausted, url, "no memory for TLS");
  SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE,
                     nullptr);  // whoever it is: a person judges the fingerprint
  const Chain chain(BIO_new_ssl_connect(context.get()));
  if (chain == nullptr) return fail(ErrorCode::exhausted, url, "no memory for TLS");
  std::string peer = host_and_port(url);  // OpenSSL takes it as char*, and copies
  BIO_set_conn_hostname(chain.get(), peer.data());
  BIO_set_nbio(chain.get(), 1);
  const auto end = std::chrono::steady_clock::now() + longest_handshake;
  while (BIO_do_handshake(chain.get()) <= 0) {
    if (BIO_should_retry(chain.get()) == 0)
      return fail(ErrorCode::closed, url, "nobody speaks TLS 1.3 there");
    if (!wait_for(chain.get(), end)) return fail(ErrorCode::timed_out, url, "no answer within {}", "10 s");
  }
  SSL* session = nullptr;
  BIO_get_ssl(chain.get(), &session);
  const Certificate certificate(session == nullptr ? nullptr : SSL_get1_peer_certificate(session));
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  if (certificate == nullptr || X509_digest(certificate.get(), EVP_sha256(), digest.data(), &length) != 1) {
    return fail(ErrorCode::protocol_error, url, "it shows no certificate");
  }
  std::string hex;
  for (unsigned i = 0; i < length; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

}  // namespace ashlar::cli
