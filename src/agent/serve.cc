// How the engine is given what is to be served: as part of a change, and again whenever it has been away.
#include <algorithm>
#include <charconv>

#include "agent/array.h"
#include "agent/compile.h"
#include "api/lists.h"
#include "base/identity.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

void take_out_volumes(rpc::Document& document, const std::set<std::string>& names) {
  std::erase_if(document.volumes, [&](const rpc::VolumeDocument& each) { return names.contains(each.name); });
  std::erase_if(document.mappings,
                [&](const rpc::MappingDocument& each) { return names.contains(each.volume); });
  for (rpc::GroupDocument& group : document.groups)
    std::erase_if(group.volumes, [&](const std::string& each) { return names.contains(each); });
}

// A target that the portal alone led to goes with it: one that names no portal would be reached by all of them. And a state by a
// portal group tag that no portal has any more says nothing.
void take_out_portal(rpc::Document& document, const std::string& name) {
  std::erase_if(document.portals, [&](const rpc::PortalDocument& each) { return each.name == name; });
  std::set<std::string> unreached;
  for (rpc::TargetDocument& target : document.targets) {
    const auto leads = [&target](const rpc::PortalDocument& each) { return rpc::leads_to(each, target); };
    if (std::ranges::none_of(document.portals, leads)) unreached.insert(target.name);
    std::erase(target.portals, name);
  }
  std::erase_if(document.targets,
                [&](const rpc::TargetDocument& each) { return unreached.contains(each.name); });
  std::erase_if(document.mappings,
                [&](const rpc::MappingDocument& each) { return unreached.contains(each.target); });
  for (rpc::GroupDocument& group : document.groups) {
    std::erase_if(group.access, [&](const rpc::PortGroupDocument& each) {
      return std::ranges::find(document.portals, each.group_tag, &rpc::PortalDocument::group_tag) ==
             document.portals.end();
    });
  }
}

// "volumes[12].store.options.path" -> 12.
std::optional<size_t> index_in(std::string_view place, std::string_view list) {
  if (!place.starts_with(list) || place.size() <= list.size() || place[list.size()] != '[') return {};
  size_t index = 0;
  const char* begin = place.data() + list.size() + 1;
  const auto parsed = std::from_chars(begin, place.data() + place.size(), index);
  if (parsed.ec != std::errc{}) return {};
  return index;
}

// What stands after "volumes/" and the like, up to the next '/'.
std::string name_in(const std::string& place, std::string_view list) {
  if (!place.starts_with(list)) return "";
  return place.substr(list.size(), place.find('/', list.size()) - list.size());
}

// Takes the one that cannot be served out of the document and names it as the API does; empty: nothing to blame.
std::string take_out_failed(rpc::Document& document, const Error& error) {
  if (error.code == ErrorCode::closed) return "";
  if (const std::string name = name_in(error.place, "volumes/"); !name.empty()) {
    take_out_volumes(document, {name});
    return "volumes/" + name;
  }
  if (const std::string name = name_in(error.place, "portals/"); !name.empty()) {
    take_out_portal(document, name);
    return "portals/" + name;
  }
  return "";
}

// Of a host, or of a pool of kind remote.
template <typename Resource>
std::vector<std::string> secrets_of(const Resource& each) {
  std::vector<std::string> references;
  if (each.chap) references = {each.chap->secret, each.chap->mutual_secret};
  if (each.dhchap) references.insert(references.end(), {each.dhchap->key, each.dhchap->controller_key});
  references.push_back(each.tls_key);
  std::erase(references, "");
  return references;
}

}  // namespace

// All of it that can be served. A pool that cannot be used, or has lost a secret, takes its volumes with it, a secret that is lost
// its host, no more.
Result<rpc::Document> Array::document_of(const Configuration& configuration, Failures& failures) {
  Configuration served = configuration;
  const auto lost_of = [this](const auto& resource) -> std::optional<Error> {
    for (const std::string& reference : secrets_of(resource)) {
      if (const auto secret = secrets_->get(reference); !secret) return secret.error();
    }
    return {};
  };
  std::erase_if(served.volumes, [&](const api::Volume& each) {
    const auto driver = driver_in(configuration, each.pool);
    const auto lost = driver ? lost_of(*api::find_named(configuration.pools, each.pool)) : driver.error();
    if (lost) failures["volumes/" + each.name] = lost->text();
    return lost.has_value();
  });
  const NameIndex volumes(served.volumes);
  std::erase_if(served.maps, [&](const api::Map& each) { return volumes.find(each.volume) == nullptr; });
  for (api::Group& group : served.groups)
    std::erase_if(group.volumes, [&](const std::string& each) { return volumes.find(each) == nullptr; });
  std::erase_if(served.hosts, [&](const api::Host& each) {
    const std::optional<Error> lost = lost_of(each);
    if (lost) failures["hosts/" + each.name] = lost->text();
    return lost.has_value();
  });
  // Discovery must not become open: where its secret is lost, nobody can prove it, and sessions go on.
  std::set<std::string> lost;
  for (const api::Portal& each : served.portals) {
    if (!each.discovery_chap) continue;
    for (const std::string& reference : {each.discovery_chap->secret, each.discovery_chap->mutual_secret}) {
      if (reference.empty()) continue;
      const auto secret = secrets_->get(reference);
      if (secret) continue;
      failures["portals/" + each.name] = secret.error().text();
      lost.insert(reference);
    }
  }
  CompileSources sources;
  sources.secret_of = [&](const std::string& reference) -> Result<std::string> {
    if (!lost.contains(reference)) return secrets_->get(reference);
    return hex_of(nobody_knows_) + reference;
  };
  sources.store_of = [&](const api::Volume& volume) -> Result<rpc::StoreDocument> {
    TRY_ASSIGN(const auto driver, driver_in(configuration, volume.pool));
    storage::EngineStore store = driver->engine_store(volume);
    return rpc::StoreDocument{std::move(store.kind), std::move(store.options)};
  };
  return compile(served, sources);
}

