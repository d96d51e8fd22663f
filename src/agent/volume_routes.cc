// What volumes and snapshots have beside what every resource has.
#include "agent/call.h"
#include "agent/completion.h"
#include "agent/connect_text.h"
#include "agent/recycling.h"
#include "agent/resource_json.h"
#include "agent/resource_status.h"
#include "api/lists.h"
#include "api/settings.h"
#include "http/client.h"
#include "json/sizes.h"

namespace ashlar::agent {
namespace {

using api::Configuration;
using api::Json;

Answer show_volume(Call& call, const std::string& name, int status, const View& view) {
  const api::Kind& kind = *api::find_kind("volumes");
  ROUTE_TRY_ASSIGN(Json resource, find_resource(view.configuration, kind, name, api::Secrets::redact));
  ResourceStatus(call.service, kind, name).add(resource);
  http::Response response = json_response(status, resource);
  if (status == 201)
    response.headers.emplace_back("Location", "/api/v1/volumes/" + http::percent_encode(name));
  return response;
}

Result<uint64_t> size_in(const Json& body) {
  const Json& size = body["size_bytes"];
  if (size.is_string()) return json::parse_size(size.get<std::string>(), "size_bytes");
  return size.get<uint64_t>();
}

Answer resize(Call& call) {
  const std::string name = call.name();
  ROUTE_TRY_ASSIGN(const uint64_t size, size_in(*call.body));
  const bool shrink = call.body->value("shrink", false);
  const std::string* if_match = http::find_header(call.request.headers, "If-Match");
  const std::string match = if_match == nullptr ? "*" : *if_match;
  const auto edit = [name, size, shrink, match](Configuration& next) -> Result<void> {
    const api::Kind& kind = *api::find_kind("volumes");
    TRY_ASSIGN(const Json now, find_resource(next, kind, name, api::Secrets::show));
    TRY(check_match(match, now, "volumes/" + name));
    api::Volume& volume = *api::find_named(next.volumes, name);
    if (api::is_cdrom(volume))
      return fail(ErrorCode::invalid_argument, "size_bytes",
                  "of a CD-ROM drive is that of the medium in it: insert another");
    if (size < volume.size_bytes && !shrink) {
      return fail(ErrorCode::invalid_argument, "shrink",
                  "{} is less than the {} of volume {}: what lies past the new end is lost; say shrink",
                  json::print_size(size), json::print_size(volume.size_bytes), name);
    }
    volume.size_bytes = size;
    return {};
  };
  return make_change(call, edit, [&call, name](const Outcome& outcome) {
    return show_volume(call, name, 200, *outcome.view);
  });
}

// `medium` empty: ejects. With force a host that keeps the medium in is overruled.
Answer change_medium(Call& call, const std::string& medium) {
  const std::string name = call.name();
  const auto edit = [name, medium](Configuration& next) -> Result<void> {
    TRY(find_resource(next, *api::find_kind("volumes"), name, api::Secrets::show));
    api::Volume& volume = *api::find_named(next.volumes, name);
    if (!api::is_cdrom(volume))
      return fail(ErrorCode::invalid_argument, "volumes/" + name,
                  "is a disk: only a CD-ROM drive has a medium to change");
    volume.medium = medium;
    return {};
  };
  const auto view = call.service.array.view();
  const api::Volume* now = api::find_named(view->configuration.volumes, name);
  if (call.flag("force") && !call.flag("dry_run") && now != nullptr && api::is_cdrom(*now))
    ROUTE_TRY(call.service.engine.allow_removal(name));
  return make_change(call, edit, [&call, name](const Outcome& outcome) {
    return show_volume(call, name, 200, *outcome.view);
  });
}

Answer insert(Call& call) { return change_medium(call, call.body->value("medium", "")); }
Answer eject(Call& call) { return change_medium(call, ""); }

Answer connect(Call& call) {
  ROUTE_TRY_ASSIGN(std::string text,
                   connect_text(call.service.array.view()->configuration, call.name(),
                                call.query.value("host", ""), call.query.value("format", "")));
  return json_response(200, {{"text", std::move(text)}});
}

Answer clear_reservations(Call& call) {
  const std::string name = call.name();
  const auto view = call.service.array.view();
  ROUTE_TRY(find_resource(view->configuration, *api::find_kind("volumes"), name, api::Secrets::redact));
  ROUTE_TRY(call.service.engine.clear_reservations(name));
  call.service.events.tell("volumes", "reservations_cleared", name, call.principal.user, {});
  return show_volume(call, name, 200, *view);
}

std::string mark_of(Call& call) {
  return sha256_hex(fmt::format("{} {}", call.trace_id, call.service.now())).substr(0, 8);
}

Answer erase(Call& call) {
  const std::string name = call.name();
  const std::string* if_match = http::find_header(call.request.headers, "If-Match");
  const std::string match = if_match == nullptr ? "*" : *if_match;
  const auto edit = [name, match, now = call.service.now(),
                     mark = mark_of(call)](Configuration& next) -> Result<void> {
    TRY_ASSIGN(const Json volume, find_resource(next, *api::find_kind("volumes"), name, api::Secrets::show));
    TRY(check_match(match, volume, "volumes/" + name));
    return recycle(next, name, now, api::setting_number(next, "recycle_bin.hours"), mark);
  };
  return make_change(call, edit, [](const Outcome& outcome) -> Answer { return plan_response(outcome); });
}

Answer purge(Call& call) {
  const auto edit = [name = call.name()](Configuration& next) -> Result<void> {
    TRY_ASSIGN(const std::string entry, find_recycled(next, name));
    std::erase_if(next.recycle_bin, [&entry](const api::DeletedVolume& each) { return each.name == entry; });
    return {};
  };
  return make_change(call, edit, [](const Outcome& outcome) -> Answer { return plan_response(outcome); });
}

Answer recover_volume(Call& call) {
  const std::string new_name = call.body ? call.body->value("name", "") : "";
  const auto view = call.service.array.view();
  ROUTE_TRY_ASSIGN(const std::string entry, find_recycled(view->configuration, call.name()));
  const api::DeletedVolume* deleted = api::find_named(view->configuration.recycle_bin, entry);
  const std::string name = new_name.empty() && deleted != nullptr ? deleted->volume.name : new_name;
  return make_change(
      call, [entry, new_name](Configuration& next) { return recover(next, entry, new_name); },
      [&call, name](const Outcome& outcome) { return show_volume(call, name, 201, *outcome.view); });
}

Result<const api::Snapshot*> snapshot_of(const Configuration& configuration, const std::string& name) {
  const api::Snapshot* snapshot = api::find_named(configuration.snapshots, name);
  if (snapshot != nullptr) return snapshot;
  return fail(ErrorCode::not_found, "snapshots/" + name, "there is no snapshot '{}'", name);
}

Answer restore(Call& call) {
  const std::string name = call.name();
  const auto edit = [name](Configuration& next) -> Result<void> {
    TRY_ASSIGN(const api::Snapshot* snapshot, snapshot_of(next, name));
    api::Volume& volume = *api::find_named(next.volumes, snapshot->volume);
    // A name for the new storage is chosen when the wish is completed.
    volume.backing = std::string(new_backing);
    volume.origin = name;
    volume.size_bytes = snapshot->size_bytes;
    return {};
  };
  return make_change(call, edit, [](const Outcome& outcome) -> Answer { return plan_response(outcome); });
}

Answer clone(Call& call) {
  const std::string name = call.name();
  const Json body = *call.body;
  const std::string new_name = body.value("name", "");
  ROUTE_TRY(may_create(call, "volumes", new_name));
  const auto edit = [name, new_name, body](Configuration& next) -> Result<void> {
    TRY_ASSIGN(const api::Snapshot* snapshot, snapshot_of(next, name));
    if (api::find_named(next.volumes, new_name) != nullptr)
      return fail(ErrorCode::already_exists, "name", "there is a volume '{}' already", new_name);
    api::Volume copy = *api::find_named(next.volumes, snapshot->volume);
    copy.name = new_name;
    copy.size_bytes = snapshot->size_bytes;
    copy.origin = name;
    copy.comment = body.value("comment", "");
    copy.backing.clear();
    copy.created_at.clear();
    // A copy is another disk to its hosts, of the same make.
    copy.identity.naa.clear();
    copy.identity.eui64.clear();
    copy.identity.uuid.clear();
    copy.identity.serial.clear();
    next.volumes.push_back(std::move(copy));
    return {};
  };
  return make_change(call, edit, [&call, new_name](const Outcome& outcome) {
    return show_volume(call, new_name, 201, *outcome.view);
  });
}

}  // namespace

void add_volume_routes(Routes& routes) {
  routes["resizeVolume"] = resize;
  routes["insertMedium"] = insert;
  routes["ejectMedium"] = eject;
  routes["connectVolume"] = connect;
  routes["clearVolumeReservations"] = clear_reservations;
  routes["deleteVolume"] = erase;
  routes["purgeDeletedVolume"] = purge;
  routes["recoverDeletedVolume"] = recover_volume;
  routes["restoreSnapshot"] = restore;
  routes["cloneSnapshot"] = clone;
}

}  // namespace ashlar::agent
