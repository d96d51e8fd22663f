// Bad requests by the hundred thousand, made of the schemas of docs/openapi.yaml: no crash, no exception, no answer that is not
// described, and nothing that is our own fault. ASHLAR_FUZZ_REQUESTS asks for more of them, ASHLAR_FUZZ_SEED for others.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "agent/world_test.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Json;
using api::Operation;
using api::Parameter;

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

class Chance {
 public:
  explicit Chance(uint64_t seed) : engine_(seed) {}
  uint64_t below(uint64_t bound) { return engine_() % bound; }
  bool percent(uint64_t chance) { return below(100) < chance; }
  template <typename List>
  const auto& one_of(const List& list) {
    return list[below(std::size(list))];
  }

 private:
  std::mt19937_64 engine_;
};

/// What members of some names are mostly filled with, so that requests get further than the first check.
const std::map<std::string, std::vector<std::string>>& words_by_name() {
  const std::string target = target_name;
  static const std::map<std::string, std::vector<std::string>> words = {
      {"name",
       {"db1", "db2", "web1", "web2", "p0", "san-a", "db1@a", target, "web", "ops", "new", "array.name"}},
      {"pool", {"p0", "mem"}},
      {"volume", {"db1", "db2", "", "new"}},
      {"host", {"web1", "web2", "", "new"}},
      {"host_group", {"", "web"}},
      {"volumes", {"db1", "db2"}},
      {"state", {"optimized", "standby", "fine"}},
      {"hosts", {"web1", "web2"}},
      {"target", {target}},
      {"portals", {"san-a"}},
      {"user", {"u-admin", "u-viewer", "nobody"}},
      {"path", {pool_folder, "", "/pools/none", "/"}},
      {"devices", {"/dev/disk/by-id/none", "/dev/sda"}},
      {"address", {"192.0.2.10", "::", "0.0.0.0", "nowhere"}},
      {"initiators", {initiator_name, "iqn.2000-01.example:x"}},
      {"size_bytes", {"1GiB", "4096", "512 MiB", "7", ""}},
      {"naa", {"", "3111111111111111", "naa.311111111111111F"}},
      {"channels", {"ops"}},
      {"metric", {"engine_up", "pool_used_percent", "nothing"}},
      {"password", {"short", "", "db1"}},
      {"secret",
       {"a secret that is long", "(redacted)", "secret:00112233445566778899aabbccddeeff", "", "\n"}},
      {"url", {"https://127.0.0.1:1/"}},
      {"code", {"123456", "12345"}},
      {"expires_at", {"", "2030-01-01T00:00:00Z", "soon"}},
      {"filter", {"name==db1", "size_bytes>1", "x", "status.state~on", "==", "a~", ","}},
      {"sort", {"name", "-size_bytes,name", "-", ",,"}},
      {"fields", {"name", "name,status.state", "x.y.z", ","}},
      {"cursor", {"1", "0", "x", "99999999999999999999"}},
      {"series", {"array.sessions", "x"}},
      {"If-Match", {"*", "\"0123\"", "", "W/\"x\"", "*, *"}},
      {"Idempotency-Key", {"k1", "k2", "k3", "k4"}},
      {"Prefer", {"respond-async", "wait=1"}},
      {"id", {"1", "7", "nothing", "job-1", "login_lockout"}},
      {"number", {"1", "2", "0", "99", "18446744073709551615"}},
      {"serial", {"abcdef", "00"}}};
  return words;
}

const std::vector<std::string>& odd_words() {
  static const std::vector<std::string> words = {"",
                                                 " ",
                                                 "a",
                                                 "..",
                                                 "../../etc/passwd",
                                                 "%2e%2e",
                                                 std::string(64, 'n'),
                                                 std::string(300, 'x'),
                                                 "a/b",
                                                 "null",
                                                 "-",
                                                 "true",
                                                 "\xc3\x28",
                                                 "\xff",
                                                 std::string("nul\0l", 5),
                                                 "\n",
                                                 "\r\nX: y",
                                                 "'; DROP TABLE audit; --",
                                                 "{}",
                                                 "\u202e",
                                                 "\xf0\x9f\x92\xbe",
                                                 "-1",
                                                 "0x10",
                                                 "1e9",
                                                 "10 XiB",
                                                 "18446744073709551616",
                                                 "${x}",
                                                 "<b>",
                                                 "secret:",
                                                 "(redacted)"};
  return words;
}

/// Values that fit a schema, more or less.
class Maker {
 public:
  Maker(Chance& chance, const Json& document) : chance_(chance), document_(document) {}

