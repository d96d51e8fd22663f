// Persistent reservations of one unit (SPC-4 5.12): who is registered, who holds what, and whom that keeps out. Pure: no bytes of
// SCSI or NVMe, no socket, no disk; the protocols translate to and from it, so that they keep each other out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unit/nexus.h"

namespace ashlar::unit {

/// SPC-4 table 44. The numbers are those of the standard.
enum class ReservationType : uint8_t {
  none = 0,
  write_exclusive = 1,
  exclusive_access = 3,
  write_exclusive_registrants_only = 5,
  exclusive_access_registrants_only = 6,
  write_exclusive_all_registrants = 7,
  exclusive_access_all_registrants = 8,
};
bool is_reservation_type(uint8_t number);
/// The holder and every other registered nexus may pass.
bool registrants_pass(ReservationType type);
/// Every registered nexus holds it; it ends with the last registration.
bool all_registrants(ReservationType type);

/// An I_T nexus by the names of its ports: it outlives sessions and restarts. Two targets may number their ports alike, so the
/// number alone names no port.
struct NexusName {
  std::string initiator_port;         ///< Nexus::initiator_port
  uint16_t relative_target_port = 1;  ///< of the port below
  std::string target_port;            ///< Nexus::target_port
  auto operator<=>(const NexusName&) const = default;
};
NexusName name_of(const Nexus& nexus);

struct Registration {
  NexusName nexus;
  uint64_t key = 0;               ///< never 0
  bool all_target_ports = false;  ///< was made for every target port at once; told by READ FULL STATUS
  bool operator==(const Registration&) const = default;
};

struct Reservations {
  static constexpr size_t most_registrations = 1024;

  uint32_t generation = 0;  ///< PRGENERATION
  bool persist = false;     ///< APTPL: kept across a power cycle
  /// What was kept could not be read: nobody may pass until REPLACE LOST RESERVATION (SPC-4 5.12.11.5).
  bool lost = false;
  std::vector<Registration> registrations;  ///< by nexus
  ReservationType type = ReservationType::none;
  NexusName holder;  ///< with a type that is neither none nor of all registrants
  /// Of the whole unit, as RESERVE(6) of SPC-2 has it: ends with its nexus and with every reset. Never beside registrations.
  std::optional<NexusName> unit_holder;

  const Registration* find(const NexusName& nexus) const;
  bool holds(const NexusName& nexus) const;
  bool operator==(const Reservations&) const = default;
};

enum class ReservationAction : uint8_t {
  register_key,
  reserve,
  release,
  clear,
  preempt,
  preempt_and_abort,
  register_and_ignore_existing_key,
  register_and_move,
  replace_lost_reservation,
  reserve_unit,             ///< RESERVE(6), SPC-2 5.5
  release_unit,             ///< RELEASE(6); of another's reservation it does nothing
  end_unit_reservation,     ///< the nexus is lost; without a name: a reset
  clear_for_administrator,  ///< whoever holds what, also what was lost: for hosts that will not come back
};

struct ReservationRequest {
  ReservationAction action = ReservationAction::register_key;
  NexusName nexus;
  uint64_t key = 0, new_key = 0;  ///< RESERVATION KEY, SERVICE ACTION RESERVATION KEY
  ReservationType type = ReservationType::none;
  bool persist = false;  ///< APTPL; of the three that register
  /// ALL_TG_PT: every target port of the unit, and not only that of `nexus`, which is one of them. Of the two that register here.
  std::vector<TargetPortName> all_target_ports;
  std::vector<std::string> initiator_ports;  ///< SPEC_I_PT: registered beside `nexus`; register_key alone
  NexusName destination;                     ///< register_and_move
  bool unregister = false;                   ///< register_and_move: UNREG
};

enum class ReservationStatus : uint8_t {
  good,
  conflict,                ///< RESERVATION CONFLICT
  invalid_request,         ///< a combination that the action does not take
  invalid_key,             ///< new_key is 0 where one is needed
  invalid_destination,     ///< register_and_move to itself
  invalid_release,         ///< 26/04: the type is another one, or nothing was lost that could be replaced
  insufficient_resources,  ///< 55/04
  not_kept,                ///< it could not be written down, so it was not done: 44/00
};

struct ReservationOutcome {
  ReservationStatus status = ReservationStatus::good;
  Reservations after;  ///< as before, unless good
  /// Attentions that other nexuses must be told.
  std::vector<std::pair<NexusName, Attention>> tell;
  /// Nexuses whose commands must all have ended before the answer (preempt_and_abort).
  std::vector<NexusName> abort;
};
ReservationOutcome apply(const Reservations& now, const ReservationRequest& request);

/// RESERVATION CONFLICT for all but INQUIRY, REPORT LUNS, REQUEST SENSE and RELEASE (SPC-2 table 9).
bool keeps_out_wholly(const Reservations& reservations, const NexusName& nexus);

/// What a command does, for SPC-4 tables 46 and 47 and SBC-3 table 13.
enum class CommandEffect : uint8_t {
  none,   ///< allowed whatever is reserved
  reads,  ///< allowed while a write exclusive reservation stands
  writes  ///< of the holder or, where they pass, of registrants alone
};
/// RESERVATION CONFLICT for a command of that effect from `nexus`.
bool keeps_out(const Reservations& reservations, const NexusName& nexus, CommandEffect effect);

/// What reservations of others keep one nexus from on one unit, so that commands need not ask.
struct KeptOut {
  bool kept_from_reading = false, kept_from_writing = false;
  bool kept_out_wholly = false;  ///< keeps_out_wholly()

  void keep_out(const Reservations& reservations, const NexusName& nexus);
};

}  // namespace ashlar::unit
