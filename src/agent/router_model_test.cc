// Many clients at once, who repeat what is not answered: what is in force in the end is what the changes make of it one after
// the other, in the order in which they were committed; each that was acknowledged is there, once.
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <thread>

#include "agent/world_test.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Json;

constexpr int clients = 64;
constexpr int changes_a_client = 24;

/// As much of a configuration as the clients work on.
struct State {
  std::map<std::string, uint64_t> volumes;   // name: size
  std::map<std::string, std::string> hosts;  // name: comment
  std::set<std::string> maps;                // VOLUME.HOST
  bool operator==(const State&) const = default;
};

State state_of(const api::Configuration& all) {
  State state;
  for (const api::Volume& each : all.volumes) state.volumes[each.name] = each.size_bytes;
  for (const api::Host& each : all.hosts) state.hosts[each.name] = each.comment;
  for (const api::Map& each : all.maps) state.maps.insert(each.name);
  return state;
}

struct Operation {
  enum class Kind : uint8_t { make_volume, grow, delete_volume, make_host, delete_host, map, unmap, count };
  Kind kind = Kind::count;
  std::string volume, host;
  uint64_t size = 0;
  std::string comment;  ///< count: the new one
};

/// The model: one change after another.
void apply(State& state, const Operation& operation) {
  using enum Operation::Kind;
  const std::string map_name = operation.volume + "." + operation.host;
  switch (operation.kind) {
    case make_volume:
    case grow: state.volumes[operation.volume] = operation.size; return;
    case delete_volume:
      state.volumes.erase(operation.volume);
      std::erase_if(state.maps, [&](const auto& each) { return each.starts_with(operation.volume + "."); });
      return;
    case make_host: state.hosts[operation.host] = ""; return;
    case delete_host: state.hosts.erase(operation.host); return;
    case map: state.maps.insert(map_name); return;
    case unmap: state.maps.erase(map_name); return;
    case count: state.hosts[operation.host] = operation.comment;
  }
}

class Model : public ApiWorld {
 public:
  struct Commit {
    std::string operation;
    State after;
  };
  std::vector<Commit> commits;
  std::mutex mutex;
  std::map<std::string, Operation> operations;
  std::set<std::string> acknowledged;
  std::atomic<uint64_t> requests = 0, repeats = 0, refused = 0, counted = 0;

 protected:
  void told(const View& before, const View& after, const Change& change) override {
    ApiWorld::told(before, after, change);
    commits.push_back({change.comment, state_of(after.configuration)});  // one at a time
  }
};

/// One of those who work at the same time.
class Client {
 public:
  Client(Model& model, int number) : model_(model), number_(number), random_(static_cast<uint64_t>(number)) {}

  void run() {
    for (int i = 0; i < changes_a_client; ++i) {
      if (below(4) == 0) {
        count(i);
      } else {
        const Operation operation = draw();
        ask(operation, fmt::format("c{}-{}", number_, i), "*");
      }
    }
  }

 private:
  uint64_t below(uint64_t bound) { return random_() % bound; }

  Operation draw() {
    Operation operation;
    operation.kind = static_cast<Operation::Kind>(below(7));
    operation.volume = fmt::format("v{}", below(12));
    operation.host = fmt::format("h{}", below(6));
    // Sizes to grow to are nobody else's, so that each is a change.
    operation.size = operation.kind == Operation::Kind::grow
                         ? uint64_t{4096} * (1'000'000 + ++step_ * 1000 + static_cast<uint64_t>(number_))
                         : uint64_t{4096} * (1 + below(100));
    return operation;
  }

  // Reads, adds one, writes on the condition that nobody was faster: no count may be lost.
  void count(int turn) {
    Operation operation;
    operation.host = "counter";
    for (int i = 0;; ++i) {
      const Answered now = model_.ask("GET", "/hosts/counter");
      operation.comment = std::to_string(std::stoll(now.body["comment"].get<std::string>()) + 1);
      const int status = ask(operation, fmt::format("n{}-{}-{}", number_, turn, i), now.header("ETag"));
      if (status == 200) break;
      ASSERT_EQ(status, 412);
    }
    ++model_.counted;
  }

