// LIO's configuration as rtslib saves it (saveconfig.json).
#include <algorithm>

#include "convert/draft.h"

namespace ashlar::convert {
namespace {

using api::Json;

constexpr std::string_view not_ours = "nothing here stands for it";

// The identifier that the kernel makes of the unit serial: NAA 6, OUI 001405, and the first 25 hex digits of the serial
// (target_core_spc.c, spc_gen_naa_6h_vendor_specific()).
std::string lio_naa(std::string_view serial) {
  std::string naa = "6001405";
  for (const char c : serial) {
    if (naa.size() < 32 && std::isxdigit(static_cast<unsigned char>(c)))
      naa += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  naa.resize(32, '0');
  return naa;
}

class Importer {
 public:
  Result<Import> run(const Json& json) {
    ForeignObject root(draft_, json, "");
    root.each_of("storage_objects", [this](ForeignObject& each) { storage_object(each); });
    root.each_of("targets", [this](ForeignObject& each) { target(each); });
    root.each_of("fabric_modules", [](ForeignObject& each) {
      each.leave_rest(
          "settings of a kernel module; discovery here asks for nothing but the host's own login");
    });
    root.leave_rest(not_ours);
    return std::move(draft_).take();
  }

 private:
  void storage_object(ForeignObject& object);
  void access_of_storage(ForeignObject& object, const std::string& path);
  void attributes_of_storage(ForeignObject& object, api::Volume& volume, const std::string& plugin,
                             const std::string& name);
  api::Volume* volume_for(ForeignObject& object, const std::string& plugin, const std::string& name);
  void target(ForeignObject& object);
  void portal_group(ForeignObject& group, api::Target& target);
  std::vector<std::string> portals(ForeignObject& group, api::Target& target);
  void luns(ForeignObject& group, const std::vector<std::string>& portals,
            std::map<uint64_t, std::string>& volumes);
  void access(const std::string& object, const std::string& group, const std::vector<std::string>& portals,
              const std::string& where);
  Login login_of(ForeignObject& holder, bool in_force);
  void node_acl(ForeignObject& acl, const api::Target& target, bool authentication,
                const std::map<uint64_t, std::string>& volumes);
  void open_group(ForeignObject& group, ForeignObject& attributes, const api::Target& target,
                  const std::map<uint64_t, std::string>& volumes, bool authentication);

  /// A target port group of a storage object.
  struct PortGroup {
    std::string state;
    bool preferred = false;
    bool explicit_changes = false;
  };

  Draft draft_;
  std::map<std::string, std::string> volumes_;  ///< "/backstores/block/disk1" -> the volume's name
  std::map<std::pair<std::string, std::string>, PortGroup> port_groups_;  ///< by that path and their name
};

// The codes of SPC-4 6.37, in our words; empty for one that is not there.
std::string access_state(uint64_t code) {
  switch (code) {
    case 0x0: return "optimized";
    case 0x1: return "non_optimized";
    case 0x2: return "standby";
    case 0x3: return "unavailable";
    case 0xe: return "offline";
    case 0xf: return "transitioning";
    default: return "";
  }
}

// Each storage object has groups of its own, and each LUN says to which of them its portal group belongs.
void Importer::access_of_storage(ForeignObject& object, const std::string& path) {
  object.each_of("alua_tpgs", [&](ForeignObject& each) {
    constexpr uint64_t explicit_access = 2;
    const std::string name = each.text("name");
    const uint64_t code = each.number("alua_access_state", 0);
    const PortGroup group{access_state(code), each.flag("preferred", false),
                          (each.number("alua_access_type", 0) & explicit_access) != 0};
    each.number("tg_pt_gp_id", 0);  // the tag of the portals is the identifier here
    if (group.state.empty()) {
      draft_.leave_out(each.where(), fmt::format("access state {} of {}", code, name),
                       "there is no such access state here");
    } else {
      port_groups_.emplace(std::pair(path, name), group);
    }
    each.leave_rest("timers, and which states there are, are the same for all groups here");
  });
}

// `portals` are those of the portal group that the LUN is in.
void Importer::access(const std::string& object, const std::string& group,
                      const std::vector<std::string>& portals, const std::string& where) {
  const auto found = port_groups_.find({object, group});
  if (found == port_groups_.end()) {
    if (group.empty() || group == "default_tg_pt_gp") return;  // made by the kernel, optimized
    return draft_.leave_out(where, fmt::format("ALUA group {} of {}", group, object),
                            "the storage object has no group of that name that could be taken over");
  }
  const auto& [state, preferred, explicit_changes] = found->second;
  for (const std::string& portal : portals)
    draft_.add_way({volumes_.at(object), portal, state, preferred, explicit_changes, "", where});
}

api::Volume* Importer::volume_for(ForeignObject& object, const std::string& plugin, const std::string& name) {
  if (plugin == "fileio" || plugin == "block")
    return draft_.add_volume(name, object.text("dev"), object.where());
  if (plugin == "ramdisk")
    return draft_.add_volume_in(object.flag("nullio", false) ? "null" : "memory", name, object.where());
  draft_.leave_out(object.where(), fmt::format("{} {}", plugin, name),
                   plugin == "pscsi"
                       ? "it passes SCSI commands to a device as they are: use the device itself"
                       : "a storage object of this kind cannot be served");
  return nullptr;
}

void Importer::attributes_of_storage(ForeignObject& object, api::Volume& volume, const std::string& plugin,
                                     const std::string& name) {
  const Json& json = object.get("attributes");
  ForeignObject attributes(draft_, json, object.where() + "/attributes");
  const bool write_back = object.flag("write_back", false);
  volume.write_cache = attributes.flag("emulate_write_cache", write_back);
  // Both are asked, so that neither is left out.
  const bool unmap = attributes.flag("emulate_tpu", false),
             write_same = attributes.flag("emulate_tpws", false);
  volume.thin = unmap || write_same || plugin == "ramdisk";  // memory cannot be reserved
  volume.read_only = object.flag("readonly", false);
  const std::string where = object.where();
  if (!draft_.set_geometry(volume, object.number("size", 0), attributes.number("block_size", 512), where)) {
    object.leave_rest(not_ours);
    return;
  }
  if (volume.block_bytes > volume.physical_block_bytes) volume.physical_block_bytes = volume.block_bytes;
  const std::string serial = object.text("wwn");
  const bool alias = attributes.flag("emulate_model_alias", true);
  const std::string model = plugin == "block" ? "IBLOCK" : plugin == "fileio" ? "FILEIO" : "RAMDISK-MCP";
  api::Identity identity{
      .vendor = "LIO-ORG", .product = alias ? name.substr(0, 16) : model, .revision = "4.0"};
  if (!serial.empty()) {
    identity.naa = lio_naa(serial);
    identity.serial = serial;
    if (serial.size() == 36 && serial[8] == '-') identity.uuid = serial;
  }
  draft_.set_identity(volume, std::move(identity), where);
  attributes.leave_rest(
      "attributes of LIO that have no counterpart, or that are always as they should be here");
}

void Importer::storage_object(ForeignObject& object) {
  const std::string name = object.text("name"), plugin = object.text("plugin");
  api::Volume* volume = volume_for(object, plugin, name);
  if (volume == nullptr) return;
  const std::string path = fmt::format("/backstores/{}/{}", plugin, name);
  if (!volumes_.emplace(path, volume->name).second)
    draft_.leave_out(object.where(), path, "a storage object of this name stands further up; LUNs use that");
  access_of_storage(object, path);
  attributes_of_storage(object, *volume, plugin, name);
  object.leave_rest(not_ours);
}

void Importer::target(ForeignObject& object) {
  const std::string fabric = object.text("fabric"), name = object.text("wwn");
  if (fabric != "iscsi") {
    draft_.leave_out(object.where(), fmt::format("target {} of fabric {}", name, fabric),
                     "only iSCSI targets are taken over");
    return;
  }
  api::Target* target = draft_.add_target(name, object.where());
  if (target == nullptr) return;
  object.each_of("tpgs", [&](ForeignObject& group) { portal_group(group, *target); });
  object.leave_rest(not_ours);
}

std::vector<std::string> Importer::portals(ForeignObject& group, api::Target& target) {
  const uint64_t tag = group.number("tag", 1);
  std::vector<std::string> names;
  group.each_of("portals", [&](ForeignObject& portal) {
    const std::string* name =
        draft_.add_portal(portal.text("ip_address"), portal.number("port", 3260), tag, portal.where());
    if (name != nullptr) names.push_back(*name);
    if (name != nullptr && std::ranges::find(target.portals, *name) == target.portals.end())
      target.portals.push_back(*name);
    // False says what is so here as well.
    for (const char* kind : {"iser", "offload"}) {
      if (portal.flag(kind, false))
        draft_.leave_out(portal.where(), kind, "iSCSI is served over TCP; RDMA and offload are not");
    }
    portal.leave_rest(not_ours);
  });
  return names;
}

void Importer::luns(ForeignObject& group, const std::vector<std::string>& portals,
                    std::map<uint64_t, std::string>& volumes) {
  group.each_of("luns", [&](ForeignObject& lun) {
    const std::string object = lun.text("storage_object");
    const uint64_t index = lun.number("index", UINT64_MAX);
    const auto found = volumes_.find(object);
    if (found == volumes_.end()) {
      draft_.leave_out(lun.where(), fmt::format("LUN {} ({})", index, object),
                       "its storage object was left out");
    } else {
      volumes[index] = found->second;
      access(object, lun.text("alua_tg_pt_gp_name"), portals, lun.where());
    }
    lun.get("alias");  // the name of a link in configfs, drawn by rtslib
    lun.leave_rest(not_ours);
  });
}

Login Importer::login_of(ForeignObject& holder, bool in_force) {
  const std::string user = holder.text("chap_userid"), secret = holder.text("chap_password");
  const std::string mutual = holder.text("chap_mutual_userid"),
                    mutual_secret = holder.text("chap_mutual_password");
  if (in_force && user.empty())
    return {std::nullopt, "authentication is demanded, but there is no CHAP user: nobody could log in"};
  if (in_force) return draft_.login(user, secret, mutual, mutual_secret, holder.where());
  if (!user.empty()) {
    draft_.leave_out(holder.where(), fmt::format("CHAP user {}", user),
                     "the attribute authentication is 0, so that nobody had to prove it");
  }
  return {};
}

void Importer::node_acl(ForeignObject& acl, const api::Target& target, bool authentication,
                        const std::map<uint64_t, std::string>& volumes) {
  ForeignObject attributes(draft_, acl.get("attributes"), acl.where() + "/attributes");
  const Json& own = attributes.get("authentication");
  if (own.is_number_unsigned()) authentication = own.get<uint64_t>() != 0;  // -1: as the portal group says
  const std::string initiator = acl.text("node_wwn");
  const std::string* host =
      draft_.add_host(initiator, login_of(acl, authentication), target.name, acl.where());
  acl.each_of("mapped_luns", [&](ForeignObject& lun) {
    const uint64_t index = lun.number("index", UINT64_MAX);
    const auto volume = volumes.find(lun.number("tpg_lun", UINT64_MAX));
    const bool read_only = lun.flag("write_protect", false);
    lun.get("alias");
    lun.leave_rest(not_ours);
    if (volume == volumes.end() || index > UINT16_MAX) {
      draft_.leave_out(lun.where(), fmt::format("LUN {} of {}", index, initiator),
                       "the target has no such LUN, or it was left out");
    } else if (host != nullptr) {
      draft_.add_map({.volume = volume->second,
                      .target = target.name,
                      .host = *host,
                      .lun = static_cast<uint16_t>(index),
                      .read_only = read_only},
                     lun.where());
    }
  });
  attributes.leave_rest("timers and test switches of LIO's sessions");
  acl.leave_rest(not_ours);
}

// "Demo mode": initiators without an ACL see all LUNs of the portal group.
void Importer::open_group(ForeignObject& group, ForeignObject& attributes, const api::Target& target,
                          const std::map<uint64_t, std::string>& volumes, bool authentication) {
  const bool open = attributes.flag("generate_node_acls", false);
  const bool read_only = attributes.flag("demo_mode_write_protect", true);
  const Login login = login_of(group, authentication && open);
  if (!open) return;
  for (const auto& [index, volume] : volumes) {
    if (index > UINT16_MAX) {
      draft_.leave_out(group.where(), fmt::format("LUN {} ({}) of everybody", index, volume),
                       "it is no LUN number");
      continue;
    }
    draft_.add_open_map({.volume = volume,
                         .target = target.name,
                         .lun = static_cast<uint16_t>(index),
                         .read_only = read_only},
                        login, group.where());
  }
}

void Importer::portal_group(ForeignObject& group, api::Target& target) {
  if (!group.flag("enable", true)) {
    draft_.leave_out(group.where(), fmt::format("portal group {} of {}", group.number("tag", 1), target.name),
                     "it is not enabled, so that nobody reaches it");
    return;
  }
  ForeignObject attributes(draft_, group.get("attributes"), group.where() + "/attributes");
  ForeignObject parameters(draft_, group.get("parameters"), group.where() + "/parameters");
  const bool authentication = attributes.flag("authentication", false);
  std::map<uint64_t, std::string> volumes;
  luns(group, portals(group, target), volumes);
  target.alias = parameters.text("TargetAlias");
  group.each_of("node_acls", [&](ForeignObject& acl) { node_acl(acl, target, authentication, volumes); });
  open_group(group, attributes, target, volumes, authentication);
  attributes.leave_rest("attributes of LIO's portal groups that have no counterpart");
  parameters.leave_rest("login keys are negotiated with each host");
  group.leave_rest(not_ours);
}

}  // namespace

Result<Import> import_targetcli(std::string_view text) {
  TRY_ASSIGN(const Json json, api::parse_json(text));
  if (!json.is_object() || (!json.contains("storage_objects") && !json.contains("targets"))) {
    return fail(ErrorCode::invalid_argument, "",
                "this is not a saveconfig.json: it has neither storage_objects nor targets");
  }
  return Importer().run(json);
}

}  // namespace ashlar::convert
