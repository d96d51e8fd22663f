// SCST's configuration as scstadmin writes it (scst.conf).
#include <algorithm>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/identity.h"
#include "convert/draft.h"

namespace ashlar::convert {
namespace {

constexpr std::string_view not_ours = "nothing here stands for it";

// scst_vdisk.c, vdisk_gen_dev_id_num(): the names of a device that was given none. The kernel's crc32c() has no final
// inversion, and counts the NUL.
uint64_t drawn_number(const std::string& device, uint64_t setup) {
  const std::string_view with_nul(device.c_str(), device.size() + 1);
  return setup << 32 | crc32c_update(0, bytes_of(with_nul));
}

std::string hex_digits(std::string text) {
  if (text.starts_with("0x") || text.starts_with("0X")) text.erase(0, 2);
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

bool is_pattern(std::string_view name) { return name.find_first_of("*?!") != std::string_view::npos; }

class Importer {
 public:
  Result<Import> run(const Statement& text) {
    Section root(draft_, text);
    setup_ = root.number("setup_id", 0);
    for (const Statement* handler : root.all("HANDLER")) devices_of(*handler);
    for (const Statement* driver : root.all("TARGET_DRIVER")) targets_of(*driver);
    for (const Statement* group : root.all("DEVICE_GROUP")) device_group(*group);
    root.leave_rest("a setting of the SCST core");
    return std::move(draft_).take();
  }

 private:
  struct Lun {
    std::string volume;
    uint16_t number = 0;
    bool read_only = false;
    std::string where;
  };

  void devices_of(const Statement& handler);
  void device(const std::string& handler, const Statement& statement);
  void identity(Section& section, api::Volume& volume, const std::string& handler, const std::string& name);
  void targets_of(const Statement& driver);
  void target(const Statement& statement);
  void portals(Section& section, api::Target& target);
  Login login_of(Section& section);
  std::vector<Lun> luns_of(Section& section);
  bool group(const Statement& statement, const api::Target& target, const Login& login);
  void open(const std::vector<Lun>& luns, const api::Target& target, const Login& login);
  void device_group(const Statement& statement);
  void target_group(const Statement& statement, const std::string& devices,
                    const std::vector<std::string>& volumes);

  Draft draft_;
  uint64_t setup_ = 0;
  std::map<std::string, std::string> volumes_;         ///< SCST's device -> the volume's name
  std::map<std::string, const api::Target*> targets_;  ///< by SCST's name
  std::set<std::string> explicit_;                     ///< volumes whose hosts may change access states
};

void Importer::devices_of(const Statement& handler) {
  Section section(draft_, handler);
  for (const Statement* each : section.all("DEVICE")) device(handler.value, *each);
  section.leave_rest("a setting of an SCST handler");
}

void Importer::device(const std::string& handler, const Statement& statement) {
  Section section(draft_, statement);
  const std::string& name = statement.value;
  const std::string where = section.where();
  api::Volume* volume = nullptr;
  if (handler == "vdisk_fileio" || handler == "vdisk_blockio") {
    volume = draft_.add_volume(name, section.text("filename"), where);
  } else if (handler == "vdisk_nullio") {
    volume = draft_.add_volume_in("null", name, where);
  } else {
    draft_.leave_out(where, fmt::format("device {} of {}", name, handler),
                     "only disks of vdisk_fileio, vdisk_blockio and vdisk_nullio are taken over");
  }
  if (volume == nullptr) return;
  volumes_.emplace(name, volume->name);
  const uint64_t megabytes = section.number("size_mb", 0);
  const uint64_t size = section.number("size", megabytes << 20);
  const bool through = section.flag("write_through", false), nonvolatile = section.flag("nv_cache", false);
  volume->write_cache = !through && !nonvolatile;
  volume->thin = section.flag("thin_provisioned", false);
  volume->read_only = section.flag("read_only", false);
  volume->removable = section.flag("removable", false);
  if (!draft_.set_geometry(*volume, size, section.number("blocksize", 512), where)) return;
  if (!section.flag("lb_per_pb_exp", true)) volume->physical_block_bytes = volume->block_bytes;
  if (nonvolatile) {
    draft_.leave_out(where, fmt::format("nv_cache of {}", name),
                     "a flush that a host asks for is always carried out here");
  }
  if (section.flag("expl_alua", false)) explicit_.insert(volume->name);
  identity(section, *volume, handler, name);
  section.leave_rest("an attribute of SCST's devices that has no counterpart");
}

void Importer::identity(Section& section, api::Volume& volume, const std::string& handler,
                        const std::string& name) {
  const std::string number = fmt::format("{:x}", drawn_number(name, setup_));
  const auto or_else = [](std::string text, std::string fallback) { return text.empty() ? fallback : text; };
  api::Identity identity;
  identity.serial = or_else(section.text("usn"), number);
  identity.naa = hex_digits(section.text("naa_id"));
  identity.eui64 = hex_digits(section.text("eui64_id"));
  const std::string device_id = or_else(section.text("t10_dev_id"), fmt::format("{}-{}", number, name));
  if (identity.naa.empty() && identity.eui64.empty()) {
    // Then SCST shows the first eight bytes of the T10 device id as an EUI-64 (vdisk_inq_page83()).
    std::string first(device_id, 0, 8);
    first.resize(8, '\0');
    identity.eui64 = hex_of(bytes_of(first));
  }
  identity.vendor = or_else(section.text("t10_vend_id"), handler == "vdisk_fileio" ? "SCST_FIO" : "SCST_BIO");
  identity.product = or_else(section.text("prod_id"), name.substr(0, 16));
  identity.revision = or_else(section.text("prod_rev_lvl"), identity.revision);
  draft_.leave_out(section.where(), fmt::format("T10 device id {} of {}", device_id, name),
                   "volumes are known by NAA, EUI-64, UUID and serial number");
  draft_.set_identity(volume, std::move(identity), section.where());
}

void Importer::targets_of(const Statement& driver) {
  Section section(draft_, driver);
  const std::vector<const Statement*> targets = section.all("TARGET");
  if (driver.value != "iscsi") {
    const std::string why = driver.value == "copy_manager"
                                ? "it is SCST's own; every volume here can be copied from and to"
                                : "only the targets of driver iscsi are taken over";
    for (const Statement* each : targets)
      draft_.leave_out(Section::where_of(*each), fmt::format("target {} of {}", each->value, driver.value),
                       why);
    section.leave_rest(why);
    return;
  }
  section.flag("enabled", true);
  for (const Statement* each : targets) target(*each);
  for (const char* key : {"IncomingUser", "OutgoingUser"}) {
    for (const Statement* each : section.all(key))
      draft_.leave_out(Section::where_of(*each),
                       fmt::format("{} {}", key, words_of(each->value + " ?").front()),
                       "discovery here asks for nothing but the host's own login");
  }
  section.leave_rest("a setting of SCST's iSCSI driver");
}

// Where scst.conf names no address, iscsi-scstd listens on all.
void Importer::portals(Section& section, api::Target& target) {
  for (const Statement* each : section.all("allowed_portal")) {
    const std::string where = Section::where_of(*each);
    if (is_pattern(each->value)) {
      draft_.leave_out(where, "allowed_portal " + each->value,
                       "portals are named one by one: make them, and name them in the target");
    } else if (const std::string* name = draft_.add_portal(each->value, 3260, 1, where)) {
      target.portals.push_back(*name);
    }
  }
  if (!target.portals.empty()) return;
  if (const std::string* name = draft_.add_portal("0.0.0.0", 3260, 1, section.where()))
    target.portals.push_back(*name);
}

Login Importer::login_of(Section& section) {
  const auto incoming = section.all("IncomingUser"), outgoing = section.all("OutgoingUser");
  const auto surplus = [this](const std::vector<const Statement*>& all, size_t kept) {
    for (size_t i = kept; i < all.size(); ++i) {
      draft_.leave_out(Section::where_of(*all[i]),
                       fmt::format("{} {}", all[i]->key, words_of(all[i]->value + " ?").front()),
                       kept == 0
                           ? "there is no IncomingUser, so that it is never used"
                           : "a host has one CHAP user: the first was taken for all hosts of the target");
    }
  };
  surplus(incoming, 1);
  surplus(outgoing, incoming.empty() ? 0 : 1);
  if (incoming.empty()) return {};
  std::vector<std::string> user = words_of(incoming[0]->value);
  std::vector<std::string> mutual =
      outgoing.empty() ? std::vector<std::string>{} : words_of(outgoing[0]->value);
  user.resize(2);
  mutual.resize(2);
  return draft_.login(user[0], user[1], mutual[0], mutual[1], Section::where_of(*incoming[0]));
}

std::vector<Importer::Lun> Importer::luns_of(Section& section) {
  std::vector<Lun> luns;
  for (const Statement* each : section.all("LUN")) {
    Section options(draft_, *each);
    std::vector<std::string> words = words_of(each->value);
    words.resize(std::max<size_t>(words.size(), 2));
    const uint64_t number = number_of(words[0], UINT64_MAX);
    const auto volume = volumes_.find(words[1]);
    const bool read_only = options.flag("read_only", false);
    options.leave_rest(not_ours);
    if (number > UINT16_MAX || volume == volumes_.end()) {
      draft_.leave_out(
          options.where(), "LUN " + each->value,
          number > UINT16_MAX ? "it is no LUN number" : "its device was left out, or there is none");
      continue;
    }
    luns.push_back({volume->second, static_cast<uint16_t>(number), read_only, options.where()});
  }
  return luns;
}

void Importer::open(const std::vector<Lun>& luns, const api::Target& target, const Login& login) {
  for (const Lun& lun : luns) {
    draft_.add_open_map(
        {.volume = lun.volume, .target = target.name, .lun = lun.number, .read_only = lun.read_only}, login,
        lun.where);
  }
}

// An initiator belongs to the first group that names it. True: this one names everybody.
bool Importer::group(const Statement& statement, const api::Target& target, const Login& login) {
  Section section(draft_, statement);
  const std::vector<Lun> luns = luns_of(section);
  std::vector<std::string> hosts;
  bool everybody = false;
  for (const Statement* each : section.all("INITIATOR")) {
    const std::string where = Section::where_of(*each);
    // "iqn...#192.168.1.1": the initiator through this portal alone (per_portal_acl).
    const size_t hash = each->value.find('#');
    const std::string name = each->value.substr(0, hash);
    const std::string portal = hash == std::string::npos ? "*" : each->value.substr(hash + 1);
    if (portal != "*") {
      draft_.leave_out(where, fmt::format("the portal {} of {}", portal, name),
                       "access is given for targets: name the target's portals instead");
    }
    if (name == "*") {
      everybody = true;
    } else if (is_pattern(name)) {
      draft_.leave_out(where, fmt::format("access of {} to {}", name, target.name),
                       "hosts name their initiators one by one, without patterns");
    } else if (const std::string* host = draft_.add_host(name, login, target.name, where);
               host != nullptr && std::ranges::find(hosts, *host) == hosts.end()) {
      hosts.push_back(*host);
    }
  }
  section.leave_rest("an attribute of SCST's groups that has no counterpart");
  if (everybody) open(luns, target, login);
  const api::Map whom = hosts.empty() ? api::Map{} : draft_.whom(statement.value, hosts);
  for (const Lun& lun : luns) {
    if (!hosts.empty()) {
      api::Map map = whom;
      map.volume = lun.volume;
      map.target = target.name;
      map.lun = lun.number;
      map.read_only = lun.read_only;
      draft_.add_map(std::move(map), lun.where);
    } else if (!everybody) {
      draft_.leave_out(lun.where,
                       fmt::format("LUN {} ({}) of group {}", lun.number, lun.volume, statement.value),
                       "the group has no initiator that was taken over");
    }
  }
  return everybody;
}

void Importer::target(const Statement& statement) {
  Section section(draft_, statement);
  api::Target* target = draft_.add_target(statement.value, section.where());
  if (target == nullptr) return;
  targets_.emplace(statement.value, target);
  if (!section.flag("enabled", true)) {
    draft_.leave_out(section.where(), "enabled 0 of target " + target->name,
                     "targets cannot be switched off here: it is taken over as one that is on");
  }
  target->alias = section.text("alias");
  section.flag("per_portal_acl", false);
  portals(section, *target);
  const Login login = login_of(section);
  const std::vector<Lun> luns = luns_of(section);
  bool everybody = false;
  for (const Statement* each : section.all("GROUP")) {
    if (everybody) {
      draft_.leave_out(Section::where_of(*each), "GROUP " + each->value,
                       "a group further up takes every initiator");
      continue;
    }
    everybody = group(*each, *target, login);
  }
  // The target's own LUNs are for initiators that no group names.
  if (!everybody) open(luns, *target, login);
  for (const Lun& lun : luns) {
    if (everybody)
      draft_.leave_out(lun.where, fmt::format("LUN {} ({})", lun.number, lun.volume),
                       "a group takes every initiator, so that nobody sees the target's own LUNs");
  }
  section.leave_rest("an attribute of SCST's targets that has no counterpart");
}

// SCST's words (scst_tg.c) for SPC-4's access states, in ours.
std::string access_state(std::string_view word) {
  constexpr std::pair<std::string_view, std::string_view> words[] = {
      {"active", "optimized"}, {"nonoptimized", "non_optimized"},
      {"standby", "standby"},  {"unavailable", "unavailable"},
      {"offline", "offline"},  {"transitioning", "transitioning"},
  };
  for (const auto& [theirs, ours] : words)
    if (word == theirs) return std::string(ours);
  return "";
}

// Targets make a target port group there, portals here: those of its targets.
void Importer::target_group(const Statement& statement, const std::string& devices,
                            const std::vector<std::string>& volumes) {
  Section section(draft_, statement);
  const uint64_t id = section.number("group_id", 0);
  const std::string word = section.text("state"), state = access_state(word.empty() ? "active" : word);
  const bool preferred = section.flag("preferred", false);
  if (state.empty()) {
    draft_.leave_out(section.where(), fmt::format("state {} of TARGET_GROUP {}", word, statement.value),
                     "there is no such access state here");
  }
  for (const Statement* each : section.all("TARGET")) {
    const auto target = targets_.find(each->value);
    if (target == targets_.end()) {
      draft_.leave_out(Section::where_of(*each),
                       fmt::format("target {} of TARGET_GROUP {}", each->value, statement.value),
                       "it is a target of another machine, or was left out");
    }
    if (target == targets_.end() || state.empty()) continue;
    for (const std::string& portal : target->second->portals) {
      draft_.set_group_tag(portal, id);
      for (const std::string& volume : volumes) {
        draft_.add_way({volume, portal, state, preferred, explicit_.contains(volume), devices,
                        Section::where_of(*each)});
      }
    }
  }
  section.leave_rest(not_ours);
}

void Importer::device_group(const Statement& statement) {
  Section section(draft_, statement);
  std::vector<std::string> volumes;
  for (const Statement* each : section.all("DEVICE")) {
    const auto volume = volumes_.find(each->value);
    if (volume != volumes_.end()) {
      volumes.push_back(volume->second);
    } else {
      draft_.leave_out(Section::where_of(*each),
                       fmt::format("device {} of DEVICE_GROUP {}", each->value, statement.value),
                       "it was left out, or there is none");
    }
  }
  for (const Statement* each : section.all("TARGET_GROUP")) target_group(*each, statement.value, volumes);
  section.leave_rest(not_ours);
}

}  // namespace

Result<Import> import_scst(std::string_view text) {
  TRY_ASSIGN(const Statement root, read_scst_text(text));
  const bool known = std::ranges::any_of(root.children, [](const Statement& each) {
    return each.key == "HANDLER" || each.key == "TARGET_DRIVER";
  });
  if (!known)
    return fail(ErrorCode::invalid_argument, "",
                "this is not a scst.conf: it has no HANDLER and no TARGET_DRIVER");
  return Importer().run(root);
}

}  // namespace ashlar::convert
