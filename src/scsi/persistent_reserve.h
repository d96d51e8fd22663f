// Persistent reservations as SCSI has them: the bytes of PERSISTENT RESERVE IN and OUT (SPC-4 6.15, 6.16) to and from
// unit/reservations.h, and how a change of them reaches every nexus.
#pragma once

#include <expected>
#include <map>
#include <set>
#include <vector>

#include "base/bytes.h"
#include "scsi/nexus_state.h"
#include "scsi/sense.h"
#include "scsi/unit_state.h"
#include "unit/reservations.h"

namespace ashlar::scsi {

/// READ KEYS, READ RESERVATION, REPORT CAPABILITIES, READ FULL STATUS.
enum class ReserveIn : uint8_t { keys = 0, reservation = 1, capabilities = 2, full_status = 3 };
/// `keeps`: reservations can outlive a power cycle here.
std::vector<uint8_t> reserve_in_data(ReserveIn action, const unit::Reservations& reservations, bool keeps);

/// What the meaning of a parameter list depends on, besides its bytes.
struct ReserveOutContext {
  unit::NexusName nexus;                           ///< who asks
  std::vector<unit::TargetPortName> target_ports;  ///< of the target that was asked
  bool keeps = false;                              ///< APTPL can be granted
};
/// The request of a PERSISTENT RESERVE OUT from its CDB and parameter list, or the sense of what is wrong with them. Where it names
/// initiator ports it may name iSCSI nodes instead (FORMAT CODE 00b): see named_nodes().
std::expected<unit::ReservationRequest, Sense> parse_reserve_out(const uint8_t* cdb, ConstBytes list,
                                                                 const ReserveOutContext& context);

/// The iSCSI nodes among its initiator ports. SPC-4 7.6.4.6: all ports of such a node that the device server knows are meant.
std::vector<std::string> named_nodes(const unit::ReservationRequest& request);
/// Puts the ports of its nodes in their place. False: it moves to a node that has no port here, or several.
bool put_ports(unit::ReservationRequest& request,
               const std::map<std::string, std::set<std::string>>& ports_of);
/// The initiator ports of these nodes that map the unit now, on any shard.
loop::Task<std::map<std::string, std::set<std::string>>> known_ports(Domain& domain, std::string volume,
                                                                     std::vector<std::string> nodes);

/// An iSCSI TransportID (SPC-4 7.6.4.6) of an initiator port, with its padding.
std::vector<uint8_t> transport_id(const std::string& initiator_port);

/// Decides on the home shard, in the order of asking; tells every shard, waits there for the tasks that the outcome aborts, then
/// gives the outcome's status. The caller's UnitState lives until then.
loop::Task<unit::ReservationStatus> change_reservations(Domain& domain, std::shared_ptr<UnitState> state,
                                                        std::string volume, unit::ReservationRequest request);

}  // namespace ashlar::scsi
