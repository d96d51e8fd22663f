// The I_T nexus: who asks, through which port, and what it has still to be told.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "base/intrusive_list.h"

namespace ashlar::unit {

/// Protocol-blind reasons why a host must be told before its next command (SAM-5 5.14). The protocol room gives each its
/// code; a larger value never hides a smaller one: order of reporting is order of arrival, but resets come first.
enum class Attention : uint8_t {
  power_on,                   ///< new nexus, 29/00
  reset_by_port,              ///< target reset, 29/02
  reset_of_unit,              ///< logical unit reset, 29/03
  nexus_loss,                 ///< 29/07
  capacity_changed,           ///< 2A/09
  mode_parameters_changed,    ///< 2A/01
  inquiry_data_changed,       ///< 3F/03
  luns_changed,               ///< 3F/0E
  commands_cleared,           ///< by another nexus, 2F/00
  medium_changed,             ///< loaded again after an eject, 28/00
  reservations_preempted,     ///< by CLEAR of another nexus, 2A/03
  reservations_released,      ///< 2A/04
  registrations_preempted,    ///< 2A/05
  asymmetric_access_changed,  ///< 2A/06
  log_parameters_changed,     ///< 2A/02
  thin_threshold_reached,     ///< 38/07
  busy_before,                ///< this nexus was told BUSY, 2C/07 (UA_INTLCK_CTRL 11b)
  task_set_full_before,       ///< 2C/08
  conflict_before,            ///< 2C/09
  timestamp_changed,          ///< 2A/10
  access_transition_failed,   ///< 2A/07
};
constexpr size_t attention_kinds = static_cast<size_t>(Attention::access_transition_failed) + 1;

/// Attentions of one nexus for one unit. Bounded: each reason at most once, a reset swallows what came before it (but of
/// two resets the graver one stays: power on, then port, then unit).
class AttentionQueue {
 public:
  static constexpr size_t capacity = attention_kinds;
  void raise(Attention attention);
  bool empty() const { return count_ == 0; }
  size_t size() const { return count_; }
  Attention front() const { return items_[0]; }
  Attention pop();
  /// Removes one reason wherever it stands (REPORT LUNS clears luns_changed); false if it was not there.
  bool clear(Attention attention);

 private:
  std::array<Attention, capacity> items_;
  uint8_t count_ = 0;
};

/// One port of a target.
struct TargetPortName {
  uint16_t relative_target_port = 1;
  std::string target_port;  ///< Nexus::target_port
  bool operator==(const TargetPortName&) const = default;
};

/// Names of both ends. The address of the Nexus is the key of its state on its shard; it lives as long as its session.
struct Nexus {
  std::string initiator_name;  ///< iqn.1998-01.com.vmware:host1
  std::string initiator_port;  ///< "iqn....,i,0x00023d000001": the SCSI initiator port name
  std::string target_port;     ///< "iqn....,t,0x0001"
  uint16_t relative_target_port = 1;
  std::string protocol;  ///< "iscsi"
};

}  // namespace ashlar::unit
