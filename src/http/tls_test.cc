// Who trusts whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "http/certificate_builder.h"
#include "http/server_world_test.h"
#include "http/x509.h"

namespace ashlar::http {
namespace {

using testing::HasSubstr;

class Tls : public ServerWorld {
 protected:
  Tls() {
    EXPECT_TRUE(ensure_certificates(folder_ + "/other", {"localhost"}));
    authority_ = {std::move(*read_certificate(files_.ca_certificate)), std::move(*read_key(files_.ca_key))};
  }
  void start_asking_who() {
    start([](const Request& request) { return Response{.body = request.peer.certificate_subject}; });
  }
  ClientOptions with(const std::string& certificate_pem, const std::string& key_pem) const {
    ClientOptions options = client_options();
    options.certificate_file = write_file("client.pem", certificate_pem);
    options.key_file = write_file("client.key", key_pem);
    return options;
  }
  ClientOptions with(const IssuedCertificate& issued) const {
    return with(issued.certificate_pem, issued.key_pem);
  }
  /// A client's certificate of our CA, after `change` has been at it.
  template <typename Change>
  ClientOptions with_changed(Change change) {
    const auto key = make_key();
    const auto certificate = make_certificate({Purpose::client, "mallory", 1, {}}, key->get(), &authority_);
    change(certificate->get());
    EXPECT_NE(X509_sign(certificate->get(), authority_.key.get(), EVP_sha256()), 0);
    return with(*pem_of(certificate->get()), *pem_of(key->get()));
  }
  static void expect_denied(const ClientOptions& options, const std::string& words) {
    const auto answer = Client(options).call("GET", "/");
    ASSERT_FALSE(answer) << words;
    EXPECT_EQ(answer.error().code, ErrorCode::permission_denied) << answer.error().text();
    EXPECT_THAT(answer.error().message, HasSubstr(words));
  }

  Authority authority_;
};

TEST_F(Tls, NoCertificateIsANamelessClient) {
  start_asking_who();
  const auto answer = client().call("GET", "/");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "");
}

TEST_F(Tls, AGoodOneGivesItsName) {
  start_asking_who();
  const auto issued = issue_client_certificate(folder_ + "/tls", "alice", 30);
  ASSERT_TRUE(issued);
  const auto answer = Client(with(*issued)).call("GET", "/");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "CN=alice,O=Ashlar");
  EXPECT_EQ(answer->body, issued->subject);
}

TEST_F(Tls, BadOnesEndTheHandshake) {
  start_asking_who();
  const auto foreign = issue_client_certificate(folder_ + "/other", "alice", 30);
  ASSERT_TRUE(foreign);
  expect_denied(with(*foreign), "CA of your certificate");

  ClientOptions servers = client_options();
  servers.certificate_file = files_.server_certificate;
  servers.key_file = files_.server_key;
  expect_denied(servers, "not for clients");

  expect_denied(with_changed([](X509* certificate) {
                  X509_EXTENSION_free(
                      X509_delete_ext(certificate, X509_get_ext_by_NID(certificate, NID_ext_key_usage, -1)));
                }),
                "not for clients");
  expect_denied(
      with_changed([](X509* certificate) { X509_gmtime_adj(X509_getm_notAfter(certificate), -60); }),
      "expired");
  EXPECT_EQ(client().call("GET", "/")->status, 200);
}

TEST_F(Tls, ARevokedOneCountsUntilTheReload) {
  start_asking_who();
  const auto alice = issue_client_certificate(folder_ + "/tls", "alice", 30);
  ASSERT_TRUE(alice);
  const ClientOptions options = with(*alice);
  EXPECT_EQ(Client(options).call("GET", "/")->body, alice->subject);
  ASSERT_TRUE(revoke_certificate(folder_ + "/tls", alice->serial));
  ASSERT_TRUE(server_->reload_certificates());
  expect_denied(options, "revoked");
  const auto bob = issue_client_certificate(folder_ + "/tls", "bob", 30);
  EXPECT_EQ(Client(with(*bob)).call("GET", "/")->body, "CN=bob,O=Ashlar");
}

TEST_F(Tls, WithoutAClientAuthorityNobodyHasAName) {
  options_.client_ca_file.clear();
  options_.client_crl_file.clear();
  start_asking_who();
  const auto alice = issue_client_certificate(folder_ + "/tls", "alice", 30);
  const auto answer = Client(with(*alice)).call("GET", "/");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "");
}

