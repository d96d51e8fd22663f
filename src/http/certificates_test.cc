#include "http/certificates.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "http/certificate_builder.h"
#include "http/server_world_test.h"
#include "http/x509.h"

namespace ashlar::http {
namespace {

class Certificates : public testing::Test {
 protected:
  Certificates() : base_(new_folder()), folder_(base_ + "/a/tls"), files_(certificate_files(folder_)) {
    set_log_level(LogLevel::error);
  }
  ~Certificates() override {
    std::filesystem::remove_all(base_);
    set_log_level(LogLevel::info);
  }
  static std::string text_of(const std::string& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }
  static unsigned mode_of(const std::string& file) {
    struct stat there{};
    return ::stat(file.c_str(), &there) == 0 ? there.st_mode & 0777u : 0;
  }
  /// Of the server's certificate, as it stands against the CA.
  bool chain_is_good() const {
    const auto authority = read_certificate(files_.ca_certificate);
    const auto server = read_certificate(files_.server_certificate);
    if (!authority || !server) return false;
    const std::unique_ptr<X509_STORE, Released<X509_STORE_free>> store(X509_STORE_new());
    const std::unique_ptr<X509_STORE_CTX, Released<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
    X509_STORE_add_cert(store.get(), authority->get());
    X509_STORE_CTX_init(context.get(), store.get(), server->get(), nullptr);
    X509_STORE_CTX_set_default(context.get(), "ssl_server");
    X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_X509_STRICT);
    return X509_verify_cert(context.get()) == 1;
  }

  const std::string base_, folder_;
  const CertificateFiles files_;
};

TEST_F(Certificates, AreMadeOnce) {
  const std::vector<std::string> names = {"array1.example", "192.0.2.7", "2001:db8::7"};
  const auto first = ensure_certificates(folder_, names);
  ASSERT_TRUE(first) << first.error().text();
  EXPECT_TRUE(*first);
  EXPECT_TRUE(chain_is_good());
  EXPECT_EQ(mode_of(folder_), 0700u);
  EXPECT_EQ(mode_of(files_.ca_key), 0600u);
  EXPECT_EQ(mode_of(files_.server_key), 0600u);
  const std::string before = text_of(files_.server_certificate) + text_of(files_.ca_certificate);
  const auto second = ensure_certificates(folder_, {"192.0.2.7", "ARRAY1.example"});
  ASSERT_TRUE(second);
  EXPECT_FALSE(*second);
  EXPECT_EQ(text_of(files_.server_certificate) + text_of(files_.ca_certificate), before);
  for (const auto& entry : std::filesystem::directory_iterator(folder_))
    EXPECT_NE(entry.path().extension(), ".new");
}

TEST_F(Certificates, TheAuthorityIsOnlyThat) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  const auto authority = read_certificate(files_.ca_certificate);
  const auto server = read_certificate(files_.server_certificate);
  EXPECT_EQ(X509_check_ca(authority->get()), 1);
  EXPECT_EQ(X509_get_key_usage(authority->get()), unsigned{KU_KEY_CERT_SIGN | KU_CRL_SIGN});
  EXPECT_EQ(X509_check_ca(server->get()), 0);
  EXPECT_EQ(X509_get_extended_key_usage(server->get()), unsigned{XKU_SSL_SERVER});
  EXPECT_GE(serial_of(server->get()).size(), 32u);
  EXPECT_NE(serial_of(server->get()), serial_of(authority->get()));
  // Another array's CA has another name.
  ASSERT_TRUE(ensure_certificates(base_ + "/b", {"localhost"}));
  EXPECT_NE(subject_of(authority->get()), subject_of(read_certificate(base_ + "/b/ca.pem")->get()));
}