// The engine's answer, with the place of an error as the API writes it.
Result<void> Array::apply_whole(const rpc::Document& document) {
  const auto applied = parts_.engine->apply(document, false);
  if (applied) return {};
  Error error = applied.error();
  error.place = api_place(document, error.place);
  return std::unexpected(std::move(error));
}

// An engine that runs with what was never put in force (its answer was lost, or the agent ended) may hold on to it: such a
// volume goes and comes back, or becomes as small as it was.
Result<void> Array::apply_over(const rpc::Document& document) {
  std::set<std::string> reopen, resized;
  while (true) {
    rpc::Document without = document;
    take_out_volumes(without, reopen);
    const Result<void> applied = apply_whole(without);
    if (applied) return reopen.empty() ? applied : apply_whole(document);
    const std::string name = name_in(applied.error().place, "volumes/");
    if (applied.error().code != ErrorCode::already_exists || name.empty()) return applied;
    if (applied.error().place.ends_with("/size_bytes") && resized.insert(name).second) {
      for (const rpc::VolumeDocument& each : document.volumes) {
        if (each.name == name) static_cast<void>(parts_.engine->resize(name, each.size_bytes, true));
      }
      continue;
    }
    if (!reopen.insert(name).second) return applied;
  }
}

// What fails and is in `may_fail` (null: all may) is left out, and the rest applied.
Result<void> Array::apply(rpc::Document& document, Failures& failures, const Failures* may_fail) {
  while (true) {
    const Result<void> applied = may_fail == nullptr ? apply_over(document) : apply_whole(document);
    if (applied) return {};
    rpc::Document rest = document;
    const std::string failed = take_out_failed(rest, applied.error());
    if (failed.empty() || (may_fail != nullptr && !may_fail->contains(failed))) return applied;
    // Tried again every few seconds: said once.
    const Failures known = this->failures();
    const auto said = known.find(failed);
    if (said == known.end() || said->second != applied.error().message)
      log_error("agent", "{} is not served: {}", failed, applied.error().text());
    failures[failed] = applied.error().message;
    document = std::move(rest);
  }
}

Result<void> Array::give(const Configuration& next, const Work& work, Failures& failures) {
  // What was left out when it was last served may fail still, or no change could be made while a disk is away.
  const Failures before = this->failures();
  TRY_ASSIGN(rpc::Document document, document_of(next, failures));
  for (const Shrink& each : work.shrinks) {
    if (!before.contains("volumes/" + each.volume))
      TRY(parts_.engine->resize(each.volume, each.to_bytes, true));
  }
  if (!work.reopen.empty()) {
    rpc::Document without = document;
    take_out_volumes(without, work.reopen);
    Failures ignored;
    TRY(apply(without, ignored, &before));
  }
  return apply(document, failures, &before);
}

Result<void> Array::tell_engine(const Configuration& next, const Work& work) {
  if (!work.engine) return {};
  Failures failures;
  const Result<void> given = give(next, work, failures);
  if (!given) {
    // Back to what was served before, as far as it goes: a shrink cannot be taken back, and of an answer that did not come
    // nobody knows what it would have said.
    static_cast<void>(serve_locked());
    return given;
  }
  const std::lock_guard lock(mutex_);
  failures_ = std::move(failures);
  return {};
}

std::string Array::api_place(const rpc::Document& document, const std::string& place) {
  for (const std::string_view list : {"volumes", "hosts", "portals", "targets", "groups"}) {
    const auto index = index_in(place, list);
    if (!index) continue;
    std::string name;
    if (list == "volumes" && *index < document.volumes.size()) name = document.volumes[*index].name;
    if (list == "hosts" && *index < document.hosts.size()) name = document.hosts[*index].name;
    if (list == "portals" && *index < document.portals.size()) name = document.portals[*index].name;
    if (list == "targets" && *index < document.targets.size()) name = document.targets[*index].name;
    if (list == "groups" && *index < document.groups.size()) name = document.groups[*index].name;
    const size_t dot = place.find("].");
    std::string rest = dot == std::string::npos ? "" : "/" + place.substr(dot + 2);
    if (!name.empty()) return fmt::format("{}/{}{}", list, name, rest);
  }
  return place;
}

Result<void> Array::serve() {
  const std::lock_guard lock(changes_);
  TRY(serve_locked());
  do_afterwork();
  return {};
}

Result<void> Array::serve_locked() {
  Failures failures;
  TRY_ASSIGN(rpc::Document document, document_of(view()->configuration, failures));
  const Result<void> applied = apply(document, failures, nullptr);
  // An engine that is away says nothing of what it can serve.
  if (!applied && applied.error().code == ErrorCode::closed) return applied;
  const std::lock_guard lock(mutex_);
  failures_ = std::move(failures);
  return applied;
}

}  // namespace ashlar::agent
