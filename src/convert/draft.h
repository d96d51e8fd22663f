// A configuration while it is taken over from another system: names made fit and unique, pools made as volumes need them,
// everything that cannot be kept written down with its reason.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "convert/convert.h"
#include "convert/statement.h"

namespace ashlar::convert {

/// Names of [A-Za-z0-9._-] that differ, case and all: "-2", "-3" ... is added to the later ones.
class Names {
 public:
  explicit Names(size_t longest) : longest_(longest) {}
  std::string take(std::string_view wanted, std::string_view fallback);

 private:
  size_t longest_;
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, size_t, std::less<>> next_;
};

/// How initiators prove themselves on a target.
struct Login {
  std::optional<api::Chap> chap;
  std::string refused;  ///< why nobody could log in with what the configuration says; then nobody gets access
};

class Draft {
 public:
  void leave_out(std::string where, std::string what, std::string why);

  /// A volume that lives in a file or, when `path` begins with /dev/, on a device. Null: it cannot be kept, and was left out.
  api::Volume* add_volume(std::string_view name, std::string_view path, const std::string& where);
  /// One without storage behind it: `kind` is "memory" or "null".
  api::Volume* add_volume_in(std::string_view kind, std::string_view name, const std::string& where);
  api::Volume* volume_at(std::string_view path);
  /// Sets size and block size; false: they cannot be served, and the volume was left out.
  bool set_geometry(api::Volume& volume, uint64_t size_bytes, uint64_t block_bytes, const std::string& where);
  /// Sets the parts of the identity that are well formed and that no other volume has; leaves the rest out.
  void set_identity(api::Volume& volume, api::Identity identity, const std::string& where);

  /// Null: `name` is no iSCSI name, and was left out.
  api::Target* add_target(std::string_view name, const std::string& where);
  /// The portal's name; the same portal once more when it is there already. Null: not an address that can be kept.
  const std::string* add_portal(std::string_view address, uint64_t port, uint64_t group_tag,
                                const std::string& where);

  Login login(std::string_view user, std::string_view secret, std::string_view mutual_user,
              std::string_view mutual_secret, const std::string& where);
  /// The host of this initiator. Null: it gets no access to `target`, which was left out.
  const std::string* add_host(std::string_view initiator, const Login& login, const std::string& target,
                              const std::string& where);
  /// A host by its NQN, with keys or without. False: it was left out, for the name is none or is there already.
  bool add_nvme_host(std::string_view nqn, std::optional<api::Dhchap> dhchap, const std::string& where);
  /// The hosts as one name to map to: themselves when there is one, else a host group.
  api::Map whom(std::string_view group, std::vector<std::string> hosts);
  /// `map` has volume, target, host or host_group, lun and read_only.
  void add_map(api::Map map, const std::string& where);
  /// `map` is for every initiator that the target does not name: it has no host.
  void add_open_map(api::Map map, const Login& login, const std::string& where);

  /// How well a volume is reached by one portal; take() makes access groups of all that was said.
  struct Way {
    std::string volume, portal;  ///< names here
    std::string state;           ///< one of api::GroupAccess
    bool preferred = false;
    bool explicit_changes = false;
    std::string group;  ///< as the group of the volume was called; may be empty
    std::string where;
  };
  void add_way(Way way);
  /// Portals make target port groups here: `tag` becomes that of the portal, if none was set yet.
  void set_group_tag(const std::string& portal, uint64_t tag);

  Import take() &&;

 private:
  struct Open {
    api::Map map;
    Login login;
    std::string where;
  };
  const std::string& pool_of_folder(const std::string& folder);
  api::Pool& pool_of_kind(std::string_view kind, std::string_view name);
  api::Host* host_of(std::string_view initiator);
  void settle_open_maps();
  void settle_open_map(const Open& open, const std::vector<std::string>& bystanders);
  std::vector<api::Group> groups_of_ways();

