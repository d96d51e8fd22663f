// list, show, create, set and delete, for every noun that is a resource.
#include "cli/resource_commands.h"

#include <algorithm>

#include "cli/body.h"
#include "cli/filter.h"
#include "cli/output.h"
#include "cli/table.h"
#include "http/client.h"

namespace ashlar::cli {
namespace {

constexpr size_t most_items = 100'000;
constexpr std::string_view page_size = "1000";

// The members that are asked for, without what is inside them: "status.state" needs "status".
std::string top_fields(const Options& options) {
  std::vector<std::string> tops;
  for (const std::string& field : options.fields) {
    std::string top = field.substr(0, field.find('.'));
    if (std::ranges::find(tops, top) == tops.end()) tops.push_back(std::move(top));
  }
  return fmt::format("{}", fmt::join(tops, ","));
}

Result<Json> fetch_pages(Invocation& invocation, const std::string& first) {
  Json all = Json::array();
  std::string cursor;
  do {
    std::string target = first;
    if (!cursor.empty())
      target += fmt::format("{}cursor={}", target.contains('?') ? '&' : '?', http::percent_encode(cursor));
    TRY_ASSIGN(Answer answer, invocation.get(target));
    Json items = items_of(answer.body);
    for (Json& item : items) all.push_back(std::move(item));
    const Json& next = value_at(answer.body, "/next");
    const std::string before = std::exchange(cursor, next.is_string() ? next.get<std::string>() : "");
    if (items.empty() || cursor == before) break;  // an agent that goes in circles
  } while (!cursor.empty() && all.size() < most_items);
  return all;
}

}  // namespace

std::string with_query(const std::string& path,
                       std::initializer_list<std::pair<std::string_view, std::string_view>> query) {
  std::string target = path;
  for (const auto& [name, value] : query) {
    if (value.empty()) continue;
    target += fmt::format("{}{}={}", target.contains('?') ? '&' : '?', name, http::percent_encode(value));
  }
  return target;
}

Result<Json> fetch_all(Invocation& invocation, const std::string& path) {
  return fetch_pages(invocation, with_query(path, {{"limit", page_size}}));
}

Result<Json> filtered_here(const Invocation& invocation, const Json& items) {
  TRY_ASSIGN(Json some, filter_items(items, invocation.options.filter));
  return invocation.options.sort.empty() ? some : sort_items(std::move(some), invocation.options.sort);
}

Result<Json> fetch_items(Invocation& invocation, const Noun& noun, const std::string& filter) {
  const Options& options = invocation.options;
  return fetch_pages(invocation, with_query(path_of(noun.collection), {{"limit", page_size},
                                                                       {"filter", filter},
                                                                       {"sort", options.sort},
                                                                       {"fields", top_fields(options)}}));
}

Result<Json> fetch_items(Invocation& invocation, const Noun& noun) {
  return fetch_items(invocation, noun, invocation.options.filter);
}

Result<void> list_resources(Invocation& invocation) {
  TRY_ASSIGN(const Json items, fetch_items(invocation, invocation.noun));
  show_items(invocation, invocation.noun.columns, items);
  return {};
}

Result<void> show_resource(Invocation& invocation) {
  const std::string_view argument = invocation.verb.arguments.front().name;
  TRY_ASSIGN(const Answer answer,
             invocation.get(path_of(invocation.noun.collection, {invocation.text(argument)})));
  show_item(invocation, answer.body, invocation.noun.key);
  return {};
}

Result<Json> create_body(Invocation& invocation) {
  return body_of(invocation, arguments_of(invocation.noun, invocation.verb));
}

Result<void> send_create(Invocation& invocation, Json body, const std::string& name) {
  Change change;
  change.method = "POST";
  change.path = path_of(invocation.noun.collection);
  change.body = std::move(body);
  change.done = fmt::format("{} {} is created", invocation.noun.singular, printable(name));
  change.result_path = path_of(invocation.noun.collection, {name});
  change.pace = invocation.noun.slow ? Pace::slow : Pace::quick;
  return change_and_show(invocation, change);
}

Result<void> create_resource(Invocation& invocation) {
  TRY_ASSIGN(Json body, create_body(invocation));
  return send_create(invocation, std::move(body), invocation.text("NAME"));
}

Result<void> set_resource(Invocation& invocation) {
  const std::string name = invocation.text("NAME");
  const std::string path = path_of(invocation.noun.collection, {name});
  if (invocation.values.size() < 2)
    return invocation.usage(name, "say what to change; --help shows what there is");
  TRY_ASSIGN(const Answer current, invocation.get(path));
  Change change;
  change.method = "PATCH";
  change.path = path;
  TRY_ASSIGN(change.body, patch_of(invocation, arguments_of(invocation.noun, invocation.verb), current.body));
  change.etag = current.etag;
  change.done = fmt::format("{} {} is changed", invocation.noun.singular, printable(name));
  change.result_path = path;
  change.pace = invocation.noun.slow ? Pace::slow : Pace::quick;
  return change_and_show(invocation, change);
}

Result<void> delete_resource(Invocation& invocation) {
  const std::string name = invocation.text(invocation.verb.arguments.front().name);
  const std::string path = path_of(invocation.noun.collection, {name});
  Change change;
  change.method = "DELETE";
  change.path = path;
  change.question = fmt::format("Delete {} {}?", invocation.noun.singular, printable(name));
  change.done = fmt::format("{} {} is deleted", invocation.noun.singular, printable(name));
  change.pace = invocation.noun.slow ? Pace::slow : Pace::quick;
  // Asked before it is read: a script that forgot -y hears of that first.
  if (!invocation.options.dry_run) TRY(invocation.confirm(change.question));
  change.question.clear();
  TRY_ASSIGN(const Answer current, invocation.get(path));
  change.etag = current.etag;
  return change_and_show(invocation, change);
}

}  // namespace ashlar::cli