TEST_F(Certificates, TheServersIsMadeAgainWhenItMust) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  EXPECT_TRUE(*ensure_certificates(folder_, {"localhost", "array1"}));
  EXPECT_TRUE(chain_is_good());

  std::filesystem::remove(files_.server_key);
  EXPECT_TRUE(*ensure_certificates(folder_, {"localhost"}));
  std::ofstream(files_.server_certificate) << "nonsense";
  EXPECT_TRUE(*ensure_certificates(folder_, {"localhost"}));
  // One of another CA.
  ASSERT_TRUE(ensure_certificates(base_ + "/b", {"localhost"}));
  for (const char* name : {"/server.pem", "/server.key"})
    std::filesystem::copy_file(base_ + "/b" + name, folder_ + name,
                               std::filesystem::copy_options::overwrite_existing);
  EXPECT_TRUE(*ensure_certificates(folder_, {"localhost"}));
  EXPECT_TRUE(chain_is_good());
  EXPECT_FALSE(*ensure_certificates(folder_, {"localhost"}));
}

TEST_F(Certificates, OneThatEndsSoonIsRenewed) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  const auto authority_key = read_key(files_.ca_key);
  const auto certificate = read_certificate(files_.server_certificate);
  X509_time_adj_ex(X509_getm_notAfter(certificate->get()), 29, 0, nullptr);
  ASSERT_NE(X509_sign(certificate->get(), authority_key->get(), EVP_sha256()), 0);
  std::ofstream(files_.server_certificate) << *pem_of(certificate->get());
  EXPECT_TRUE(*ensure_certificates(folder_, {"localhost"}));
}

TEST_F(Certificates, ALostKeyIsNotReplacedInSilence) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  std::filesystem::remove(files_.ca_key);
  const auto again = ensure_certificates(folder_, {"localhost"});
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::not_found);
  EXPECT_EQ(again.error().place, files_.ca_key);
  ASSERT_TRUE(ensure_certificates(base_ + "/b", {"localhost"}));
  std::filesystem::copy_file(base_ + "/b/ca.key", files_.ca_key);
  EXPECT_EQ(ensure_certificates(folder_, {"localhost"}).error().code, ErrorCode::invalid_argument);
}

TEST_F(Certificates, AnEndedStartIsGoneOnWith) {
  // The key is written first: a crash after it leaves it alone.
  std::filesystem::create_directories(folder_);
  std::ofstream(files_.ca_key) << "half a key";
  std::ofstream(files_.ca_certificate + ".new") << "half a certificate";
  EXPECT_TRUE(ensure_certificates(folder_, {"localhost"}));
  EXPECT_TRUE(chain_is_good());
  EXPECT_EQ(mode_of(files_.ca_key), 0600u);
  EXPECT_EQ(mode_of(folder_), 0700u);
}

TEST_F(Certificates, NamesAreChecked) {
  EXPECT_EQ(ensure_certificates(folder_, {}).error().place, "names");
  for (const char* name : {"", "a,IP:1.2.3.4", "two words", "a\nb", "r\xc3\xa4tsel", "300.1.1.1/24"})
    EXPECT_FALSE(ensure_certificates(folder_, {name})) << name;
  EXPECT_TRUE(ensure_certificates(folder_, {std::string(63, 'a') + ".example.org"}));
  EXPECT_FALSE(ensure_certificates(folder_, std::vector<std::string>(101, "a")));
}

