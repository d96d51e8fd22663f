// The configuration of tgt as tgt-admin reads it (targets.conf).
#include <algorithm>

#include "convert/draft.h"

namespace ashlar::convert {
namespace {

// tgt's spc.c, update_vpd_83(): every character of the SCSI id as a hex digit, others as 0; the last 32, the first being 6.
std::string tgt_naa(std::string_view id) {
  std::string digits;
  for (const char c : id) {
    const auto byte = static_cast<unsigned char>(c);
    digits += std::isxdigit(byte) ? static_cast<char>(std::tolower(byte)) : '0';
  }
  digits.insert(0, 32 - std::min<size_t>(digits.size(), 32), '0');
  digits = digits.substr(digits.size() - 32);
  digits[0] = "67676767efefefef"[digits[0] <= '9' ? digits[0] - '0' : digits[0] - 'a' + 10];  // 6 is or-ed in
  return digits;
}

std::pair<std::string_view, size_t> by_name(const Statement* each) { return {each->value, each->line}; }

// Options of a LUN: its own, else those that the target gives to all.
class Options {
 public:
  Options(Section& own, Section& target) : own_(own), target_(target) {}
  std::string text(std::string_view key) {
    const std::string general = target_.text(key);
    const Statement* own = own_.last(key);
    return own == nullptr ? general : own->value;
  }

 private:
  Section& own_;
  Section& target_;
};

struct Store {
  const Statement* statement;
  bool direct;
  uint64_t lun = 0;
};

class Importer {
 public:
  Result<Import> run(const Statement& text) {
    Section root(draft_, text);
    const std::string driver = root.text("default-driver");
    for (const Statement* each : root.all("include")) {
      draft_.leave_out(Section::where_of(*each), "include " + each->value,
                       "only this file was read: put the other files' text in its place");
    }
    std::vector<const Statement*> targets = root.all("target");
    // tgt-admin sorts them and counts target ids up, which the names of LUNs are made of.
    std::ranges::sort(targets, {}, by_name);
    uint64_t id = 0;
    for (const Statement* each : targets) {
      Section section(draft_, *each);
      id = section.number("controller_tid", id + 1);
      target(section, *each, id, driver.empty() ? "iscsi" : driver);
    }
    root.leave_rest("a setting of tgtd");
    return std::move(draft_).take();
  }

 private:
  void target(Section& section, const Statement& statement, uint64_t id, const std::string& default_driver);
  std::vector<Store> stores_of(Section& section);
  std::string volume(Section& section, const Store& store, uint64_t id);
  void identity(Options& options, api::Volume& volume, const Store& store, uint64_t id);
  Login login_of(Section& section);
  std::vector<std::string> hosts_of(Section& section, const api::Target& target, const Login& login,
                                    bool& everybody);