TEST_F(Tls, TheClientTrustsTheRightServerOnly) {
  start_asking_who();
  ClientOptions options = client_options();
  options.ca_file = folder_ + "/other/ca.pem";
  expect_denied(options, "not trusted");
  options.ca_file.clear();  // the system's CAs
  expect_denied(options, "not trusted");
  options = client_options();
  options.ca_file = "/nonexistent.pem";
  expect_denied(options, "CA file");
  options.ca_file = files_.ca_certificate;
  options.base_url = "https://localhost:" + std::to_string(server_->port());
  EXPECT_TRUE(Client(options).call("GET", "/"));
  options.certificate_file = "/nonexistent.pem";
  expect_denied(options, "your certificate");
}

TEST_F(Tls, ANameThatTheCertificateLacksIsNotTrusted) {
  const std::string folder = folder_ + "/tls";
  std::filesystem::remove(files_.server_certificate);
  ASSERT_TRUE(ensure_certificates(folder, {"array1.example"}));
  start_asking_who();
  expect_denied(client_options(), "not trusted");
}

TEST_F(Tls, AnExpiredServerIsNotTrusted) {
  const auto certificate = read_certificate(files_.server_certificate);
  X509_gmtime_adj(X509_getm_notAfter(certificate->get()), -60);
  ASSERT_NE(X509_sign(certificate->get(), authority_.key.get(), EVP_sha256()), 0);
  options_.certificate_file = write_file("expired.pem", *pem_of(certificate->get()));
  start_asking_who();
  expect_denied(client_options(), "expired");
}

TEST_F(Tls, APinStandsForTheChain) {
  start_asking_who();
  ClientOptions options = client_options();
  options.ca_file.clear();
  options.pinned_sha256 = *certificate_fingerprint(files_.server_certificate);
  const auto answer = Client(options).call("GET", "/");
  ASSERT_TRUE(answer) << answer.error().text();
  std::string colons;
  for (size_t at = 0; at < 64; at += 2) {
    for (const char digit : options.pinned_sha256.substr(at, 2))
      colons += static_cast<char>(::toupper(digit));
    colons += at < 62 ? ":" : "";
  }
  options.pinned_sha256 = colons;
  EXPECT_TRUE(Client(options).call("GET", "/"));
  options.pinned_sha256[0] = options.pinned_sha256[0] == '0' ? '1' : '0';
  expect_denied(options, "not trusted");
  options.pinned_sha256 = *certificate_fingerprint(files_.ca_certificate);
  expect_denied(options, "not trusted");
  options.ca_file = files_.ca_certificate;  // a wrong pin is not mended by a right CA
  expect_denied(options, "not trusted");
}

TEST_F(Tls, AReloadIsForNewConnections) {
  start_asking_who();
  ClientOptions options = client_options();
  options.ca_file.clear();
  options.pinned_sha256 = *certificate_fingerprint(files_.server_certificate);
  Client old(options);
  ASSERT_TRUE(old.call("GET", "/"));
  ASSERT_TRUE(*ensure_certificates(folder_ + "/tls", {"127.0.0.1", "array1"}));
  ASSERT_TRUE(server_->reload_certificates());
  EXPECT_TRUE(old.call("GET", "/"));  // on the connection that it has
  expect_denied(options, "not trusted");
  options.pinned_sha256 = *certificate_fingerprint(files_.server_certificate);
  EXPECT_TRUE(Client(options).call("GET", "/"));
  // A broken one changes nothing.
  write_file("tls/server.pem", "nonsense");
  EXPECT_FALSE(server_->reload_certificates());
  EXPECT_TRUE(Client(options).call("GET", "/"));
}

/// True when a handshake of at most `version` succeeds; no certificate is checked.
bool shakes_hands(uint16_t port, int version) {
  const SslContext context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_max_proto_version(context.get(), version);
  const Bio bio(BIO_new_ssl_connect(context.get()));
  std::string name = "127.0.0.1:" + std::to_string(port);
  BIO_set_conn_hostname(bio.get(), name.data());
  return BIO_do_handshake(bio.get()) == 1;
}

TEST_F(Tls, OldVersionsAreRefused) {
  start_asking_who();
  EXPECT_TRUE(shakes_hands(server_->port(), TLS1_3_VERSION));
  EXPECT_FALSE(shakes_hands(server_->port(), TLS1_2_VERSION));
  EXPECT_FALSE(shakes_hands(server_->port(), TLS1_1_VERSION));
}

TEST_F(Tls, PlainHttpAtItsPortIsNoAnswer) {
  start_asking_who();
  ClientOptions options = client_options();
  options.base_url.replace(0, 5, "http");
  EXPECT_FALSE(Client(options).call("GET", "/"));
  EXPECT_TRUE(client().call("GET", "/"));
}

}  // namespace
}  // namespace ashlar::http