TEST_F(Certificates, AClientsIsForAClient) {
  EXPECT_FALSE(issue_client_certificate(folder_, "alice", 30));
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  const auto issued = issue_client_certificate(folder_, "alice", 30);
  ASSERT_TRUE(issued) << issued.error().text();
  EXPECT_EQ(issued->subject, "CN=alice,O=Ashlar");
  const std::string file = base_ + "/alice.pem";
  std::ofstream(file) << issued->certificate_pem;
  EXPECT_EQ(*certificate_fingerprint(file), issued->fingerprint);
  EXPECT_EQ(issued->fingerprint.size(), 64u);
  const auto certificate = read_certificate(file);
  EXPECT_EQ(serial_of(certificate->get()), issued->serial);
  EXPECT_EQ(X509_get_extended_key_usage(certificate->get()), unsigned{XKU_SSL_CLIENT});
  EXPECT_TRUE(issued->key_pem.starts_with("-----BEGIN PRIVATE KEY-----"));
  // What looks like more of a name stays one.
  EXPECT_EQ(issue_client_certificate(folder_, "a,O=b", 1)->subject, "CN=a\\,O=b,O=Ashlar");
  for (const std::string& name :
       {std::string(), std::string(65, 'a'), std::string("a\nb"), std::string("\xff")})
    EXPECT_EQ(issue_client_certificate(folder_, name, 1).error().place, "common_name");
  for (const int days : {0, -1, 3651})
    EXPECT_EQ(issue_client_certificate(folder_, "a", days).error().code, ErrorCode::out_of_range);
}

TEST_F(Certificates, RevocationsAddUp) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  const auto alice = issue_client_certificate(folder_, "alice", 30);
  const auto bob = issue_client_certificate(folder_, "bob", 30);
  ASSERT_TRUE(revoke_certificate(folder_, alice->serial));
  ASSERT_TRUE(revoke_certificate(folder_, bob->serial));
  const std::string before = text_of(files_.revocation_list);
  ASSERT_TRUE(revoke_certificate(folder_, alice->serial));
  EXPECT_EQ(text_of(files_.revocation_list), before);
  const auto list = read_revocation_list(files_.revocation_list);
  EXPECT_EQ(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list->get())), 2);
  EXPECT_EQ(X509_CRL_verify(list->get(), read_key(files_.ca_key)->get()), 1);
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  EXPECT_EQ(text_of(files_.revocation_list), before);
  for (const char* serial : {"", "xyz", "-1", "0123456789012345678901234567890123456789a"})
    EXPECT_EQ(revoke_certificate(folder_, serial).error().place, "serial") << serial;
}

TEST_F(Certificates, ABrokenListIsNotEmptied) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  std::ofstream(files_.revocation_list) << "nonsense";
  EXPECT_EQ(ensure_certificates(folder_, {"localhost"}).error().place, files_.revocation_list);
  EXPECT_FALSE(revoke_certificate(folder_, "01"));
}

TEST_F(Certificates, AListThatEndsWithinAYearIsSignedAnew) {
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  const auto alice = issue_client_certificate(folder_, "alice", 30);
  ASSERT_TRUE(revoke_certificate(folder_, alice->serial));
  const auto list = read_revocation_list(files_.revocation_list);
  const std::unique_ptr<ASN1_TIME, Released<ASN1_TIME_free>> soon(X509_time_adj_ex(nullptr, 300, 0, nullptr));
  X509_CRL_set1_nextUpdate(list->get(), soon.get());
  ASSERT_NE(X509_CRL_sign(list->get(), read_key(files_.ca_key)->get(), EVP_sha256()), 0);
  std::ofstream(files_.revocation_list) << *pem_of(list->get());
  ASSERT_TRUE(ensure_certificates(folder_, {"localhost"}));
  const auto fresh = read_revocation_list(files_.revocation_list);
  EXPECT_GT(ASN1_TIME_compare(X509_CRL_get0_nextUpdate(fresh->get()), soon.get()), 0);
  EXPECT_EQ(sk_X509_REVOKED_num(X509_CRL_get_REVOKED(fresh->get())), 1);
}

TEST_F(Certificates, AFileInTheWayIsAnError) {
  std::filesystem::create_directories(base_ + "/a");
  std::ofstream(folder_) << "";
  EXPECT_FALSE(ensure_certificates(folder_, {"localhost"}));
  EXPECT_EQ(certificate_fingerprint("/nonexistent.pem").error().code, ErrorCode::not_found);
  EXPECT_EQ(certificate_fingerprint(folder_).error().code, ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace ashlar::http
