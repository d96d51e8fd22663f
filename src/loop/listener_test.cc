#include <fcntl.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "loop/real_loop_testing.h"
#include "loop/socket_address.h"

namespace ashlar::loop {
namespace {

using test::Accepting;
using test::run_story;
using test::small_shards;
using test::wait_for;

std::string temporary_socket(const char* name) {
  return (std::filesystem::temp_directory_path() / fmt::format("ashlar-listener-{}-{}.sock", name, getpid()))
      .string();
}

ErrorCode code_of(const Result<std::unique_ptr<Listener>>& result) {
  return result ? ErrorCode::aborted : result.error().code;
}

Task<void> wait_for_streams(Accepting& accepting, size_t count) {
  while (accepting.streams.size() < count) {
    Task<void> arrival = wait_for(accepting.arrived);
    co_await arrival;
  }
}

Task<ErrorCode> connect_fails(Loop& loop, Endpoint endpoint, Nanoseconds timeout) {
  Task<Result<std::unique_ptr<Stream>>> connecting = loop.connect(endpoint, timeout);
  const Result<std::unique_ptr<Stream>> connected = co_await connecting;
  EXPECT_FALSE(connected);
  co_return connected ? ErrorCode::invalid_argument : connected.error().code;
}

Task<void> closes(Loop& loop, Endpoint endpoint) {
  Accepting accepting;
  Result<std::unique_ptr<Listener>> listener = loop.listen(endpoint, {}, accepting);
  EXPECT_TRUE(listener) << listener.error().text();
  const Endpoint there = (*listener)->local();
  Task<Result<std::unique_ptr<Stream>>> connecting = loop.connect(there, seconds(10));
  const Result<std::unique_ptr<Stream>> connected = co_await connecting;
  EXPECT_TRUE(connected);
  Task<void> arriving = wait_for_streams(accepting, 1);
  co_await arriving;
  listener->reset();
  const ErrorCode code = co_await connect_fails(loop, there, seconds(10));
  if (endpoint.is_unix()) {
    EXPECT_EQ(code, ErrorCode::not_found) << "the socket's file goes with its listener";
  } else {
    EXPECT_EQ(code, ErrorCode::closed);
  }
}

TEST(SocketListener, RefusesOnceItIsGone) {
  for (const bool newest : {true, false}) {
    for (const auto& endpoint :
         {Endpoint{"127.0.0.1", 0}, Endpoint{"::1", 0}, Endpoint{temporary_socket("close"), 0}}) {
      RealShardsOptions options = small_shards();
      options.loop.newest_kernel_features = newest;
      run_story(options, [&](RealShards& shards) { return closes(shards.at(0), endpoint); });
    }
  }
}

Task<void> ports(Loop& loop) {
  Accepting accepting;
  ListenOptions shared;
  shared.shared_port = true;
  const Result<std::unique_ptr<Listener>> first = loop.listen({"127.0.0.1", 0}, shared, accepting);
  EXPECT_TRUE(first);
  const Endpoint there = (*first)->local();
  EXPECT_NE(there.port, 0);
  EXPECT_TRUE(loop.listen(there, shared, accepting)) << "each shard has its own listener on the port";
  EXPECT_EQ(code_of(loop.listen(there, {}, accepting)), ErrorCode::busy);
  EXPECT_TRUE(loop.listen({"::1", there.port}, {}, accepting)) << "IPv4 and IPv6 are two portals";
  EXPECT_EQ(code_of(loop.listen({"no-address", 1}, {}, accepting)), ErrorCode::invalid_argument);
  EXPECT_EQ(code_of(loop.listen({"", 1}, {}, accepting)), ErrorCode::invalid_argument);
  co_return;
}

TEST(SocketListener, PortsAreSharedOnlyWhenAsked) {
  run_story(small_shards(), [](RealShards& shards) { return ports(shards.at(0)); });
}

Task<void> unix_files(Loop& loop, std::string path) {
  Accepting accepting;
  ListenOptions options;
  options.unix_mode = 0620;
  {
    const Result<std::unique_ptr<Listener>> listener = loop.listen({path, 0}, options, accepting);
    EXPECT_TRUE(listener) << listener.error().text();
    struct stat made{};
    EXPECT_EQ(::stat(path.c_str(), &made), 0);
    EXPECT_EQ(made.st_mode & 0777, 0620u);
    EXPECT_EQ(code_of(loop.listen({path, 0}, options, accepting)), ErrorCode::busy)
        << "somebody answers there";
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  // What a killed process leaves: a socket file that nobody listens on.
  const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const Result<SocketAddress> address = parse_address({path, 0});
  EXPECT_EQ(::bind(dead, address->get(), address->length), 0);
  ::close(dead);
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(loop.listen({path, 0}, options, accepting));
  std::ofstream(path) << "precious";
  EXPECT_EQ(code_of(loop.listen({path, 0}, options, accepting)), ErrorCode::already_exists);
  EXPECT_EQ(std::filesystem::file_size(path), 8u) << "what is no socket is left alone";
  std::filesystem::remove(path);
  EXPECT_EQ(code_of(loop.listen({"/" + std::string(200, 'x'), 0}, options, accepting)),
            ErrorCode::invalid_argument);
  co_return;
}

TEST(SocketListener, UnixSocketFiles) {
  const std::string path = temporary_socket("files");
  run_story(small_shards(), [&](RealShards& shards) { return unix_files(shards.at(0), path); });
}

// A backlog of one that nobody takes from: the kernel drops what comes when it is full, and says EAGAIN for a unix socket.
class FullServer {
 public:
  explicit FullServer(const Endpoint& endpoint)
      : descriptor_(socket(endpoint.is_unix() ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    Result<SocketAddress> address = parse_address(endpoint);
    EXPECT_EQ(::bind(descriptor_, address->get(), address->length), 0);
    EXPECT_EQ(::listen(descriptor_, 0), 0);
    there_ = endpoint.is_unix() ? endpoint : local_of(descriptor_);
  }
  FullServer(const FullServer&) = delete;
  FullServer& operator=(const FullServer&) = delete;
  ~FullServer() {
    ::close(descriptor_);
    if (there_.is_unix()) std::filesystem::remove(there_.address);
  }
  const Endpoint& there() const { return there_; }
  /// Until nothing more gets in.
  Task<void> fill(Loop& loop) {
    for (int i = 0; i < 10; ++i) {
      Task<Result<std::unique_ptr<Stream>>> connecting = loop.connect(there_, milliseconds(50));
      Result<std::unique_ptr<Stream>> result = co_await connecting;
      if (!result) {
        EXPECT_EQ(result.error().code, ErrorCode::timed_out);
        EXPECT_EQ(result.error().place, there_.text());
        break;
      }
      connected_.push_back(std::move(*result));
    }
    EXPECT_LT(connected_.size(), 10u);
  }

 private:
  int descriptor_;
  Endpoint there_;
  std::vector<std::unique_ptr<Stream>> connected_;
};

Task<void> never_answers(Loop& loop, Endpoint endpoint) {
  FullServer server(endpoint);
  Task<void> filling = server.fill(loop);
  co_await filling;
}

TEST(Connect, TimesOut) {
  for (const Endpoint& endpoint : {Endpoint{"127.0.0.1", 0}, Endpoint{temporary_socket("full"), 0}})
    run_story(small_shards(), [&](RealShards& shards) { return never_answers(shards.at(0), endpoint); });
}

Task<void> is_given_up(Loop& loop, Endpoint endpoint) {
  FullServer server(endpoint);
  Task<void> filling = server.fill(loop);
  co_await filling;
  Cancellation cancellation;
  Task<Result<std::unique_ptr<Stream>>> connecting = loop.connect(server.there(), seconds(20), &cancellation);
  Task<void> pause = sleep_for(milliseconds(20));
  co_await pause;
  EXPECT_FALSE(connecting.done());
  cancellation.cancel();
  cancellation.cancel();
  const Result<std::unique_ptr<Stream>> result = co_await connecting;
  EXPECT_FALSE(result);
  if (!result) EXPECT_EQ(result.error().code, ErrorCode::aborted) << result.error().text();
  // One that was used ends the next at once; and nobody need wait for one that is never used.
  Task<Result<std::unique_ptr<Stream>>> again = loop.connect(server.there(), seconds(20), &cancellation);
  EXPECT_TRUE(again.done());
  EXPECT_EQ(again.take().error().code, ErrorCode::aborted);
  Cancellation unused;
  Task<Result<std::unique_ptr<Stream>>> late = loop.connect(server.there(), milliseconds(20), &unused);
  const Result<std::unique_ptr<Stream>> timed_out = co_await late;
  EXPECT_EQ(timed_out.error().code, ErrorCode::timed_out);
  unused.cancel();
}

TEST(Connect, IsGivenUp) {
  for (const Endpoint& endpoint : {Endpoint{"127.0.0.1", 0}, Endpoint{temporary_socket("given-up"), 0}})
    run_story(small_shards(), [&](RealShards& shards) { return is_given_up(shards.at(0), endpoint); });
}

Task<void> bad_address(Loop& loop) {
  const Endpoint name{"storage.example.com", 3260};
  EXPECT_EQ(co_await connect_fails(loop, name, seconds(1)), ErrorCode::invalid_argument);
  const Endpoint missing{"/nowhere/there.sock", 0};
  EXPECT_EQ(co_await connect_fails(loop, missing, seconds(1)), ErrorCode::not_found);
}

TEST(Connect, RefusesNamesAndMissingSockets) {
  run_story(small_shards(), [](RealShards& shards) { return bad_address(shards.at(0)); });
}

// Restores the limit whatever the test says.
class DescriptorLimit {
 public:
  DescriptorLimit() { getrlimit(RLIMIT_NOFILE, &before_); }
  ~DescriptorLimit() { restore(); }
  void allow(rlim_t count) {
    rlimit now = before_;
    now.rlim_cur = count;
    setrlimit(RLIMIT_NOFILE, &now);
  }
  void restore() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

std::vector<std::string> error_lines;
void keep_errors(LogLevel level, std::string_view, std::string_view line) {
  if (level == LogLevel::error) error_lines.emplace_back(line);
}

Task<void> runs_out(Loop& loop, DescriptorLimit& limit) {
  Accepting accepting;
  const Result<std::unique_ptr<Listener>> listener = loop.listen({"127.0.0.1", 0}, {}, accepting);
  Result<SocketAddress> address = parse_address((*listener)->local());
  std::vector<int> hosts;
  hosts.reserve(8);
  for (int i = 0; i < 8; ++i) hosts.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int lowest_free = ::dup(hosts.back());
  ::close(lowest_free);
  limit.allow(static_cast<rlim_t>(lowest_free) + 3);
  for (const int host : hosts) EXPECT_EQ(::connect(host, address->get(), address->length), 0);
  Task<void> some = wait_for_streams(accepting, 1);
  co_await some;
  Task<void> pause = sleep_for(milliseconds(250));
  co_await pause;
  EXPECT_LT(accepting.streams.size(), hosts.size());
  EXPECT_EQ(error_lines.size(), 1u) << "said once in a while, not at each try";
  limit.restore();
  Task<void> all = wait_for_streams(accepting, hosts.size());
  co_await all;
  for (const int host : hosts) ::close(host);
}

TEST(SocketListener, GoesOnWhenDescriptorsAreFreeAgain) {
#if __has_feature(undefined_behavior_sanitizer)
  // This sanitizer looks at memory through a pipe, and takes the failure to make one for a broken object.
  GTEST_SKIP() << "the undefined behaviour sanitizer needs descriptors of its own";
#endif
  for (const bool newest : {true, false}) {
    DescriptorLimit limit;
    error_lines.clear();
    set_log_sink(&keep_errors);
    RealShardsOptions options = small_shards();
    options.loop.newest_kernel_features = newest;
    run_story(options, [&](RealShards& shards) { return runs_out(shards.at(0), limit); });
    set_log_sink(nullptr);
  }
}

/// Destroys its listener with the first connection.
class OneOnly final : public Acceptor {
 public:
  void accepted(std::unique_ptr<Stream> stream) override {
    taken.push_back(std::move(stream));
    listener.reset();
    arrived.set();
  }
  std::unique_ptr<Listener> listener;
  std::vector<std::unique_ptr<Stream>> taken;
  Event arrived;
};

Task<void> closes_in_call(Loop& loop) {
  OneOnly acceptor;
  Result<std::unique_ptr<Listener>> listener = loop.listen({"127.0.0.1", 0}, {}, acceptor);
  acceptor.listener = std::move(*listener);
  Result<SocketAddress> address = parse_address(acceptor.listener->local());
  std::vector<int> hosts;
  for (int i = 0; i < 5; ++i) {
    hosts.push_back(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(hosts.back(), address->get(), address->length), 0);
  }
  co_await acceptor.arrived;
  Task<void> pause = sleep_for(milliseconds(5));
  co_await pause;
  EXPECT_EQ(acceptor.taken.size(), 1u);
  for (const int host : hosts) ::close(host);
}

TEST(SocketListener, MayBeDestroyedInItsOwnCall) {
  run_story(small_shards(), [](RealShards& shards) { return closes_in_call(shards.at(0)); });
}

}  // namespace
}  // namespace ashlar::loop
