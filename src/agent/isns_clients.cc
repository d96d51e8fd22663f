#include "agent/isns_clients.h"

#include <algorithm>

#include "api/lists.h"

namespace ashlar::agent {
namespace {

// A comment is nothing that a server is told.
bool is_same_server(const api::IsnsServer& a, api::IsnsServer b) {
  b.comment = a.comment;
  return a == b;
}

}  // namespace

void IsnsClients::follow() {
  const std::shared_ptr<const View> view = array_.view();
  const std::vector<api::IsnsServer>& servers = view->configuration.isns_servers;
  const std::lock_guard lock(mutex_);
  if (servers.empty() && clients_.empty() && leaving_.empty()) return;
  std::erase_if(leaving_, [](const auto& each) { return each->ended(); });
  end_others(servers);
  begin_new(servers);
  if (!clients_.empty()) tell_wish(view);
}

void IsnsClients::end_others(const std::vector<api::IsnsServer>& servers) {
  for (auto each = clients_.begin(); each != clients_.end();) {
    const api::IsnsServer* wanted = api::find_named(servers, each->first);
    if (wanted != nullptr && is_same_server(each->second->server(), *wanted)) {
      ++each;
      continue;
    }
    each->second->end();
    leaving_.push_back(std::move(each->second));
    each = clients_.erase(each);
  }
}

// One at a time for each name: the old one takes out what the new one would register.
void IsnsClients::begin_new(const std::vector<api::IsnsServer>& servers) {
  for (const api::IsnsServer& each : servers) {
    const bool leaves = std::ranges::any_of(
        leaving_, [&each](const auto& client) { return client->server().name == each.name; });
    if (!each.enabled || leaves || clients_.contains(each.name)) continue;
    clients_.emplace(each.name, std::make_unique<IsnsClient>(each, timing_, now_));
  }
}

void IsnsClients::tell_wish(const std::shared_ptr<const View>& view) {
  Sources sources{view, array_.failures(), interfaces_()};
  if (!wish_ || sources != sources_) {
    sources_ = std::move(sources);
    auto wish = std::make_shared<const IsnsRegistration>(
        isns_registration(view->configuration, sources_.failures, sources_.interfaces));
    if (!wish_ || *wish != *wish_) wish_ = std::move(wish);
  }
  for (const auto& [name, client] : clients_) client->want(wish_);
}

void IsnsClients::stop() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, client] : clients_) leaving_.push_back(std::move(client));
  clients_.clear();
  for (const auto& each : leaving_) each->end();
  leaving_.clear();  // waits for each
}

std::vector<IsnsStatus> IsnsClients::statuses() const {
  const std::lock_guard lock(mutex_);
  std::vector<IsnsStatus> all;
  all.reserve(clients_.size());
  for (const auto& [name, client] : clients_) all.push_back(client->status());
  return all;
}

std::optional<IsnsStatus> IsnsClients::status(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = clients_.find(name);
  if (found == clients_.end()) return {};
  return found->second->status();
}

}  // namespace ashlar::agent
