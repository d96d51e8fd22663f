#include "cli/body.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/dhchap_key.h"
#include "base/tls_psk.h"
#include "cli/output.h"
#include "json/sizes.h"

namespace ashlar::cli {
namespace {

constexpr size_t generated_key_bytes = 32;
// 16 of them have the 96 bits that RFC 7143 9.2.1 asks for, and are what every initiator takes.
constexpr std::string_view secret_letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";
constexpr size_t generated_secret_bytes = 16;

// NAME=VALUE into an object.
Result<void> add_pair(Invocation& invocation, std::string_view option, std::string_view pair, Json& object) {
  const size_t equals = pair.find('=');
  if (equals == std::string_view::npos || equals == 0) {
    return invocation.usage(std::string(option), fmt::format("'{}' is not of the form NAME=VALUE", pair));
  }
  object[std::string(pair.substr(0, equals))] = std::string(pair.substr(equals + 1));
  return {};
}

Result<Json> layer_of(Invocation& invocation, std::string_view option, std::string_view typed) {
  Json layer = Json::object();
  const size_t colon = std::min(typed.find(':'), typed.size());
  layer["kind"] = std::string(typed.substr(0, colon));
  layer["options"] = Json::object();
  std::string_view rest = typed.substr(std::min(colon + 1, typed.size()));
  while (!rest.empty()) {
    const size_t comma = std::min(rest.find(','), rest.size());
    TRY(add_pair(invocation, option, rest.substr(0, comma), layer["options"]));
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return layer;
}

Result<Json> grant_of(Invocation& invocation, std::string_view option, std::string_view typed) {
  const size_t first = typed.find(':');
  if (first == std::string_view::npos) {
    return invocation.usage(
        std::string(option),
        fmt::format("'{}' is not of the form ROLE:KIND or ROLE:KIND:NAME, as in operator:volumes:db*",
                    typed));
  }
  const std::string_view rest = typed.substr(first + 1);
  const size_t second = std::min(rest.find(':'), rest.size());
  Json grant = Json::object();
  grant["kind"] = std::string(rest.substr(0, second));
  grant["name"] = second == rest.size() ? "*" : std::string(rest.substr(second + 1));
  grant["role"] = std::string(typed.substr(0, first));
  return grant;
}

// "2=standby" or "1=optimized:preferred".
Result<Json> state_of(Invocation& invocation, std::string_view option, std::string_view typed) {
  const size_t equals = std::min(typed.find('='), typed.size());
  const std::string_view number = typed.substr(0, equals);
  const std::string_view rest = typed.substr(std::min(equals + 1, typed.size()));
  const size_t colon = std::min(rest.find(':'), rest.size());
  const std::string_view mark = rest.substr(colon);
  uint16_t tag = 0;
  const auto [end, problem] = std::from_chars(number.data(), number.data() + number.size(), tag);
  if (problem != std::errc() || end != number.data() + number.size() || colon == 0 ||
      (!mark.empty() && mark != ":preferred")) {
    return invocation.usage(
        std::string(option),
        fmt::format("'{}' is not of the form TAG=STATE or TAG=STATE:preferred, as in 2=standby", typed));
  }
  return Json{
      {"group_tag", tag}, {"state", std::string(rest.substr(0, colon))}, {"preferred", !mark.empty()}};
}

Result<Json> states_of(Invocation& invocation, const Argument& argument) {
  Json list = Json::array();
  for (const std::string& each : invocation.list(argument.name)) {
    TRY_ASSIGN(Json state, state_of(invocation, argument.name, each));
    list.push_back(std::move(state));
  }
  return list;
}

template <typename T>
Result<Json> number_of(Invocation& invocation, std::string_view option, const std::string& typed,
                       std::string_view wanted) {
  T number{};
  const auto [end, problem] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  if (problem != std::errc() || end != typed.data() + typed.size()) {
    return invocation.usage(std::string(option), fmt::format("'{}' is not {}", typed, wanted));
  }
  return Json(number);
}

Result<Json> secret_of(Invocation& invocation, std::string_view option, const std::string& typed) {
  if (typed == "-") {
    TRY_ASSIGN(std::string secret, invocation.ask_secret(std::string(option)));
    return Json(std::move(secret));
  }
  if (!typed.starts_with('@')) return Json(typed);
  TRY_ASSIGN(std::string secret, invocation.read_input(typed.substr(1)));
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();
  return Json(std::move(secret));
}

// Told once: nobody can read it back. Of TLS, CHAP or DH-HMAC-CHAP.
std::string drawn_key(const Invocation& invocation, std::string_view option) {
  if (option.ends_with("secret")) {
    std::vector<uint8_t> drawn(generated_secret_bytes);
    invocation.world.random(drawn);
    std::string secret;
    for (const uint8_t each : drawn) secret += secret_letters[each % secret_letters.size()];
    return secret;
  }
  if (option.contains("tls")) {
    ConfiguredPsk psk{PskHash::sha256, std::vector<uint8_t>(psk_bytes(PskHash::sha256))};
    invocation.world.random(psk.key);
    return print_tls_key(psk);
  }
  DhchapKey key{.transform = DhchapHash::sha256, .secret = std::vector<uint8_t>(generated_key_bytes)};
  invocation.world.random(key.secret);
  return print_dhchap_key(key);
}

Result<Json> key_of(Invocation& invocation, std::string_view option, const std::string& typed) {
  if (typed != "generate") return secret_of(invocation, option, typed);
  std::string text = drawn_key(invocation, option);
  const std::string line = fmt::format("{} {}\n", option.substr(2), text);
  if (invocation.options.format) {
    invocation.talk(line);  // data is what was asked for
  } else {
    invocation.data(line);
  }
  return Json(std::move(text));
}

Result<Json> list_of(Invocation& invocation, const Argument& argument,
                     const std::vector<std::string>& typed) {
  Json list = Json::array();
  for (const std::string& each : typed) {
    if (argument.type == Type::layers) {
      TRY_ASSIGN(Json layer, layer_of(invocation, argument.name, each));
      list.push_back(std::move(layer));
    } else if (argument.type == Type::grants) {
      TRY_ASSIGN(Json grant, grant_of(invocation, argument.name, each));
      list.push_back(std::move(grant));
    } else if (!each.empty()) {
      list.push_back(each);
    }
  }
  return list;
}

// --add-X and --remove-X of a list that is there.
void amend(Invocation& invocation, const Argument& argument, const Json& current, Json& body) {
  const std::string_view added = derived_name("add", argument.name),
                         removed = derived_name("remove", argument.name);
  if (argument.pointer.empty() || (!invocation.has(added) && !invocation.has(removed))) return;
  const bool by_comma = argument.type == Type::list;
  const auto typed = [&](std::string_view name) {
    const auto found = invocation.values.find(name);
    return found == invocation.values.end() ? std::vector<std::string>{}
           : by_comma                       ? invocation.list(name)
                                            : found->second;
  };
  const Json& begin = value_at(body, argument.pointer).is_array() ? value_at(body, argument.pointer)
                                                                  : value_at(current, argument.pointer);
  const std::vector<std::string> gone = typed(removed);
  Json list = Json::array();
  for (const Json& each : begin) {
    if (!each.is_string() || std::ranges::find(gone, each.get<std::string>()) == gone.end())
      list.push_back(each);
  }
  for (const std::string& each : typed(added)) {
    if (std::find(list.begin(), list.end(), Json(each)) == list.end()) list.push_back(each);
  }
  put_at(body, argument.pointer, std::move(list));
}

}  // namespace

Result<Json> value_of(Invocation& invocation, const Argument& argument,
                      const std::vector<std::string>& typed) {
  const std::string last = typed.empty() ? "" : typed.back();
  switch (argument.type) {
    case Type::number: return number_of<uint64_t>(invocation, argument.name, last, "a whole number");
    case Type::decimal: return number_of<double>(invocation, argument.name, last, "a number");
    case Type::flag:
    case Type::lone: return Json(last == "true");
    case Type::clear: return Json(nullptr);
    case Type::secret: return secret_of(invocation, argument.name, last);
    case Type::key: return key_of(invocation, argument.name, last);
    case Type::list: return Json(invocation.list(argument.name));
    case Type::texts:
    case Type::layers:
    case Type::grants: return list_of(invocation, argument, typed);
    case Type::states: return states_of(invocation, argument);
    case Type::size: {
      const Result<uint64_t> bytes = json::parse_size(last, argument.name);
      if (!bytes) return invocation.usage(bytes.error().place, bytes.error().message);
      return Json(*bytes);
    }
    case Type::pairs: {
      Json object = Json::object();
      for (const std::string& pair : typed) TRY(add_pair(invocation, argument.name, pair, object));
      return object;
    }
    case Type::text: break;
  }
  return Json(last);
}

void put_at(Json& json, std::string_view pointer, Json value) {
  Json* here = &json;
  while (pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string name(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(name.size());
    if (!here->is_object()) *here = Json::object();
    here = &(*here)[name];
  }
  *here = std::move(value);
}

Result<Json> body_of(Invocation& invocation, std::span<const Argument> arguments) {
  Json body = Json::object();
  for (const Argument& argument : arguments) {
    const auto typed = invocation.values.find(argument.name);
    if (argument.pointer.empty() || typed == invocation.values.end()) continue;
    TRY_ASSIGN(Json value, value_of(invocation, argument, typed->second));
    put_at(body, argument.pointer, std::move(value));
  }
  return body;
}

Result<Json> patch_of(Invocation& invocation, std::span<const Argument> arguments, const Json& current) {
  std::vector<Argument> plain;
  for (const Argument& argument : arguments) {
    const bool amends = argument.name.starts_with("--add-") || argument.name.starts_with("--remove-");
    if (!amends) plain.push_back(argument);
  }
  TRY_ASSIGN(Json body, body_of(invocation, plain));
  for (const Argument& argument : plain) {
    if (argument.type == Type::list || argument.type == Type::texts)
      amend(invocation, argument, current, body);
  }
  return body;
}

Result<uint64_t> new_size(Invocation& invocation, const std::string& typed, uint64_t now) {
  const bool more = typed.starts_with('+');
  const Result<uint64_t> bytes = json::parse_size(more ? typed.substr(1) : typed, "SIZE");
  if (!bytes) return invocation.usage(bytes.error().place, bytes.error().message);
  if (!more) return *bytes;
  if (*bytes > UINT64_MAX - now) return invocation.usage("SIZE", "that is more than 64 bits can count");
  return now + *bytes;
}

Result<std::string> future_time(Invocation& invocation, const std::string& typed) {
  if (typed.size() >= 20 && typed[4] == '-' && typed.find('T') != std::string::npos) return typed;
  uint32_t number = 0;
  const auto [end, problem] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  const std::string_view unit(end, static_cast<size_t>(typed.data() + typed.size() - end));
  const int64_t seconds = unit == "d" ? 86400 : unit == "h" ? 3600 : unit == "m" ? 60 : 0;
  if (problem != std::errc() || seconds == 0) {
    return invocation.usage("--expires",
                            fmt::format("'{}' is neither a span like 90d, 12h or 30m nor a time like "
                                        "2027-01-31T00:00:00Z",
                                        typed));
  }
  const std::time_t when = static_cast<std::time_t>(invocation.world.seconds_since_1970() + seconds * number);
  std::tm parts{};
  if (::gmtime_r(&when, &parts) == nullptr || parts.tm_year > 8099) {
    return invocation.usage("--expires", "that is too far away");
  }
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace ashlar::cli