  std::vector<Import::LeftOut> left_out_;
  std::deque<api::Pool> pools_;
  std::deque<api::Volume> volumes_;
  std::deque<api::Portal> portals_;
  std::deque<api::Target> targets_;
  std::deque<api::Host> hosts_;
  std::vector<api::HostGroup> host_groups_;
  std::map<std::vector<std::string>, std::string> groups_by_hosts_;
  std::map<std::string, std::vector<std::string>> hosts_by_group_;
  std::vector<api::Map> maps_;
  std::vector<Open> open_maps_;
  std::vector<Way> ways_;
  std::set<std::string> tagged_;  ///< portals
  std::map<std::string, api::Volume*, std::less<>> volumes_by_path_;
  std::map<std::string, std::string> pools_by_folder_;
  std::map<std::string, api::Target*> targets_by_name_;
  std::map<std::string, size_t, std::less<>> hosts_by_initiator_;
  std::set<std::string> dropped_volumes_;
  std::set<std::string> identities_;                     ///< "naa 6001405..."
  std::set<std::pair<std::string, std::string>> named_;  ///< host, target: it has maps there
  std::set<std::tuple<std::string, std::string, std::string>> volumes_of_;  ///< host, target, volume
  std::set<std::tuple<std::string, std::string, uint16_t>> luns_of_;        ///< host, target, LUN
  Names pool_names_{63}, volume_names_{63}, host_names_{63}, map_names_{128}, group_names_{63};
};

/// One object of a foreign JSON. What nobody asks for is left out.
class ForeignObject {
 public:
  ForeignObject(Draft& draft, const api::Json& object, std::string where)
      : draft_(draft), object_(object), where_(std::move(where)) {}
  const std::string& where() const { return where_; }
  const api::Json& get(std::string_view key);  ///< null when it is not there
  std::string text(std::string_view key);  ///< numbers and truth values as text; empty when it is not there
  uint64_t number(std::string_view key, uint64_t fallback);
  bool flag(std::string_view key, bool fallback);
  /// The objects of a list; what is not an object is left out. `each` gets a ForeignObject.
  template <typename Each>
  void each_of(std::string_view key, Each each) {
    const api::Json& list = get(key);
    if (!list.is_array() && !list.is_null())
      draft_.leave_out(where_, std::string(key), "it is not a list, as it should be");
    for (size_t i = 0; list.is_array() && i < list.size(); ++i) {
      ForeignObject item(draft_, list[i], fmt::format("{}/{}/{}", where_, key, i));
      if (list[i].is_object()) {
        each(item);
      } else {
        draft_.leave_out(item.where(), "an entry that is not an object", "nothing is known of it");
      }
    }
  }
  /// Leaves out all that was not asked for, as one entry. Values that are empty say nothing.
  void leave_rest(std::string_view why);

 private:
  Draft& draft_;
  const api::Json& object_;
  std::string where_;
  std::set<std::string, std::less<>> taken_;
};

/// One block of statements. What nobody asks for is left out.
class Section {
 public:
  Section(Draft& draft, const Statement& block);
  std::string where() const { return where_of(block_); }
  static std::string where_of(const Statement& statement) { return fmt::format("line {}", statement.line); }
  std::vector<const Statement*> all(std::string_view key);
  const Statement* last(std::string_view key);
  /// Its value, or empty.
  std::string text(std::string_view key);
  uint64_t number(std::string_view key, uint64_t fallback);
  bool flag(std::string_view key, bool fallback);
  /// An entry for each statement that was not asked for.
  void leave_rest(std::string_view why);

 private:
  Draft& draft_;
  const Statement& block_;
  std::set<std::string, std::less<>> taken_;
  std::map<std::string, const Statement*> last_;  ///< what last() said
};

/// Digits alone, decimal or after "0x"; `fallback` for anything else.
uint64_t number_of(std::string_view text, uint64_t fallback);
/// "KEY VALUE" for people; values that may be secrets are not shown.
std::string shown_pair(std::string_view key, std::string_view value, std::string_view between);
/// What stands behind the last ':' or, without one, all of it.
std::string_view last_part(std::string_view name);

// Each system's own, for import().
Result<Import> import_targetcli(std::string_view text);
Result<Import> import_scst(std::string_view text);
Result<Import> import_nvmet(std::string_view text);
Result<Import> import_tgt(std::string_view text);

}  // namespace ashlar::convert
