#include "engine/door.h"

#include <gmock/gmock.h>

#include "engine/engine_world_test.h"
#include "rpc/methods.h"
#include "rpc/status_fields.h"

namespace ashlar::engine {
namespace {

using rpc::Json;
using testing::HasSubstr;

constexpr char socket_path[] = "/srv/engine.sock";

// A client in a process of its own on the engine's machine.
class Caller final : public loop::StreamWatcher {
 public:
  Caller(EngineWorld& world, loop::SimProcess& process) : world_(world), loop_(process.loop(0)) {
    std::optional<loop::Task<Result<std::unique_ptr<loop::Stream>>>> connecting;
    loop_.enter([&] { connecting.emplace(loop_.connect({socket_path, 0}, loop::seconds(5))); });
    CHECK(world_.world.run_until([&] { return connecting->done(); }, loop::seconds(10)));
    auto connected = connecting->take();
    CHECK(connected.has_value());
    stream_ = std::move(*connected);
    loop_.enter([&] { stream_->watch(*this); });
  }
  ~Caller() {
    loop_.enter([&] { stream_.reset(); });
  }

  void send(const std::string& text) {
    unsent_ += text;
    loop_.enter([&] { writable(); });
  }
  void end() {
    loop_.enter([&] { stream_->shutdown_send(); });
  }
  /// The next line; empty when the door closed instead.
  std::string line() {
    CHECK(world_.world.run_until([&] { return received_.find('\n') != std::string::npos || ended; },
                                 loop::seconds(60)));
    const size_t end = received_.find('\n');
    if (end == std::string::npos) return "";
    std::string first = received_.substr(0, end);
    received_.erase(0, end + 1);
    return first;
  }
  Json json() { return *rpc::parse_json(line()); }
  Result<Json> call(std::string_view method, const Json& params = Json::object()) {
    send(rpc::print_request(++id_, method, params));
    auto response = rpc::parse_response(line());
    CHECK(response && response->id == id_);
    return std::move(response->result);
  }
  bool closed() {
    return world_.world.run_until([&] { return ended; }, loop::seconds(60));
  }
  bool ended = false;

 private:
  void readable() override {
    char chunk[65536];
    while (!ended) {
      const iovec part{chunk, sizeof chunk};
      const int64_t got = stream_->receive({&part, 1});
      if (got == loop::Stream::would_block) return;
      ended = got <= 0;
      if (got > 0) received_.append(chunk, static_cast<size_t>(got));
    }
  }
  void writable() override {
    while (!unsent_.empty() && !ended) {
      const iovec part{unsent_.data(), unsent_.size()};
      const int64_t taken = stream_->send({&part, 1});
      if (taken <= 0) return;
      unsent_.erase(0, static_cast<size_t>(taken));
    }
  }
  EngineWorld& world_;
  loop::SimLoop& loop_;
  std::unique_ptr<loop::Stream> stream_;
  std::string unsent_, received_;
  uint64_t id_ = 0;
};

class DoorTest : public testing::Test {
 protected:
  DoorTest() : process_(world_.world.add_process("shell", world_.array.machine(), 1, EngineWorld::pools)) {
    DoorOptions options;
    options.path = socket_path;
    options.most_clients = 3;
    options.stop_asked = [this](loop::Nanoseconds grace) { stop_asked_ = grace; };
    world_.enter([&] {
      door_ = std::make_unique<Door>(*world_.engine, options);
      const Result<void> opened = door_->open();
      CHECK(opened.has_value());
    });
  }
  ~DoorTest() override {
    if (door_ == nullptr) return;
    close();
  }
  void close() {
    world_.run([this] { return door_->close(); });
    world_.enter([this] { door_.reset(); });
  }
  std::unique_ptr<Caller> caller() { return std::make_unique<Caller>(world_, process_); }

