// How the engine is given what is to be served: as part of a change, and again whenever it has been away.
#include <charconv>

#include "agent/array.h"
#include "agent/compile.h"
#include "api/lists.h"
#include "base/log.h"

namespace ashlar::agent {
namespace {

using api::Configuration;

void take_out_volumes(rpc::Document& document, const std::set<std::string>& names) {
  std::erase_if(document.volumes, [&](const rpc::VolumeDocument& each) { return names.contains(each.name); });
  std::erase_if(document.mappings,
                [&](const rpc::MappingDocument& each) { return names.contains(each.volume); });
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

// Takes the one that cannot be served out of the document and names it as the API does; empty: nothing to blame.
std::string take_out_failed(rpc::Document& document, const Error& error) {
  if (const auto index = index_in(error.place, "volumes"); index && *index < document.volumes.size()) {
    const std::string name = document.volumes[*index].name;
    take_out_volumes(document, {name});
    return "volumes/" + name;
  }
  if (const auto index = index_in(error.place, "portals"); index && *index < document.portals.size()) {
    const std::string name = document.portals[*index].name;
    document.portals.erase(document.portals.begin() + static_cast<ptrdiff_t>(*index));
    for (rpc::TargetDocument& target : document.targets) std::erase(target.portals, name);
    return "portals/" + name;
  }
  return "";
}

}  // namespace

Result<rpc::Document> Array::document_of(const Configuration& configuration) {
  CompileSources sources;
  sources.secret_of = [this](const std::string& reference) { return secrets_->get(reference); };
  sources.store_of = [&](const api::Volume& volume) -> Result<rpc::StoreDocument> {
    TRY_ASSIGN(const auto driver, driver_in(configuration, volume.pool));
    storage::EngineStore store = driver->engine_store(volume);
    return rpc::StoreDocument{std::move(store.kind), std::move(store.options)};
  };
  return compile(configuration, sources);
}

Result<void> Array::tell_engine(const Configuration& next, const Work& work) {
  if (!work.engine) return {};
  Result<rpc::Document> document = document_of(next);
  if (!document) return std::unexpected(std::move(document).error());
  // What was left out when it was last served is left out still, or no change could be made while a disk is away.
  std::set<std::string> failed;
  for (const auto& [resource, reason] : failures()) {
    if (resource.starts_with("volumes/")) failed.insert(resource.substr(std::string_view("volumes/").size()));
  }
  take_out_volumes(*document, failed);
  for (const Shrink& each : work.shrinks) {
    if (!failed.contains(each.volume)) TRY(parts_.engine->resize(each.volume, each.to_bytes, true));
  }
  if (!work.reopen.empty()) {
    rpc::Document without = *document;
    take_out_volumes(without, work.reopen);
    TRY(parts_.engine->apply(without, false));
  }
  const auto applied = parts_.engine->apply(*document, false);
  if (applied) {
    // All portals were in it.
    const std::lock_guard lock(mutex_);
    std::erase_if(failures_, [](const auto& each) { return each.first.starts_with("portals/"); });
    return {};
  }
  if (!work.reopen.empty() || !work.shrinks.empty()) {
    // Back to what was served before, as far as it goes; a shrink cannot be taken back.
    const Result<rpc::Document> old = document_of(view()->configuration);
    if (old) static_cast<void>(parts_.engine->apply(*old, false));
  }
  Error error = applied.error();
  error.place = api_place(*document, error.place);
  return std::unexpected(std::move(error));
}

std::string Array::api_place(const rpc::Document& document, const std::string& place) {
  for (const std::string_view list : {"volumes", "hosts", "portals", "targets"}) {
    const auto index = index_in(place, list);
    if (!index) continue;
    std::string name;
    if (list == "volumes" && *index < document.volumes.size()) name = document.volumes[*index].name;
    if (list == "hosts" && *index < document.hosts.size()) name = document.hosts[*index].name;
    if (list == "portals" && *index < document.portals.size()) name = document.portals[*index].name;
    if (list == "targets" && *index < document.targets.size()) name = document.targets[*index].name;
    const size_t dot = place.find("].");
    std::string rest = dot == std::string::npos ? "" : "/" + place.substr(dot + 2);
    if (!name.empty()) return fmt::format("{}/{}{}", list, name, rest);
  }
  return place;
}

Result<void> Array::serve() {
  const std::lock_guard lock(changes_);
  return serve_locked();
}

Result<void> Array::serve_locked() {
  const std::shared_ptr<const View> now = view();
  Configuration served = now->configuration;
  std::map<std::string, std::string> failures;
  // A pool that cannot be used takes its volumes with it, no more.
  std::erase_if(served.volumes, [&](const api::Volume& each) {
    const auto driver = driver_in(now->configuration, each.pool);
    if (driver) return false;
    failures["volumes/" + each.name] = driver.error().text();
    return true;
  });
  std::erase_if(served.maps, [&](const api::Map& each) {
    return api::find_named(served.volumes, each.volume) == nullptr;
  });
  TRY_ASSIGN(rpc::Document document, document_of(served));
  Result<void> outcome;
  while (true) {
    const auto applied = parts_.engine->apply(document, false);
    if (applied) break;
    const std::string failed =
        applied.error().code == ErrorCode::closed ? "" : take_out_failed(document, applied.error());
    if (failed.empty()) {
      outcome = std::unexpected(applied.error());
      break;
    }
    log_error("agent", "{} is not served: {}", failed, applied.error().text());
    failures[failed] = applied.error().message;
  }
  const std::lock_guard lock(mutex_);
  failures_ = std::move(failures);
  return outcome;
}

}  // namespace ashlar::agent
