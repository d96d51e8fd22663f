// Asymmetric logical unit access as SCSI has it (SPC-4 5.15): the bytes of REPORT and SET TARGET PORT GROUPS to and from
// unit/access.h, how a change reaches every nexus, and what becomes of commands meanwhile.
#pragma once

#include <expected>
#include <vector>

#include "base/bytes.h"
#include "scsi/handling.h"
#include "scsi/nexus_state.h"
#include "scsi/sense.h"
#include "scsi/unit_state.h"
#include "unit/access.h"

namespace ashlar::scsi {

/// TPGS in its place in byte 5 of the standard INQUIRY data (SPC-4 6.6.2). Implicit at the least: the array may change a state.
uint8_t target_port_group_support(const unit::AccessStates& states);

/// The parameter data of REPORT TARGET PORT GROUPS (SPC-4 6.37) for the port groups `tags`, ascending; one target port each.
std::vector<uint8_t> port_groups_data(const unit::AccessStates& states, const std::vector<uint16_t>& tags,
                                      bool extended_header);

/// The parameter list of SET TARGET PORT GROUPS (SPC-4 6.45), or the sense of what is wrong with it.
using AccessWishes = std::vector<std::pair<uint16_t, unit::AccessState>>;
std::expected<AccessWishes, Sense> parse_set_port_groups(ConstBytes list);

/// Those of the target, ascending; the one that the host came by is always among them, also when its portal is gone.
std::vector<uint16_t> port_group_tags(Handling handling);

/// Decides on the home shard, in the order of asking; gives the outcome when every shard knows. Every nexus but `asker` is told.
/// Both outlive it.
loop::Task<unit::AccessOutcome> change_access(Domain& domain, std::shared_ptr<UnitState> state,
                                              unit::HostAccessChange change, const unit::Nexus* asker);

/// The access state keeps the command back: it waits for the end of a transition, a bounded time, or has ended.
void hold_or_refuse(Handling handling);

}  // namespace ashlar::scsi