  EngineWorld world_;
  loop::SimProcess& process_;
  std::unique_ptr<Door> door_;
  std::optional<loop::Nanoseconds> stop_asked_;
};

Json apply_params(const rpc::Document& document, bool dry_run = false) {
  Json params = Json::object();
  params["document"] = rpc::encode(document, rpc::Secrets::show);
  params["dry_run"] = dry_run;
  return params;
}

TEST_F(DoorTest, EveryMethodAnswers) {
  const auto shell = caller();
  EXPECT_EQ(shell->call("version")->at("protocol"), 1);
  const auto planned = shell->call("apply", apply_params(demo_document(), true));
  ASSERT_TRUE(planned) << planned.error().text();
  EXPECT_EQ(planned->at("steps").size(), 3u);
  const auto applied = shell->call("apply", apply_params(demo_document()));
  ASSERT_TRUE(applied) << applied.error().text();
  EXPECT_EQ(applied->at("changed"), true);
  EXPECT_EQ(applied->at("drawn").size(), 1u);
  const auto status = rpc::decode<rpc::EngineStatus>(*shell->call("status"), "", rpc::Unknown::refuse);
  ASSERT_TRUE(status);
  EXPECT_EQ(status->volumes.at(0).name, "demo");
  EXPECT_TRUE(rpc::decode<rpc::Stats>(*shell->call("stats"), "", rpc::Unknown::refuse));
  EXPECT_TRUE(shell->call("sessions")->at("sessions").empty());
  Json resize = Json::object();
  resize["name"] = "demo";
  resize["size"] = "2MiB";
  EXPECT_EQ(shell->call("volume.resize", resize)->at("size_bytes"), 2 << 20);
  const auto level = Json::parse(
      R"({"size_bytes": 100, "available_bytes": 7, "volumes": [{"name": "demo", "used_bytes": 3}, {"name": "x"}]})");
  EXPECT_TRUE(shell->call("pool.level", level));
  EXPECT_EQ(shell->call("pool.level", Json::object()).error().place, "size_bytes");
  EXPECT_TRUE(shell->call("volume.forget", Json{{"uuid", "f47ac10b-58cc-4372-a567-0e02b2c3d479"}}));
  EXPECT_EQ(shell->call("volume.forget", Json{{"uuid", "demo"}}).error().place, "uuid");
  Json drop = Json::object();
  drop["id"] = 7;
  EXPECT_EQ(shell->call("session.drop", drop).error().code, ErrorCode::not_found);
  const auto events = rpc::decode<rpc::EventPage>(*shell->call("events"), "", rpc::Unknown::refuse);
  ASSERT_TRUE(events);
  EXPECT_GE(events->events.size(), 4u);
  EXPECT_FALSE(stop_asked_);
  Json stop = Json::object();
  stop["grace_seconds"] = 3;
  EXPECT_TRUE(shell->call("stop", stop));
  EXPECT_EQ(stop_asked_, loop::seconds(3));
}

TEST_F(DoorTest, AnAmendmentChangesTheDocumentThatItWasMadeFor) {
  const auto shell = caller();
  const Json applied = *shell->call("apply", apply_params(demo_document()));
  const uint64_t base = applied.at("revision");
  const auto amend = [&](uint64_t revision, const Json& changed, const Json& gone, bool dry_run = false) {
    return shell->call("amend",
                       {{"base", revision}, {"changed", changed}, {"gone", gone}, {"dry_run", dry_run}});
  };
  const auto volumes = [&] { return shell->call("status", {{"only", "volumes"}})->at("volumes").size(); };
  const Json second = {
      {"volumes", {{{"name", "second"}, {"size_bytes", 1 << 20}, {"store", {{"kind", "memory"}}}}}}};

  EXPECT_EQ(amend(base, second, Json::object(), true)->at("revision"), base);
  EXPECT_EQ(volumes(), 1u);
  const Result<Json> amended = amend(base, second, Json::object());
  ASSERT_TRUE(amended) << amended.error().text();
  EXPECT_EQ(amended->at("drawn").size(), 1u);
  const uint64_t next = amended->at("revision");
  EXPECT_NE(next, base);
  EXPECT_EQ(volumes(), 2u);
  EXPECT_EQ(shell->call("status", {{"only", "volumes/second"}})->at("volumes").size(), 1u);
  EXPECT_EQ(shell->call("status", {{"only", "volumes/second"}})->at("hosts").size(), 0u);

  EXPECT_EQ(amend(base, second, Json::object()).error().code, ErrorCode::stale);
  // The demo volume is mapped: what is left must be whole.
  EXPECT_EQ(amend(next, Json::object(), {{"volumes", {"demo"}}}).error().code, ErrorCode::invalid_argument);
  EXPECT_TRUE(amend(next, Json::object(), {{"volumes", {"second"}}}));
  EXPECT_EQ(volumes(), 1u);
  EXPECT_EQ(amend(next, second, Json::object()).error().place, "base");
  // A resize is another document too.
  const uint64_t last = shell->call("apply", apply_params(demo_document()))->at("revision");
  EXPECT_TRUE(shell->call("volume.resize", {{"name", "demo"}, {"size", "2MiB"}}));
  EXPECT_EQ(amend(last, second, Json::object()).error().code, ErrorCode::stale);
}

TEST_F(DoorTest, MistakesHaveTheirCodes) {
  const auto shell = caller();
  const auto error_of = [&](const std::string& line) {
    shell->send(line + "\n");
    return shell->json().at("error");
  };
  EXPECT_EQ(error_of("nonsense").at("code"), rpc::parse_error);
  EXPECT_EQ(error_of("[]").at("code"), rpc::invalid_request);
  const Json unknown = error_of(R"({"jsonrpc":"2.0","id":4,"method":"statsu"})");
  EXPECT_EQ(unknown.at("code"), rpc::method_not_found);
  EXPECT_THAT(unknown.at("message").get<std::string>(), HasSubstr("did you mean \"stat"));
  EXPECT_EQ(
      error_of(R"({"jsonrpc":"2.0","id":5,"method":"status","params":{"all":true}})").at("data").at("place"),
      "all");
  EXPECT_EQ(error_of(R"({"jsonrpc":"2.0","id":6,"method":"volume.resize","params":{"name":"x"}})")
                .at("data")
                .at("place"),
            "size");
  const Json wrong = error_of(
      R"({"jsonrpc":"2.0","id":7,"method":"apply","params":{"document":{"volumes":[{"nam":"x"}]}}})");
  EXPECT_EQ(wrong.at("code"), rpc::server_error);
  EXPECT_EQ(wrong.at("data").at("code"), "invalid_argument");
  EXPECT_EQ(wrong.at("data").at("place"), "volumes[0].nam");
  // The connection bears all of that.
  EXPECT_TRUE(shell->call("version"));
}

TEST_F(DoorTest, SecretsStayInside) {
  rpc::Document document = demo_document();
  document.hosts[0].chap = rpc::ChapDocument{.user = "u", .secret = "a-long-secret-of-chap"};
  const auto shell = caller();
  ASSERT_TRUE(shell->call("apply", apply_params(document)));
  const auto redacted = shell->call("document");
  EXPECT_EQ(rpc::print_json(*redacted).find("a-long-secret"), std::string::npos);
  Json params = Json::object();
  params["secrets"] = true;
  const auto shown = rpc::decode<rpc::Document>(*shell->call("document", params), "", rpc::Unknown::refuse);
  ASSERT_TRUE(shown);
  EXPECT_EQ(*shown, world_.engine->document());
  // The redacted one cannot be put in force by mistake.
  Json back = Json::object();
  back["document"] = *redacted;
  EXPECT_EQ(shell->call("apply", back).error().place, "hosts[0].chap.secret");
}

TEST_F(DoorTest, EventsAreToldAsTheyHappen) {
  const auto listener = caller(), shell = caller();
  Json params = Json::object();
  params["wait"] = true;
  const auto page = listener->call("events", params);
  ASSERT_TRUE(page);
  uint64_t last = page->at("last");
  ASSERT_TRUE(shell->call("apply", apply_params(demo_document())));
  std::vector<std::string> kinds;
  for (int i = 0; i < 3; ++i) {
    const Json told = listener->json();
    EXPECT_EQ(told.at("method"), "event");
    EXPECT_EQ(told.at("params").at("id"), ++last);
    kinds.push_back(told.at("params").at("kind"));
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{"volume.opened", "portal.listening", "document.applied"}));
  EXPECT_TRUE(listener->call("version")) << "it may ask on";
}

TEST_F(DoorTest, AnswersComeInOrderAndAfterTheEndOfTheRequests) {
  const auto shell = caller();
  std::string all;
  for (uint64_t i = 1; i <= 20; ++i)
    all += rpc::print_request(i, i % 2 == 0 ? "status" : "version", Json::object());
  all += "\n \r\n";  // blank lines are nothing
  all += R"({"jsonrpc":"2.0","method":"nonsense"})"
         "\n";  // nobody waits for this one
  shell->send(all);
  shell->end();
  for (uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(shell->json().at("id"), i);
  EXPECT_EQ(shell->line(), "");
  EXPECT_TRUE(shell->closed());
}

TEST_F(DoorTest, ALineHasABound) {
  const auto shell = caller();
  shell->send(std::string(rpc::max_line_bytes + 1, ' '));
  const Json answer = shell->json();
  EXPECT_EQ(answer.at("error").at("data").at("code"), "out_of_range");
  EXPECT_TRUE(shell->closed());
  EXPECT_TRUE(caller()->call("version"));
}

TEST_F(DoorTest, SoHasTheNumberOfClients) {
  const auto one = caller(), two = caller(), three = caller();
  EXPECT_TRUE(one->call("version"));
  auto four = caller();
  EXPECT_EQ(four->json().at("error").at("data").at("code"), "exhausted");
  EXPECT_TRUE(four->closed());
  four.reset();
  EXPECT_EQ(door_->clients(), 3u);
}

TEST_F(DoorTest, AClientThatLeavesIsForgotten) {
  {
    const auto shell = caller();
    Json params = Json::object();
    params["wait"] = true;
    ASSERT_TRUE(shell->call("events", params));
    EXPECT_EQ(door_->clients(), 1u);
    shell->send(rpc::print_request(9, "status", Json::object()));
  }
  EXPECT_TRUE(world_.world.run_until([&] { return door_->clients() == 0; }, loop::seconds(10)));
  ASSERT_TRUE(world_.apply(demo_document())) << "its subscription is gone too";
}

TEST_F(DoorTest, ClosingWaitsForWhatIsWorkedOn) {
  const auto shell = caller();
  ASSERT_TRUE(shell->call("version"));
  shell->send(rpc::print_request(9, "apply", apply_params(demo_document())));
  world_.world.run_until(
      [&] { return !world_.event_kinds().empty() && world_.event_kinds().back() == "volume.opened"; },
      loop::seconds(10));
  close();
  EXPECT_EQ(world_.engine->document().volumes.size(), 1u);
  EXPECT_TRUE(shell->closed());
}

}  // namespace
}  // namespace ashlar::engine
