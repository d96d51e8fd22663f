// `ashlar volume list` and its like: what the engine's status tells, one kind of thing at a time.
#include <algorithm>

#include "cli/command.h"
#include "cli/tables.h"
#include "json/sizes.h"
#include "rpc/methods.h"
#include "rpc/status_fields.h"

namespace ashlar::cli {
namespace {

using rpc::Json;

// One list of the status, as `member` of it and as a table.
template <typename T>
Result<void> list(const Context& context, const char* member, std::vector<T> rpc::EngineStatus::* items) {
  TRY_ASSIGN(const Json json, context.call(rpc::method::status, Json::object()));
  TRY_ASSIGN(const rpc::EngineStatus status,
             rpc::decode<rpc::EngineStatus>(json, "", rpc::Unknown::overlook));
  context.show(table_of(status.*items), json.value(member, Json::array()));
  return {};
}

std::string details(const rpc::VolumeStatus& volume, const std::vector<rpc::MappingDocument>& mappings) {
  std::string text;
  const auto line = [&text](const char* name, const std::string& value) {
    text += fmt::format("{:<16}{}\n", name, printable(value));
  };
  line("name", volume.name);
  line("state", volume.state);
  line("size", fmt::format("{} ({} bytes)", json::print_size_rounded(volume.size_bytes), volume.size_bytes));
  line("blocks",
       fmt::format("{} bytes logical, {} physical", volume.block_bytes, volume.physical_block_bytes));
  line("provisioning", volume.thin ? "thin" : "thick");
  line("access", volume.read_only ? "read-only" : "read-write");
  line("write cache", volume.write_cache ? "on (write-back)" : "off (write-through)");
  line("removable", volume.removable ? "yes" : "no");
  line("naa", volume.identity.naa);
  line("eui64", volume.identity.eui64);
  line("uuid", volume.identity.uuid);
  line("serial", volume.identity.serial);
  line("product",
       fmt::format("{} {} {}", volume.identity.vendor, volume.identity.product, volume.identity.revision));
  line("store", volume.store.kind);
  for (const auto& [name, value] : volume.store.options) line(("  " + name).c_str(), value);
  line("sessions", std::to_string(volume.sessions));
  for (const rpc::MappingDocument& mapping : mappings) {
    if (mapping.volume != volume.name) continue;
    line("mapping", fmt::format("host {} sees it as LUN {} of {}{}", mapping.host, mapping.lun,
                                mapping.target, mapping.read_only ? ", read-only" : ""));
  }
  return text;
}

}  // namespace

Result<void> list_volumes(const Context& context) {
  return list(context, "volumes", &rpc::EngineStatus::volumes);
}
Result<void> list_targets(const Context& context) {
  return list(context, "targets", &rpc::EngineStatus::targets);
}
Result<void> list_hosts(const Context& context) { return list(context, "hosts", &rpc::EngineStatus::hosts); }
Result<void> list_portals(const Context& context) {
  return list(context, "portals", &rpc::EngineStatus::portals);
}

Result<void> list_sessions(const Context& context) {
  TRY_ASSIGN(const Json json, context.call(rpc::method::sessions, Json::object()));
  const Json list = json.value("sessions", Json::array());
  std::vector<rpc::SessionStatus> sessions;
  for (const Json& each : list) {
    TRY_ASSIGN(rpc::SessionStatus session, rpc::decode<rpc::SessionStatus>(each, "", rpc::Unknown::overlook));
    sessions.push_back(std::move(session));
  }
  context.show(table_of(sessions), list);
  return {};
}

Result<void> show_volume(const Context& context, const std::string& name) {
  TRY_ASSIGN(const Json json, context.call(rpc::method::status, Json::object()));
  TRY_ASSIGN(const rpc::EngineStatus status,
             rpc::decode<rpc::EngineStatus>(json, "", rpc::Unknown::overlook));
  for (size_t i = 0; i < status.volumes.size(); ++i) {
    if (status.volumes[i].name != name) continue;
    switch (context.format) {
      case Format::json: context.data(rpc::print_json(json["volumes"][i], 2) + "\n"); break;
      case Format::name: context.data(name + "\n"); break;
      default: context.data(details(status.volumes[i], status.mappings)); break;
    }
    return {};
  }
  return fail(ErrorCode::not_found, name,
              "there is no volume of that name; `ashlar volume list` shows those that are");
}

}  // namespace ashlar::cli
