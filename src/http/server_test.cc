#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "http/server_world_test.h"

namespace ashlar::http {
namespace {

using testing::HasSubstr;
using testing::Not;

class ServerTest : public ServerWorld {};

TEST_F(ServerTest, AnswersWithWhatTheHandlerSays) {
  start([](const Request& request) {
    Response response = echo(request);
    response.status = 201;
    response.headers.emplace_back("X-Query", *request.query_value("a b"));
    response.headers.emplace_back("X-Peer", request.peer.address);
    response.headers.emplace_back("X-Local", request.peer.local ? "yes" : "no");
    return response;
  });
  Client caller = client();
  for (int round = 0; round < 3; ++round) {
    const auto answer =
        caller.call("PATCH", "/api/v1/volumes/a%40b?a+b=c%26d", {{"X-Some", "thing"}}, "{\"a\":1}");
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 201);
    EXPECT_EQ(answer->body, "PATCH /api/v1/volumes/a@b\n{\"a\":1}");
    EXPECT_EQ(*find_header(answer->headers, "x-query"), "c&d");
    EXPECT_EQ(*find_header(answer->headers, "X-PEER"), "127.0.0.1");
    EXPECT_EQ(*find_header(answer->headers, "X-Local"), "no");
    EXPECT_EQ(*find_header(answer->headers, "Cache-Control"), "no-store");
    EXPECT_EQ(find_header(answer->headers, "Connection"), nullptr);
  }
}

TEST_F(ServerTest, TheUnixSocketKnowsItsPeer) {
  start([](const Request& request) {
    EXPECT_TRUE(request.peer.local);
    EXPECT_EQ(request.peer.user_id, ::getuid());
    EXPECT_TRUE(request.peer.address.empty());
    EXPECT_TRUE(request.peer.certificate_subject.empty());
    return echo(request);
  });
  const auto answer = local_client().call("GET", "/");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "GET /\n");
  struct stat there{};
  ASSERT_EQ(::stat(options_.unix_socket.c_str(), &there), 0);
  EXPECT_EQ(there.st_mode & 0777, 0666u);
}

TEST_F(ServerTest, EveryMethodComesThrough) {
  start([](const Request& request) {
    Response response = echo(request);
    if (request.path == "/empty") response.status = 204;
    return response;
  });
  Client caller = client();
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}) {
    const auto answer = caller.call(method, "/a");
    ASSERT_TRUE(answer) << method << ": " << answer.error().text();
    EXPECT_EQ(answer->body, std::string(method) + " /a\n");
  }
  const auto head = caller.call("HEAD", "/a");
  ASSERT_TRUE(head) << head.error().text();
  EXPECT_EQ(head->body, "");
  EXPECT_EQ(*find_header(head->headers, "Content-Length"), "8");
  const auto empty = caller.call("GET", "/empty");
  ASSERT_TRUE(empty) << empty.error().text();
  EXPECT_EQ(empty->status, 204);
  EXPECT_EQ(empty->body, "");
  EXPECT_EQ(find_header(empty->headers, "Content-Length"), nullptr);
  EXPECT_EQ(caller.call("GET", "/a")->status, 200);  // the connection still has its place
}

TEST_F(ServerTest, LargeBodiesBothWays) {
  start([](Request request) { return Response{.body = std::move(request.body)}; });
  std::string body(8u << 20, 'x');
  for (size_t at = 0; at < body.size(); at += 1000) body[at] = static_cast<char>(at / 1000);
  for (Client* caller : {new Client(client()), new Client(local_client())}) {
    const std::unique_ptr<Client> owner(caller);
    const auto answer =
        caller->call("PUT", "/", {}, body);  // with "Expect: 100-continue", which libcurl adds
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_TRUE(answer->body == body);
  }
}

std::mutex log_mutex;
std::string log_text;
void keep_log(LogLevel /*level*/, std::string_view /*component*/, std::string_view line) {
  const std::scoped_lock lock(log_mutex);
  log_text += line;
}

TEST_F(ServerTest, AHandlerThatThrowsIsA500WithItsCauseInTheLog) {
  set_log_sink(&keep_log);
  start([](const Request& request) -> Response {
    if (request.path == "/words") throw std::runtime_error("the disk is on fire");
    if (request.path == "/none") throw 7;
    if (request.path == "/header") return {.headers = {{"X", "a\r\nb"}}};
    if (request.path == "/status") return {.status = 101};
    return echo(request);
  });
  Client caller = client();
  for (const char* path : {"/words", "/none", "/header", "/status"}) {
    const auto answer = caller.call("GET", path);
    ASSERT_TRUE(answer) << answer.error().text();
    EXPECT_EQ(answer->status, 500);
    EXPECT_EQ(*find_header(answer->headers, "Content-Type"), "application/problem+json");
    EXPECT_THAT(answer->body, Not(HasSubstr("fire")));
  }
  EXPECT_EQ(caller.call("GET", "/")->status, 200);
  set_log_sink(nullptr);
  const std::scoped_lock lock(log_mutex);
  EXPECT_THAT(log_text, HasSubstr("GET /words failed: the disk is on fire"));
}

