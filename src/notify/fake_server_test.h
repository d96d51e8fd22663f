// A TCP server on loopback for tests: each connection is played by a script, with TLS when the script starts it.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include "base/check.h"

namespace ashlar::notify {

/// A self-made certificate for 127.0.0.1, which is its own CA; PEM files in the tests' folder.
struct TestCertificate {
  std::string certificate_file, key_file;

  TestCertificate() {
    const std::string stem = fmt::format("{}notify_test_{}", testing::TempDir(), ::getpid());
    certificate_file = stem + ".crt";
    key_file = stem + ".key";
    EVP_PKEY* key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
    X509* certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86'400);
    X509_set_pubkey(certificate, key);
    X509_NAME* name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1,
                               -1, 0);
    X509_set_issuer_name(certificate, name);
    add_extension(certificate, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(certificate, NID_subject_alt_name, "IP:127.0.0.1");
    X509_sign(certificate, key, EVP_sha256());
    write(certificate_file, [&](FILE* file) { PEM_write_X509(file, certificate); });
    write(key_file,
          [&](FILE* file) { PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr); });
    X509_free(certificate);
    EVP_PKEY_free(key);
  }
  TestCertificate(const TestCertificate&) = delete;
  ~TestCertificate() {
    std::remove(certificate_file.c_str());
    std::remove(key_file.c_str());
  }

 private:
  static void add_extension(X509* certificate, int nid, const char* value) {
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, nid, value);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  static void write(const std::string& path, const std::function<void(FILE*)>& writer) {
    FILE* file = std::fopen(path.c_str(), "w");
    CHECK(file != nullptr);
    writer(file);
    std::fclose(file);
  }
};

class FakeConnection {
 public:
  explicit FakeConnection(int socket) : socket_(socket) {
    const timeval patience{30, 0};  // a script that waits for what never comes ends all the same
    ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  FakeConnection(const FakeConnection&) = delete;
  ~FakeConnection() {
    if (tls_ != nullptr) SSL_free(tls_);
    if (context_ != nullptr) SSL_CTX_free(context_);
    ::close(socket_);
  }

  bool start_tls(const TestCertificate& certificate) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_file(context_, certificate.certificate_file.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(context_, certificate.key_file.c_str(), SSL_FILETYPE_PEM);
    tls_ = SSL_new(context_);
    SSL_set_fd(tls_, socket_);
    return SSL_accept(tls_) == 1;
  }
  void write(std::string_view text) {
    if (tls_ != nullptr) {
      SSL_write(tls_, text.data(), static_cast<int>(text.size()));
    } else {
      ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
    }
  }
  /// Without its CRLF; empty at the end.
  std::string line() {
    size_t end = 0;
    while ((end = received_.find("\r\n")) == std::string::npos) {
      if (!receive()) return std::exchange(received_, "");
    }
    std::string line = received_.substr(0, end);
    received_.erase(0, end + 2);
    return line;
  }
  std::string bytes(size_t count) {
    while (received_.size() < count && receive()) {
    }
    std::string taken = received_.substr(0, count);
    received_.erase(0, taken.size());
    return taken;
  }
  std::string all() {
    while (receive()) {
    }
    return std::exchange(received_, "");
  }
  /// Close with a reset.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  bool receive() {
    char chunk[4096];
    const ssize_t got =
        tls_ != nullptr ? SSL_read(tls_, chunk, sizeof chunk) : ::recv(socket_, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    received_.append(chunk, static_cast<size_t>(got));
    return true;
  }

  int socket_;
  SSL_CTX* context_ = nullptr;
  SSL* tls_ = nullptr;
  std::string received_;
};

/// A port of loopback where nobody listens.
inline uint16_t free_port(int type = SOCK_STREAM) {
  const int socket = ::socket(AF_INET, type, 0);
  CHECK(socket >= 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  CHECK(::bind(socket, reinterpret_cast<sockaddr*>(&address), length) == 0);
  ::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  ::close(socket);
  return ntohs(address.sin_port);
}

class FakeServer {
 public:
  using Script = std::function<void(FakeConnection&, int number)>;

  explicit FakeServer(Script script) : script_(std::move(script)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), length), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  FakeServer(const FakeServer&) = delete;
  ~FakeServer() { stop(); }

  uint16_t port() const { return port_; }
  /// Waits for the script of the last connection: what it wrote down may be read then.
  void stop() {
    if (!thread_.joinable()) return;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }

 private:
  void serve() {
    sigset_t pipe;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    for (int number = 0;; ++number) {
      const int socket = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (socket < 0) return;
      FakeConnection connection(socket);
      script_(connection, number);
    }
  }

  Script script_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::thread thread_;
};

}  // namespace ashlar::notify
