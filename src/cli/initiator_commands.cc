#include "cli/initiator_commands.h"

#include <fstream>
#include <iterator>

#include "cli/body.h"
#include "cli/output.h"
#include "cli/tables.h"
#include "json/sizes.h"
#include "rpc/initiator_methods.h"

namespace ashlar::cli {
namespace {

Result<std::string> secret_in(const Context& context, const std::string& path) {
  std::string text;
  if (path == "-") {
    TRY_ASSIGN(text, context.read_input());
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return std::unexpected(error_of_errno(errno, path, "cannot be read"));
    text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  return text;
}

Result<Json> params_of(const Context& context, const InitiatorWords& words) {
  rpc::InitiatorParams params;
  params.urls = fmt::format("{}", fmt::join(words.urls, " "));
  params.user = words.user;
  params.mutual_user = words.mutual_user;
  params.initiator = words.initiator;
  params.host_nqn = words.host_nqn;
  const std::pair<const std::string*, std::string*> files[] = {
      {&words.secret_file, &params.secret},
      {&words.mutual_secret_file, &params.mutual_secret},
      {&words.dhchap_key_file, &params.dhchap_key},
      {&words.dhchap_controller_key_file, &params.dhchap_controller_key},
      {&words.tls_key_file, &params.tls_key}};
  for (const auto& [path, secret] : files) {
    if (path->empty()) continue;
    TRY_ASSIGN(*secret, secret_in(context, *path));
  }
  return json::encode(params, json::Secrets::show);
}

std::string word(const Json& json, const char* name) { return printable(json.value(name, std::string())); }

std::string text_of_targets(const Json& answer, Format format) {
  std::string text;
  for (const Json& target : answer.value("targets", Json::array())) {
    text += word(target, "name") + "\n";
    if (format == Format::name) continue;
    for (const Json& portal : target.value("portals", Json::array()))
      text += "  " + printable(portal.is_string() ? portal.get<std::string>() : "") + "\n";
  }
  return text;
}

std::string text_of_unit(const Json& unit, Format format) {
  std::string text = word(unit, "identity") + "\n";
  if (format == Format::name) return text;
  text += fmt::format("  {} {} {}, {}, blocks of {} bytes\n", word(unit, "vendor"), word(unit, "product"),
                      word(unit, "revision"), json::print_size_rounded(unit.value("size_bytes", uint64_t{0})),
                      unit.value("block_bytes", uint64_t{0}));
  const auto has = [&unit](const char* name, const char* words) {
    return unit.value(name, false) ? std::string("  ") + words + "\n" : std::string();
  };
  text += has("write_cache", "it has a write cache") + has("discard", "it can discard") +
          has("write_zeroes", "it can write zeroes") + has("write_protected", "it is write protected");
  for (const Json& path : unit.value("paths", Json::array())) {
    text += fmt::format("  {} {} {}{}\n", word(path, "url"), word(path, "state"), word(path, "access"),
                        word(path, "error"));
  }
  return text;
}

}  // namespace

Result<void> discover_targets(Invocation& invocation) {
  TRY_ASSIGN(Json body, body_of(invocation, invocation.verb.arguments));
  TRY_ASSIGN(const Answer answer, invocation.act("POST", path_of("/initiator", {"discover"}), body));
  if (!show_as_data(invocation, answer.body))
    invocation.data(text_of_targets(answer.body, invocation.options.shown()));
  return {};
}

Result<void> inspect_unit(Invocation& invocation) {
  TRY_ASSIGN(Json body, body_of(invocation, invocation.verb.arguments));
  TRY_ASSIGN(const Answer answer, invocation.act("POST", path_of("/initiator", {"inspect"}), body));
  if (!show_as_data(invocation, answer.body))
    invocation.data(text_of_unit(answer.body, invocation.options.shown()));
  return {};
}

Result<void> explain_bench(Invocation& invocation) {
  return invocation.usage("bench",
                          "is ashlar-bench: say `ashlar initiator bench` first, then its words alone");
}

Error become_bench(const std::vector<std::string>& words, const Surroundings& world) {
  return world.become("ashlar-bench", words);
}

Result<void> discover_targets(const Context& context, const InitiatorWords& words) {
  TRY_ASSIGN(const Json params, params_of(context, words));
  TRY_ASSIGN(const Json answer, context.call(rpc::method::initiator_discover, params));
  if (!context.show_as_data(answer)) context.data(text_of_targets(answer, context.format));
  return {};
}

Result<void> inspect_unit(const Context& context, const InitiatorWords& words) {
  TRY_ASSIGN(const Json params, params_of(context, words));
  TRY_ASSIGN(const Json unit, context.call(rpc::method::initiator_inspect, params));
  if (!context.show_as_data(unit)) context.data(text_of_unit(unit, context.format));
  return {};
}

}  // namespace ashlar::cli