  Draft draft_;
};

// As tgt-admin numbers them: backing stores before direct ones, each kind by path; those without a number get the lowest that
// is free, from 1 on.
std::vector<Store> Importer::stores_of(Section& section) {
  std::vector<Store> stores;
  for (const bool direct : {false, true}) {
    std::vector<const Statement*> found = section.all(direct ? "direct-store" : "backing-store");
    std::ranges::sort(found, {}, by_name);
    for (const Statement* each : found) stores.push_back({each, direct});
  }
  const std::string fixed = section.text("lun");
  std::set<uint64_t> taken;
  for (Store& store : stores) {
    store.lun = number_of(fixed, 0);
    for (const Statement& option : store.statement->children)
      if (option.key == "lun" && fixed.empty()) store.lun = number_of(option.value, 0);
    if (store.lun != 0) taken.insert(store.lun);
  }
  uint64_t next = 1;
  for (Store& store : stores) {
    for (; store.lun == 0; ++next)
      if (taken.insert(next).second) store.lun = next;
  }
  return stores;
}

void Importer::identity(Options& options, api::Volume& volume, const Store& store, uint64_t id) {
  const auto or_else = [](std::string text, std::string fallback) { return text.empty() ? fallback : text; };
  const std::string where = Section::where_of(*store.statement);
  const std::string vendor = options.text("vendor_id"), product = options.text("product_id"),
                    revision = options.text("product_rev"), serial = options.text("scsi_sn");
  api::Identity identity;
  identity.naa =
      tgt_naa(or_else(options.text("scsi_id"), fmt::format("IET     {:04x}{:04x}", id, store.lun)));
  if (store.direct && (vendor.empty() || product.empty() || revision.empty() || serial.empty())) {
    draft_.leave_out(
        where, fmt::format("vendor, product, revision and serial number of {}", store.statement->value),
        "tgt-admin asks the disk for those that are not set: set them in the volume's identity if hosts "
        "go by them");
    identity.serial = serial;
  } else {
    identity.serial = or_else(serial, fmt::format("beaf{}{}", id, store.lun));
  }
  identity.vendor = or_else(vendor, "IET");
  identity.product = or_else(product, "VIRTUAL-DISK");
  identity.revision = or_else(revision, "0001");
  draft_.set_identity(volume, std::move(identity), where);
}

// The volume's name, or empty.
std::string Importer::volume(Section& section, const Store& store, uint64_t id) {
  const std::string& path = store.statement->value;
  Section own(draft_, *store.statement);
  Options options(own, section);
  own.last("lun");
  own.last("allow-in-use");
  const std::string type = options.text("device-type"), backend = options.text("bs-type");
  if ((!type.empty() && type != "disk") || (!backend.empty() && backend != "rdwr" && backend != "aio")) {
    draft_.leave_out(own.where(), fmt::format("LUN {} ({})", store.lun, path),
                     fmt::format("{} of {} are not served", type.empty() ? "disks" : type,
                                 backend.empty() ? "this kind" : backend));
    return {};
  }
  if (const api::Volume* there = draft_.volume_at(path)) {
    draft_.leave_out(
        own.where(), fmt::format("the options and identity of {} as LUN {}", path, store.lun),
        fmt::format("it is volume {} already, and has one identity on all targets", there->name));
    return there->name;
  }
  api::Volume* volume = draft_.add_volume(path.substr(path.rfind('/') + 1), path, own.where());
  if (volume == nullptr) return {};
  volume->thin = options.text("thin-provisioning") == "1";
  volume->write_cache = options.text("write-cache") != "off";
  volume->read_only = number_of(options.text("readonly"), 0) != 0;
  volume->removable = number_of(options.text("removable"), 0) != 0;
  const uint64_t block_bytes = number_of(options.text("block-size"), 512);
  if (draft_.set_geometry(*volume, 0, block_bytes, own.where())) identity(options, *volume, store, id);
  own.leave_rest("an option of tgt's LUNs that has no counterpart");
  return volume->name;
}

Login Importer::login_of(Section& section) {
  const auto incoming = section.all("incominguser"), outgoing = section.all("outgoinguser");
  const auto surplus = [this](const std::vector<const Statement*>& all, size_t kept) {
    for (size_t i = kept; i < all.size(); ++i) {
      draft_.leave_out(Section::where_of(*all[i]),
                       fmt::format("{} {}", all[i]->key, words_of(all[i]->value + " ?").front()),
                       kept == 0
                           ? "there is no incominguser, so that it is never used"
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

// Addresses and names both have to fit; without either everybody may come (tgt-admin binds ALL).
std::vector<std::string> Importer::hosts_of(Section& section, const api::Target& target, const Login& login,
                                            bool& everybody) {
  std::vector<std::string> hosts;
  const auto names = section.all("initiator-name");
  bool restricted = false;
  for (const Statement* each : section.all("initiator-address")) {
    if (each->value == "ALL") continue;
    restricted = true;
    draft_.leave_out(Section::where_of(*each), fmt::format("access from {} to {}", each->value, target.name),
                     names.empty()
                         ? "hosts are known by their iSCSI names, not by addresses: map the volumes to hosts"
                         : "hosts are known by their iSCSI names, which the target has too");
  }
  for (const Statement* each : names) {
    const std::string* host = draft_.add_host(each->value, login, target.name, Section::where_of(*each));
    if (host != nullptr && std::ranges::find(hosts, *host) == hosts.end()) hosts.push_back(*host);
  }
  everybody = names.empty() && !restricted;
  return hosts;
}

void Importer::target(Section& section, const Statement& statement, uint64_t id,
                      const std::string& default_driver) {
  const std::string own_driver = section.text("driver");
  const std::string& driver = own_driver.empty() ? default_driver : own_driver;
  if (driver != "iscsi") {
    draft_.leave_out(section.where(), fmt::format("target {} of driver {}", statement.value, driver),
                     "only iSCSI over TCP is served");
    return;
  }
  api::Target* target = draft_.add_target(statement.value, section.where());
  if (target == nullptr) return;
  if (const std::string* portal = draft_.add_portal("0.0.0.0", 3260, 1, section.where()))
    target->portals = {*portal};
  section.last("allow-in-use");  // a precaution of tgt-admin at start
  const Login login = login_of(section);
  bool everybody = false;
  const std::vector<std::string> hosts = hosts_of(section, *target, login, everybody);
  const api::Map whom = hosts.empty() ? api::Map{} : draft_.whom(last_part(target->name), hosts);
  for (const Store& store : stores_of(section)) {
    const std::string name = volume(section, store, id);
    if (name.empty()) continue;
    const std::string where = Section::where_of(*store.statement);
    api::Map map = whom;
    map.volume = name;
    map.target = target->name;
    map.lun = static_cast<uint16_t>(std::min<uint64_t>(store.lun, UINT16_MAX));
    if (everybody) {
      draft_.add_open_map(std::move(map), login, where);
    } else if (!hosts.empty()) {
      draft_.add_map(std::move(map), where);
    } else {
      draft_.leave_out(where, fmt::format("LUN {} ({}) on {}", store.lun, name, target->name),
                       "no host was taken over that may see it: map the volume");
    }
  }
  section.leave_rest("a parameter of tgt that has no counterpart, or that is negotiated with each host");
}

}  // namespace

Result<Import> import_tgt(std::string_view text) {
  TRY_ASSIGN(const Statement root, read_tgt_text(text));
  const bool known = std::ranges::any_of(root.children, [](const Statement& each) {
    return each.key == "target" || each.key == "include" || each.key == "default-driver";
  });
  if (!known)
    return fail(ErrorCode::invalid_argument, "", "this is not a targets.conf: it has no <target ...>");
  return Importer().run(root);
}

}  // namespace ashlar::convert
