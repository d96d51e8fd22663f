// The configuration as a whole: export, apply, compare, import; its generations; plans.
#include "agent/call.h"
#include "agent/merging.h"
#include "convert/convert.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using api::Json;

Json differences_json(const std::vector<api::Difference>& differences) {
  Json list = Json::array();
  for (const api::Difference& each : differences) list.push_back(api::encode(each));
  return {{"differences", std::move(list)}};
}

Result<convert::Format> format_of(const http::Request& request) {
  const std::string* type = http::find_header(request.headers, "Content-Type");
  const std::string media = type == nullptr ? "application/json" : type->substr(0, type->find(';'));
  if (media == "application/json") return convert::Format::json;
  if (media == "application/yaml") return convert::Format::yaml;
  return convert::Format::toml;
}

/// The wish in the request's body, for the kinds that it names.
Result<Json> wish_of(const Call& call) {
  TRY_ASSIGN(const convert::Format format, format_of(call.request));
  return convert::parse(call.request.body, format);
}

Answer export_configuration(Call& call) {
  const auto view = call.service.array.view();
  ROUTE_TRY_ASSIGN(const convert::Format format, convert::parse_format(call.query.value("format", "json")));
  ROUTE_TRY_ASSIGN(
      std::string text,
      convert::print(api::write_configuration(view->configuration, api::Secrets::redact), format));
  const char* type = format == convert::Format::json ? "application/json" : "text/plain; charset=utf-8";
  return http::Response{200,
                        {{"Content-Type", type}, {"ETag", fmt::format("\"g{}\"", view->generation.number)}},
                        std::move(text),
                        {},
                        {}};
}

Answer apply(Call& call) {
  ROUTE_TRY_ASSIGN(const Json wish, wish_of(call));
  const std::string* if_match = http::find_header(call.request.headers, "If-Match");
  const std::string match = if_match == nullptr ? "*" : *if_match;
  const auto view = call.service.array.view();
  const bool prune = call.flag("prune");
  const auto edit = [wish, prune, match, base = view->generation.number,
                     now = call.service.now()](Configuration& next) -> Result<void> {
    if (match != "*" && match.find(fmt::format("\"g{}\"", base)) == std::string::npos)
      return fail(ErrorCode::stale, "configuration", "generation {} is in force: read it again", base);
    return merge_wish(next, wish, prune, now);
  };
  return make_change(call, edit, [](const Outcome& outcome) -> Answer { return plan_response(outcome); });
}

Answer diff(Call& call) {
  ROUTE_TRY_ASSIGN(const Json wish, wish_of(call));
  const auto edit = [&](Configuration& next) {
    return merge_wish(next, wish, call.flag("prune"), call.service.now());
  };
  ROUTE_TRY_ASSIGN(const std::vector<api::Difference> differences, call.service.array.compare(edit));
  return json_response(200, differences_json(differences));
}

Json left_out_json(const convert::Import& import) {
  Json list = Json::array();
  for (const convert::Import::LeftOut& each : import.left_out)
    list.push_back({{"where", each.where}, {"what", each.what}, {"why", each.why}});
  return list;
}

Answer import_configuration(Call& call) {
  ROUTE_TRY_ASSIGN(const convert::Source source, convert::parse_source(call.query.value("source", "")));
  ROUTE_TRY_ASSIGN(const convert::Import import, convert::import(call.request.body, source));
  const Json left_out = left_out_json(import);
  Change change;
  change.author = call.principal.user;
  change.comment = call.query.value("comment", std::string("import"));
  change.dry_run = call.flag("dry_run");
  change.force = call.flag("force");
  change.edit = [&](Configuration& next) -> Result<void> {
    return merge_wish(next, api::write_configuration(import.configuration, api::Secrets::show), false,
                      call.service.now());
  };
  const auto outcome = call.service.array.change(change);
  if (!outcome) return std::unexpected(problem_of(outcome.error()));
  return json_response(200, {{"plan", api::encode(outcome->plan)}, {"left_out", left_out}});
}

Json info_json(const state::GenerationInfo& info) {
  return {{"number", info.number},
          {"time", info.time},
          {"author", info.author},
          {"comment", info.comment},
          {"hash", info.hash}};
}

Answer list_generations(Call& call) {
  ROUTE_TRY_ASSIGN(const std::vector<state::GenerationInfo> all, call.service.array.generations());
  std::vector<Json> items;
  for (const state::GenerationInfo& each : all) items.push_back(info_json(each));
  return list_page(call, std::move(items));
}

uint64_t number_in(const Call& call) { return std::strtoull(call.path.at("number").c_str(), nullptr, 10); }

Answer show_generation(Call& call) {
  ROUTE_TRY_ASSIGN(const state::Generation generation, call.service.array.generation(number_in(call)));
  Json json = info_json(generation.info);
  json["configuration"] = api::write_configuration(generation.configuration, api::Secrets::redact);
  return json_response(200, json);
}

Answer diff_generations(Call& call) {
  Array& array = call.service.array;
  ROUTE_TRY_ASSIGN(const state::Generation from, array.generation(number_in(call)));
  const uint64_t to = call.query.value("to", uint64_t{0});
  Configuration target = array.view()->configuration;
  if (to != 0) {
    ROUTE_TRY_ASSIGN(state::Generation other, array.generation(to));
    target = std::move(other.configuration);
  }
  return json_response(200, differences_json(api::differences_of(from.configuration, target)));
}

Answer rollback(Call& call) {
  const uint64_t number = number_in(call);
  ROUTE_TRY_ASSIGN(const state::Generation old, call.service.array.generation(number));
  const auto edit = [old, number, now = call.service.now()](Configuration& next) {
    return roll_back(next, old.configuration, number, now);
  };
  return make_change(call, edit, [](const Outcome& outcome) -> Answer { return plan_response(outcome); });
}

Answer show_plan(Call& call) {
  ROUTE_TRY_ASSIGN(const api::Plan plan, call.service.array.find_plan(call.path.at("id")));
  return json_response(200, api::encode(plan));
}

Answer apply_plan(Call& call) {
  const bool force = call.body && call.body->value("force", false);
  const auto outcome = call.service.array.apply_plan(call.path.at("id"), call.principal.user,
                                                     highest_role(call.principal), force);
  if (!outcome) return std::unexpected(problem_of(outcome.error()));
  return plan_response(*outcome);
}

}  // namespace

void add_configuration_routes(Routes& routes) {
  routes["exportConfiguration"] = export_configuration;
  routes["applyConfiguration"] = apply;
  routes["diffConfiguration"] = diff;
  routes["importConfiguration"] = import_configuration;
  routes["listGenerations"] = list_generations;
  routes["getGeneration"] = show_generation;
  routes["diffGenerations"] = diff_generations;
  routes["rollbackGeneration"] = rollback;
  routes["getPlan"] = show_plan;
  routes["applyPlan"] = apply_plan;
}

}  // namespace ashlar::agent
