// A real server on a free port and on a unix socket, with certificates of its own, and clients for it.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "base/log.h"
#include "http/certificates.h"
#include "http/client.h"
#include "http/raw_peer_test.h"
#include "http/server.h"

namespace ashlar::http {

inline std::string new_folder() {
  std::string path = std::filesystem::temp_directory_path() / "ashlar_http_test.XXXXXX";
  return ::mkdtemp(path.data()) != nullptr ? path : std::string();
}

class ServerWorld : public testing::Test {
 protected:
  ServerWorld() : folder_(new_folder()), files_(certificate_files(folder_ + "/tls")) {
    set_log_level(LogLevel::error);
    const auto made = ensure_certificates(folder_ + "/tls", {"localhost", "127.0.0.1"});
    EXPECT_TRUE(made) << made.error().text();
    options_.address = "127.0.0.1";
    options_.port = 0;
    options_.certificate_file = files_.server_certificate;
    options_.key_file = files_.server_key;
    options_.client_ca_file = files_.ca_certificate;
    options_.client_crl_file = files_.revocation_list;
    options_.unix_socket = folder_ + "/socket";
    options_.workers = 4;
  }
  ~ServerWorld() override {
    std::filesystem::remove_all(folder_);
    set_log_level(LogLevel::info);
  }

  /// Before what the handlers refer to dies.
  void TearDown() override {
    if (server_) server_->stop();
    server_.reset();
  }

  void start(Handler handler) {
    auto started = Server::start(options_, std::move(handler));
    ASSERT_TRUE(started) << started.error().text();
    server_ = std::move(*started);
  }
  ClientOptions client_options() const {
    ClientOptions options;
    options.base_url = "https://127.0.0.1:" + std::to_string(server_->port());
    options.ca_file = files_.ca_certificate;
    return options;
  }
  Client client() const { return Client(client_options()); }
  Client local_client() const {
    ClientOptions options;
    options.base_url = "http://localhost";
    options.unix_socket = options_.unix_socket;
    return Client(options);
  }
  std::string write_file(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
    return folder_ + "/" + name;
  }

  const std::string folder_;
  const CertificateFiles files_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

/// Says back what it was asked.
inline Response echo(const Request& request) {
  Response response;
  response.headers = {{"Content-Type", "text/plain"}};
  response.body = request.method + " " + request.path + "\n" + request.body;
  return response;
}

}  // namespace ashlar::http