TEST_F(ServerTest, AHundredAtOnce) {
  std::atomic<int> asked = 0;
  start([&](const Request& request) {
    ++asked;
    return echo(request);
  });
  std::atomic<int> good = 0;
  std::vector<std::thread> callers;
  callers.reserve(100);
  for (int index = 0; index < 100; ++index) {
    callers.emplace_back([&, index] {
      const std::string path = "/" + std::to_string(index);
      const auto answer = client().call("POST", path, {}, "body");
      EXPECT_TRUE(answer) << answer.error().text();
      if (answer && answer->body == "POST " + path + "\nbody") ++good;
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(good, 100);
  EXPECT_EQ(asked, 100);
}

TEST_F(ServerTest, RequestsSentAheadAreAnsweredInOrder) {
  start(echo);
  std::string all;
  for (int index = 0; index < 50; ++index)
    all += fmt::format("POST /{} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", index);
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(peer.send(all));
  for (int index = 0; index < 50; ++index)
    EXPECT_THAT(peer.read_answer(), HasSubstr(fmt::format("POST /{}\nabc", index)));
}

TEST_F(ServerTest, TheEndOfAConnectionIsTheClientsToAskFor) {
  start(echo);
  RawPeer peer(options_.unix_socket);
  ASSERT_TRUE(
      peer.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
                "GET /3 HTTP/1.1\r\nHost: a\r\n\r\n"));
  const std::string all = peer.read_all();
  EXPECT_THAT(all, HasSubstr("GET /1"));
  EXPECT_THAT(all, HasSubstr("GET /2"));
  EXPECT_THAT(all, Not(HasSubstr("GET /3")));
  EXPECT_THAT(all, HasSubstr("Connection: close\r\n"));
  RawPeer old(options_.unix_socket);
  ASSERT_TRUE(old.send("GET /1 HTTP/1.0\r\n\r\n"));
  EXPECT_THAT(old.read_all(), HasSubstr("GET /1"));
}

TEST_F(ServerTest, OptionsThatCannotBeAreNamed) {
  const auto refused = [&](const std::string& place, ServerOptions options) {
    const auto started = Server::start(std::move(options), echo);
    EXPECT_FALSE(started) << place;
    if (!started) EXPECT_EQ(started.error().place, place) << started.error().text();
  };
  auto changed = [&](auto change) {
    ServerOptions options = options_;
    change(options);
    return options;
  };
  refused("address", changed([](auto& it) { it.address = "array1"; }));
  refused("workers", changed([](auto& it) { it.workers = 0; }));
  refused("idle_limit", changed([](auto& it) { it.idle_limit = std::chrono::seconds(0); }));
  refused("most_header_bytes", changed([](auto& it) { it.most_header_bytes = 1; }));
  refused("/nonexistent.pem", changed([](auto& it) { it.certificate_file = "/nonexistent.pem"; }));
  refused("key_file", changed([&](auto& it) { it.key_file = files_.ca_key; }));
  refused("/nonexistent.pem", changed([](auto& it) { it.client_ca_file = "/nonexistent.pem"; }));
  refused("/nonexistent.pem", changed([](auto& it) { it.client_crl_file = "/nonexistent.pem"; }));
  refused("client_crl_file", changed([](auto& it) { it.client_ca_file.clear(); }));
  refused("unix_socket", changed([](auto& it) { it.unix_socket = std::string(200, 'a'); }));
  const std::string file = write_file("file", "mine");
  refused(file, changed([&](auto& it) { it.unix_socket = file; }));
}

TEST_F(ServerTest, APlaceThatIsTakenIsNotTakenAway) {
  start(echo);
  ServerOptions same = options_;
  EXPECT_EQ(Server::start(same, echo).error().code, ErrorCode::busy);  // the unix socket
  same.unix_socket.clear();
  same.port = server_->port();
  const auto second = Server::start(same, echo);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::busy);
  EXPECT_EQ(local_client().call("GET", "/")->status, 200);
}

TEST_F(ServerTest, ASocketThatADeadServerLeftIsReplaced) {
  {
    const int left = ::socket(AF_UNIX, SOCK_STREAM, 0);
    ASSERT_GE(left, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, options_.unix_socket.data(), options_.unix_socket.size());
    ASSERT_EQ(::bind(left, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(left);
  }
  start(echo);
  EXPECT_EQ(local_client().call("GET", "/")->status, 200);
  server_->stop();
  EXPECT_FALSE(std::filesystem::exists(options_.unix_socket));
}

TEST_F(ServerTest, AllAddressesTakeIPv4Too) {
  options_.address = "::";
  start([](const Request& request) { return Response{.body = request.peer.address}; });
  const auto answer = client().call("GET", "/");
  ASSERT_TRUE(answer) << answer.error().text();
  EXPECT_EQ(answer->body, "127.0.0.1");
}

}  // namespace
}  // namespace ashlar::http
