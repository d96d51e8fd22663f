// Asymmetric access to units (SPC-4 5.15; NVMe calls it ANA): how well each target port group reaches the units of a group, who may
// change that, and what a state lets through. Pure: no bytes of SCSI or NVMe.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ashlar::unit {

/// ASYMMETRIC ACCESS STATE (SPC-4 6.37). The numbers are those of the standard; 4h, logical block dependent, is not supported.
enum class AccessState : uint8_t {
  active_optimized = 0x0,
  active_non_optimized = 0x1,
  standby = 0x2,
  unavailable = 0x3,
  offline = 0xe,
  transitioning = 0xf,
};
bool is_access_state(uint8_t number);
inline bool is_active(AccessState state) { return state <= AccessState::active_non_optimized; }

/// Who changed a state last: STATUS CODE (SPC-4 6.37).
enum class AccessChanger : uint8_t {
  nobody = 0,
  host = 1,   ///< SET TARGET PORT GROUPS: explicitly
  array = 2,  ///< the document: implicitly
};

struct PortGroupAccess {
  uint16_t tag = 1;  ///< portal group tag: target port group and relative target port
  AccessState state = AccessState::active_optimized;
  bool preferred = false;
  AccessChanger changer = AccessChanger::nobody;
  bool operator==(const PortGroupAccess&) const = default;
};

/// The states of one group of units (a logical unit group, SPC-4 3.1.79: its units change together). An immutable snapshot once it
/// is published.
struct AccessStates {
  static constexpr size_t most_port_groups = 64;

  std::string group;              ///< resource name; empty: of units without a group, which nobody changes
  bool explicit_changes = false;  ///< hosts may change them, too
  std::vector<PortGroupAccess> port_groups;  ///< by tag; one that is not listed is active/optimized
  std::string changed_by;  ///< initiator port of the host that changed it last; empty: no host did
  /// While some group is transitioning: what stood before any was.
  std::optional<std::vector<PortGroupAccess>> before_transition{};

  PortGroupAccess of(uint16_t tag) const;
  bool operator==(const AccessStates&) const = default;
};

/// What a command needs of the way that it came by (SPC-4 5.15.2.4).
enum class AccessNeed : uint8_t {
  medium,      ///< the unit's data
  parameters,  ///< what is told or set beside its data: in standby too
  steering,    ///< SET TARGET PORT GROUPS: the way out of standby and unavailable
  nothing,     ///< what a host must know of every way: INQUIRY, the states themselves
};
bool allows(AccessState state, AccessNeed need);

/// SET TARGET PORT GROUPS of one host.
struct HostAccessChange {
  std::string initiator_port;
  std::vector<std::pair<uint16_t, AccessState>> wishes;  ///< by tag
  std::vector<uint16_t> known_tags;                      ///< of the target that was asked
};

enum class AccessStatus : uint8_t {
  good,
  not_allowed,          ///< only the array changes these states
  unknown_group,        ///< `wrong` names a tag that the target has not, or a second time
  invalid_state,        ///< `wrong` asks for what no host can ask for
  invalid_combination,  ///< no port group would be active afterwards: `wrong` is the last
  failed,               ///< the array keeps that port group out, and knows why
};

struct AccessOutcome {
  AccessStatus status = AccessStatus::good;
  size_t wrong = 0;    ///< index of the wish
  AccessStates after;  ///< as before, unless good
};
AccessOutcome apply(const AccessStates& now, const HostAccessChange& change);

/// What stands when the array puts `wish` in the place of `now`: states that differ were changed by it.
AccessStates apply(const AccessStates& now, const AccessStates& wish);

/// What hosts must be told when `after` takes the place of `before`. Nobody is told that a transition begins: commands wait for its
/// end, which is told.
struct AccessNews {
  bool states = false;    ///< ASYMMETRIC ACCESS STATE CHANGED
  bool failed = false;    ///< with states: a transition has ended where it began
  bool identity = false;  ///< what INQUIRY tells of it
};
AccessNews news(const AccessStates& before, const AccessStates& after);

}  // namespace ashlar::unit