  std::string word(const std::string& name) {
    const auto known = words_by_name().find(name);
    if (known != words_by_name().end() && chance_.percent(93)) return chance_.one_of(known->second);
    return chance_.one_of(odd_words());
  }

  Json value(const Json& schema, const std::string& name, int depth = 0) {
    if (depth > 8) return nullptr;
    if (const auto reference = schema.find("$ref"); reference != schema.end()) {
      const Json* found = api::find_by_pointer(document_, reference->get<std::string>());
      return found == nullptr ? Json() : value(*found, name, depth + 1);
    }
    for (const char* each : {"oneOf", "anyOf"}) {
      if (schema.contains(each)) return value(chance_.one_of(schema[each]), name, depth + 1);
    }
    if (schema.contains("enum") && chance_.percent(95)) return chance_.one_of(schema["enum"]);
    const Json type = schema.value("type", Json("string"));
    return typed(schema, type.is_array() ? chance_.one_of(type).get<std::string>() : type.get<std::string>(),
                 name, depth);
  }

 private:
  Json typed(const Json& schema, const std::string& type, const std::string& name, int depth) {
    if (type == "object") return object(schema, depth);
    if (type == "boolean") return chance_.percent(50);
    if (type == "null") return nullptr;
    if (type == "number") return static_cast<double>(chance_.below(2000)) / 10 - 50;
    if (type == "integer") {
      const std::vector<int64_t> some = {0, 1, 2, 100, 512, 4096, 1 << 20, 1 << 30};
      return chance_.one_of(some);
    }
    if (type != "array") return word(name);
    Json list = Json::array();
    for (uint64_t i = chance_.below(3); i > 0; --i)
      list.push_back(value(schema.value("items", Json::object()), name, depth + 1));
    return list;
  }

  Json object(const Json& schema, int depth) {
    Json made = Json::object();
    std::set<std::string> required;
    for (const Json& each : schema.value("required", Json::array())) required.insert(each.get<std::string>());
    const Json properties = schema.value("properties", Json::object());
    const uint64_t optional = depth == 0 ? 25 : 15;
    for (const auto& [name, property] : properties.items()) {
      const uint64_t wanted = required.contains(name) ? 97 : property.value("readOnly", false) ? 3 : optional;
      if (chance_.percent(wanted)) made[name] = value(property, name, depth + 1);
    }
    if (properties.empty()) made[word("x")] = "y";
    return made;
  }

  Chance& chance_;
  const Json& document_;
};

/// Breaks what was right.
class Breaker {
 public:
  explicit Breaker(Chance& chance) : chance_(chance) {}

  void break_value(Json& value) {
    Json* here = &value;
    while (here->is_structured() && !here->empty() && chance_.percent(75)) {
      auto each = here->begin();
      std::advance(each, static_cast<std::ptrdiff_t>(chance_.below(here->size())));
      here = &*each;
    }
    switch (chance_.below(8)) {
      case 0: *here = nullptr; return;
      case 1: *here = chance_.one_of(odd_words()); return;
      case 2: *here = odd_number(); return;
      case 3: *here = std::string(chance_.percent(5) ? 70'000 : 2000, 'x'); return;
      case 4: *here = nested(chance_.percent(20) ? 200 : 20); return;
      case 5: *here = Json::array({*here, *here}); return;
      case 6:
        if (here->is_object()) (*here)[chance_.one_of(odd_words())] = odd_number();
        return;
      default:
        if (here->is_object() && !here->empty()) here->erase(here->begin());
    }
  }

  void break_text(std::string& text) {
    if (text.empty()) return;
    const size_t at = chance_.below(text.size());
    switch (chance_.below(5)) {
      case 0: text.resize(at); return;
      case 1: text[at] = static_cast<char>(chance_.below(256)); return;
      case 2: text.insert(at, "\xc3\x28"); return;
      case 3: text.insert(at, text.substr(at / 2, 40)); return;
      default: text += text.substr(0, at);
    }
  }

 private:
  Json odd_number() {
    const std::vector<Json> numbers = {-1,         0,         0.5,   1e308, INT64_MIN,
                                       UINT64_MAX, INT64_MAX, 65536, 16384, 1u << 31};
    return chance_.one_of(numbers);
  }
  static Json nested(int depth) {
    Json value = 1;
    for (int i = 0; i < depth; ++i) value = i % 2 == 0 ? Json::array({value}) : Json{{"a", value}};
    return value;
  }
  Chance& chance_;
};

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
