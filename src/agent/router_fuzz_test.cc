// Bad requests by the hundred thousand, made of the schemas of docs/openapi.yaml: no crash, no exception, no answer that is not
// described, and nothing that is our own fault. ASHLAR_FUZZ_REQUESTS asks for more of them, ASHLAR_FUZZ_SEED for others.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "agent/random_values_test.h"
#include "agent/world_test.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Json;
using api::Operation;
using api::Parameter;
using fuzz::Breaker;
using fuzz::Chance;
using fuzz::Maker;
using fuzz::odd_words;
using fuzz::words_by_name;

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define ASHLAR_SLOW 1
#endif
#endif
#ifdef ASHLAR_SLOW
constexpr uint64_t requests_by_default = 20'000;
#else
constexpr uint64_t requests_by_default = 100'000;
#endif

uint64_t number_of(const char* variable, uint64_t fallback) {
  const char* text = std::getenv(variable);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

std::string file_text(const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class Fuzzer {
 public:
  explicit Fuzzer(uint64_t seed)
      : chance_(seed), maker_(chance_, ApiWorld::api().document()), breaker_(chance_) {
    for (const char* name : {"tgt/plain.tgt", "scst/esos.scst", "targetcli/rhel9.json", "nvmet/tcp.json"})
      foreign_.push_back(file_text(std::string("tests/import/") + name));
  }

  void begin_world() {
    world_ = std::make_unique<ApiWorld>();
    world_->keep_answers = false;
    world_->pools.set_available(uint64_t{1} << 61);
    world_->make_certificates();
    world_->furnish();
    world_->must_change([](api::Configuration& next) {
      next.pools.push_back({.name = "mem", .kind = "memory"});
      next.snapshots.push_back({.name = "db1@a"});
      next.users = {{.name = "u-viewer", .role = "viewer"}, {.name = "u-admin", .role = "admin"}};
    });
    own_text_.clear();
    for (const char* format : {"json", "yaml", "toml"})
      own_text_.push_back(world_->ask("GET", std::string("/configuration?format=") + format).text);
    callers_ = {ApiWorld::root(), world_->session("u-admin"), world_->session("u-viewer"), ApiWorld::remote(),
                ApiWorld::bearer("ashlar_x")};
  }

  /// One request; its status.
  int ask() {
    if (chance_.percent(1)) world_->now += 1;
    http::Request request = make();
    shown_ = fmt::format("{} {} {}", request.method, request.path, request.body.substr(0, 3000));
    const bool planted = chance_.percent(3);
    if (planted) plant();
    int status = 0;
    try {
      status = world_->ask(std::move(request)).status;
    } catch (const std::exception& problem) {
      ADD_FAILURE() << "an exception: " << problem.what();
    }
    if (planted) heal();
    const bool fault = status == 503 || status == 504 || status == 507;
    EXPECT_TRUE(status < 500 || status == 501 || (planted && fault)) << status;
    return status;
  }

  void check_world() {
    // What could not be done while something was planted is done with the next change.
    world_->must_change([](api::Configuration& next) { next.users.push_back({.name = "checked"}); });
    ASSERT_TRUE(world_->array().serve());
    EXPECT_EQ(world_->served_text(), world_->wanted_text());
    const std::set<std::string> named = ArrayWorld::named_files(world_->configuration());
    for (const std::string& each : world_->files_in_pool()) EXPECT_TRUE(named.contains(each)) << each;
    EXPECT_EQ(*world_->database().verify_audit(), 0u);
    const auto before = world_->configuration();
    ASSERT_TRUE(world_->array().generation(world_->generation()));
    EXPECT_TRUE(api::check_configuration(before));
  }
  size_t volumes() const { return world_->configuration().volumes.size(); }
  const std::string& shown() const { return shown_; }

 private:
  /// Slow ones (a hash of 30 ms, a whole table) come seldom.
  bool too_often(const Operation& operation) {
    static const std::map<std::string, uint64_t> seldom = {{"login", 20},
                                                           {"verifyAudit", 50},
                                                           {"makeSupportBundle", 100},
                                                           {"listAudit", 5},
                                                           {"createUser", 3},
                                                           {"putUser", 3},
                                                           {"issueCertificate", 10},
                                                           {"revokeCertificate", 10},
                                                           {"getApiPage", 20},
                                                           {"getOpenApiJson", 50},
                                                           {"getOpenApiYaml", 20},
                                                           {"setPassword", 5},
                                                           {"getSupportBundle", 5},
                                                           {"testAlertChannel", 5}};
    const auto found = seldom.find(operation.id);
    return found != seldom.end() && chance_.below(found->second) != 0;
  }

  http::Request make() {
    const Operation* operation = &chance_.one_of(ApiWorld::api().operations());
    while (too_often(*operation)) operation = &chance_.one_of(ApiWorld::api().operations());
    http::Request request;
    request.method = chance_.percent(2) ? chance_.one_of(methods_) : operation->method;
    request.path = path_for(*operation);
    const Caller& caller = chance_.percent(85) ? callers_[0] : chance_.one_of(callers_);
    request.headers = caller.headers;
    request.peer = caller.peer;
    for (const Parameter& each : operation->parameters) {
      if (each.in == Parameter::In::header && chance_.percent(each.name == "If-Match" ? 60 : 4))
        request.headers.emplace_back(each.name, maker_.word(each.name));
      if (each.in != Parameter::In::query) continue;
      if (each.name == "dry_run" && chance_.percent(75)) request.query.emplace_back(each.name, "true");
      if (each.name == "wait") continue;
      if (each.required || chance_.percent(8)) request.query.emplace_back(each.name, query_word(each));
    }
    if (chance_.percent(2)) request.query.emplace_back(maker_.word("x"), maker_.word("y"));
    if (operation->body || chance_.percent(1)) add_body(*operation, request);
    return request;
  }

  std::string query_word(const Parameter& parameter) {
    static const std::vector<std::string> some = {"true", "false", "1",    "100",    "linux", "json",
                                                  "yaml", "tgt",   "scst", "minute", "nvmet"};
    return words_by_name().contains(parameter.name) ? maker_.word(parameter.name)
           : chance_.percent(80)                    ? chance_.one_of(some)
                                                    : chance_.one_of(odd_words());
  }

  std::string path_for(const Operation& operation) {
    std::string path = operation.path;
    for (size_t open = path.find('{'); open != std::string::npos; open = path.find('{', open)) {
      const size_t close = path.find('}', open);
      const std::string name = path.substr(open + 1, close - open - 1);
      std::string word = operation.id == "testAlertChannel" ? "nothing" : maker_.word(name);
      if (operation.kind == "volumes" && chance_.percent(60)) word = "db1";
      if (operation.kind == "snapshots" && chance_.percent(60)) word = "db1@a";
      path.replace(open, close - open + 1, word);
      open += word.size();
    }
    if (chance_.percent(2)) path += chance_.one_of(odd_words());
    return path;
  }

  void add_body(const Operation& operation, http::Request& request) {
    std::string media = "application/json";
    if (operation.body) {
      auto content = operation.body->content.begin();
      std::advance(content, static_cast<std::ptrdiff_t>(chance_.below(operation.body->content.size())));
      media = content->first;
    }
    const bool json = media.find("json") != std::string::npos;
    if (!json) {
      request.body =
          operation.id == "importConfiguration" ? chance_.one_of(foreign_) : chance_.one_of(own_text_);
      if (chance_.percent(80)) breaker_.break_text(request.body);
    } else {
      Json body = operation.body ? maker_.value(schema_of(operation, media), "") : Json(1);
      if (chance_.percent(30)) breaker_.break_value(body);
      request.body = api::print_json(body);
      if (chance_.percent(8)) breaker_.break_text(request.body);
    }
    if (chance_.percent(3)) media = chance_.one_of(odd_words());
    if (!chance_.percent(2)) request.headers.emplace_back("Content-Type", media);
  }

  static const Json& schema_of(const Operation& operation, const std::string& media) {
    static const Json none = Json::object();
    std::string method = operation.method;
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    const std::string path = operation.path.substr(std::string("/api/v1").size());
    const Json& paths = ApiWorld::api().document()["paths"];
    if (!paths.contains(path)) return none;
    return paths[path][method]["requestBody"]["content"][media]["schema"];
  }

  void plant() {
    switch (chance_.below(3)) {
      case 0: world_->engine.set_away(true); return;
      case 1: world_->pools.faults.plant_next(Faults::Kind::away, 1000); return;
      default: world_->disk.fail_at(world_->disk.calls() + chance_.below(8), ErrorCode::no_space, 1000);
    }
  }
  void heal() {
    world_->engine.set_away(false);
    world_->pools.faults.clear();
    world_->disk.heal();
  }

  static constexpr const char* methods_[] = {"GET",  "POST",    "PUT",   "PATCH", "DELETE",
                                             "HEAD", "OPTIONS", "TRACE", "BREW",  ""};
  Chance chance_;
  Maker maker_;
  Breaker breaker_;
  std::unique_ptr<ApiWorld> world_;
  std::vector<Caller> callers_;
  std::vector<std::string> foreign_, own_text_;
  std::string shown_;
};

TEST(RouterFuzz, BadRequestsAreAnsweredAndDoNoHarm) {
  constexpr uint64_t requests_a_world = 4000;
  set_log_level(LogLevel::error);
  set_log_sink([](LogLevel, std::string_view, std::string_view) {});  // errors that were planted
  const uint64_t seed = number_of("ASHLAR_FUZZ_SEED", 1);
  const uint64_t count = number_of("ASHLAR_FUZZ_REQUESTS", requests_by_default);
  Fuzzer fuzzer(seed);
  std::map<int, uint64_t> statuses;
  for (uint64_t i = 0; i < count && !testing::Test::HasFailure(); ++i) {
    if (i % requests_a_world == 0) fuzzer.begin_world();
    ++statuses[fuzzer.ask()];
    if (testing::Test::HasFailure())
      ADD_FAILURE() << "request " << i << " of seed " << seed << ": " << fuzzer.shown();
    if ((i + 1) % requests_a_world == 0) fuzzer.check_world();
  }
  for (const auto& [status, times] : statuses)
    std::printf("%d: %llu\n", status, static_cast<unsigned long long>(times));
  EXPECT_GT(statuses[200] + statuses[201], count / 20) << "some get through";
  set_log_sink(nullptr);
  set_log_level(LogLevel::info);
}

}  // namespace
}  // namespace ashlar::agent
