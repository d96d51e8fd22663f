#include "tls/library.h"

#include <memory>

#include "tls/session.h"

namespace ashlar::tls {
namespace {

// Named curves that are quick: what a handshake costs a shard is bounded by them. Nobody without a key gets to them: the key is
// proved by the ClientHello (RFC 8446 4.2.11.2).
constexpr std::string_view groups = "X25519:P-256:P-384";
constexpr char suites[] = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384";
// Several records in one receive.
constexpr size_t read_buffer_bytes = 65536;

Session& session_of(SSL* ssl) { return *static_cast<Session*>(SSL_get_app_data(ssl)); }

int read_carrier(BIO* bio, char* to, int bytes) {
  BIO_clear_retry_flags(bio);
  if (bytes <= 0) return 0;
  const int64_t count = static_cast<Session*>(BIO_get_data(bio))
                            ->take_from_carrier(reinterpret_cast<uint8_t*>(to), static_cast<size_t>(bytes));
  if (count < 0) BIO_set_retry_read(bio);
  return static_cast<int>(count);
}

int write_carrier(BIO* bio, const char* from, int bytes) {
  BIO_clear_retry_flags(bio);
  if (bytes <= 0) return 0;
  if (static_cast<Session*>(BIO_get_data(bio))
          ->append_outgoing({reinterpret_cast<const uint8_t*>(from), static_cast<size_t>(bytes)}))
    return bytes;
  BIO_set_retry_write(bio);
  return -1;
}

long control_carrier(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return static_cast<Session*>(BIO_get_data(bio))->carrier_is_over() ? 1 : 0;
  return 0;
}

int create_carrier(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

const BIO_METHOD* carrier_method() {
  static const std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> method = [] {
    std::unique_ptr<BIO_METHOD, decltype(&BIO_meth_free)> made(
        BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream"), &BIO_meth_free);
    if (made == nullptr) return made;
    BIO_meth_set_read(made.get(), read_carrier);
    BIO_meth_set_write(made.get(), write_carrier);
    BIO_meth_set_ctrl(made.get(), control_carrier);
    BIO_meth_set_create(made.get(), create_carrier);
    return made;
  }();
  return method.get();
}

// The key is chosen here, before the cipher suite, as only the suite of its hash goes with it.
int hello_arrived(SSL* ssl, int* alert, void* /*unused*/) {
  Session& session = session_of(ssl);
  const unsigned char* bytes = nullptr;
  size_t length = 0;
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_supported_versions, &bytes, &length) != 1) {
    session.note("the host does not speak TLS 1.3");
    *alert = SSL_AD_PROTOCOL_VERSION;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_psk, &bytes, &length) != 1) {
    session.note("the host offers no pre-shared key");
    *alert = TLS13_AD_MISSING_EXTENSION;
    return SSL_CLIENT_HELLO_ERROR;
  }
  if (!session.choose({bytes, length})) {
    *alert = SSL_AD_UNKNOWN_PSK_IDENTITY;
    return SSL_CLIENT_HELLO_ERROR;
  }
  return SSL_set_ciphersuites(ssl, suite_of(session.chosen()->hash)) == 1 ? SSL_CLIENT_HELLO_SUCCESS
                                                                          : SSL_CLIENT_HELLO_ERROR;
}

int find_psk(SSL* ssl, const unsigned char* identity, size_t length, SSL_SESSION** found) {
  const Session& session = session_of(ssl);
  *found = nullptr;
  if (!session.chosen() || session.chosen()->identity != text_of({identity, length})) return 1;
  *found = session.make_ticket();
  return *found == nullptr ? 0 : 1;
}

int use_psk(SSL* ssl, const EVP_MD* digest, const unsigned char** identity, size_t* length,
            SSL_SESSION** used) {
  const Session& session = session_of(ssl);
  const TlsPsk& psk = *session.chosen();
  *used = nullptr;
  *length = 0;
  *identity = nullptr;
  const int wanted = psk.hash == PskHash::sha384 ? NID_sha384 : NID_sha256;
  if (digest != nullptr && EVP_MD_get_type(digest) != wanted) return 1;
  *used = session.make_ticket();
  if (*used == nullptr) return 0;
  *identity = reinterpret_cast<const unsigned char*>(psk.identity.data());
  *length = psk.identity.size();
  return 1;
}

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

Context make_context(bool server) {
  Context context(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()), &SSL_CTX_free);
  if (context == nullptr) return context;
  SSL_CTX* const made = context.get();
  if (SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_max_proto_version(made, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(made, suites) != 1 ||
      SSL_CTX_set1_groups_list(made, std::string(groups).data()) != 1) {
    context.reset();
    return context;
  }
  // Each connection proves the key anew: a ticket would outlive a key that was taken away.
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(made, 0);
  SSL_CTX_set_options(made, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(
      made, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(made, 1);
  SSL_CTX_set_default_read_buffer_len(made, read_buffer_bytes);
  if (server) {
    SSL_CTX_set_client_hello_cb(made, hello_arrived, nullptr);
    SSL_CTX_set_psk_find_session_callback(made, find_psk);
  } else {
    // Who answers without the key, by a certificate, is not believed.
    SSL_CTX_set_verify(made, SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_psk_use_session_callback(made, use_psk);
  }
  return context;
}

}  // namespace

SSL_CTX* library_context(bool server) {
  static const Context of_servers = make_context(true);
  static const Context of_clients = make_context(false);
  return (server ? of_servers : of_clients).get();
}

BIO* make_carrier_bio(Session& session) {
  const BIO_METHOD* const method = carrier_method();
  BIO* const bio = method == nullptr ? nullptr : BIO_new(method);
  if (bio != nullptr) BIO_set_data(bio, &session);
  return bio;
}

const char* suite_of(PskHash hash) {
  return hash == PskHash::sha384 ? "TLS_AES_256_GCM_SHA384" : "TLS_AES_128_GCM_SHA256";
}

}  // namespace ashlar::tls