  http::Request request_for(const Operation& operation, const std::string& id) {
    using enum Operation::Kind;
    const auto make = [&](const char* method, const std::string& target, const Json& body = nullptr) {
      return model_.request(ApiWorld::root(), method, target + "?force=true&comment=" + id, body);
    };
    const std::string map_name = operation.volume + "." + operation.host;
    switch (operation.kind) {
      case make_volume:
        return make("POST", "/volumes",
                    {{"name", operation.volume}, {"pool", "p0"}, {"size_bytes", operation.size}});
      case grow:
        return make("POST", "/volumes/" + operation.volume + "/resize", {{"size_bytes", operation.size}});
      case delete_volume: return make("DELETE", "/volumes/" + operation.volume);
      case make_host: return make("POST", "/hosts", {{"name", operation.host}});
      case delete_host: return make("DELETE", "/hosts/" + operation.host);
      case map:
        return make("POST", "/maps",
                    {{"volume", operation.volume}, {"target", target_name}, {"host", operation.host}});
      case unmap: return make("DELETE", "/maps/" + map_name);
      case count: break;
    }
    return make("PATCH", "/hosts/counter", {{"comment", operation.comment}});
  }

  /// Repeats with the same key until there is an answer that counts.
  int ask(const Operation& operation, const std::string& id, const std::string& if_match) {
    {
      const std::lock_guard lock(model_.mutex);
      model_.operations[id] = operation;
    }
    http::Request request = request_for(operation, id);
    request.headers.emplace_back("Idempotency-Key", id);
    if (request.method != "POST") request.headers.emplace_back("If-Match", if_match);
    Answered answered;
    do {
      ++model_.requests;
      answered = model_.ask(request);
    } while (answered.status == 503);
    if (answered.status < 300 && below(4) == 0) {  // the answer was lost: once more
      ++model_.repeats;
      const Answered again = model_.ask(request);
      EXPECT_EQ(again.status, answered.status) << id;
      EXPECT_EQ(again.text, answered.text) << id;
    }
    const std::set<int> fine = {200, 201, 404, 409, 412, 422};
    EXPECT_TRUE(fine.contains(answered.status)) << id << ": " << answered.text;
    if (answered.status >= 300) ++model_.refused;
    const std::lock_guard lock(model_.mutex);
    if (answered.status < 300) model_.acknowledged.insert(id);
    return answered.status;
  }

  Model& model_;
  const int number_;
  std::mt19937_64 random_;
  uint64_t step_ = 0;
};

TEST(RouterModel, ManyAtOnceAreAsOneAfterAnother) {
  set_log_level(LogLevel::error);
  set_log_sink([](LogLevel, std::string_view, std::string_view) {});  // an engine that is away now and then
  Model model;
  model.keep_answers = false;
  model.must_change([](api::Configuration& next) {
    next.pools = {{.name = "p0", .kind = "dir", .path = pool_folder}};
    next.portals = {{.name = "san-a", .address = "192.0.2.10"}};
    next.targets = {{.name = target_name}};
    next.hosts = {{.name = "counter", .comment = "0"}};
  });
  State state = state_of(model.configuration());
  model.commits.clear();
  std::atomic<uint64_t> applies = 0;
  model.engine.at_apply = [&] {
    if (++applies % 10 == 0) model.engine.faults.plant_next(Faults::Kind::away);
  };
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i) threads.emplace_back([&model, i] { Client(model, i).run(); });
  }
  model.engine.at_apply = nullptr;
  model.engine.faults.clear();

  std::set<std::string> committed;
  for (const Model::Commit& each : model.commits) {
    EXPECT_TRUE(committed.insert(each.operation).second) << each.operation << " was made twice";
    apply(state, model.operations.at(each.operation));
    ASSERT_EQ(state.volumes, each.after.volumes) << each.operation;
    ASSERT_EQ(state.hosts, each.after.hosts) << each.operation;
    ASSERT_EQ(state.maps, each.after.maps) << each.operation;
  }
  EXPECT_TRUE(state == state_of(model.configuration()));
  EXPECT_EQ(committed, model.acknowledged);
  EXPECT_EQ(state.hosts.at("counter"), std::to_string(model.counted.load()));
  EXPECT_EQ(model.generation(), 1 + model.commits.size());
  ASSERT_TRUE(model.array().serve());
  EXPECT_EQ(model.served_text(), model.wanted_text());
  EXPECT_EQ(model.files_in_pool(), ArrayWorld::named_files(model.configuration()));
  EXPECT_EQ(*model.database().verify_audit(), 0u);
  std::printf("%llu requests, %zu commits, %llu repeats, %llu refused\n",
              static_cast<unsigned long long>(model.requests), model.commits.size(),
              static_cast<unsigned long long>(model.repeats), static_cast<unsigned long long>(model.refused));
  set_log_sink(nullptr);
  set_log_level(LogLevel::info);
}

}  // namespace
}  // namespace ashlar::agent
