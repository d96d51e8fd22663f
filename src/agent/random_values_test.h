// For tests: values as the schemas of docs/openapi.yaml have them, more or less, and ways to break them.
#pragma once

#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "agent/world_test.h"

namespace ashlar::agent::fuzz {

using api::Json;

/// Draws of one seed.
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
inline const std::map<std::string, std::vector<std::string>>& words_by_name() {
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

inline const std::vector<std::string>& odd_words() {
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

}  // namespace ashlar::agent::fuzz
