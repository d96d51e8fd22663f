// Mode pages (SPC-4 7.5, SBC-3 6.5): their bytes, and which bits a host may change.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "unit/identity.h"

namespace ashlar::scsi {

/// UA_INTLCK_CTRL (SPC-4 7.5.8): what becomes of a unit attention that was reported with CHECK CONDITION.
enum class AttentionInterlock : uint8_t {
  none = 0,       ///< it is cleared
  kept = 2,       ///< it stays until REQUEST SENSE
  kept_busy = 3,  ///< and BUSY, TASK SET FULL and RESERVATION CONFLICT establish one
};

/// QERR (SPC-4 7.5.8): what a CHECK CONDITION does to the other commands of its task set.
enum class QueueErrors : uint8_t {
  ignored = 0,    ///< nothing, without an ACA condition
  abort_all = 1,  ///< all of them end
  abort_own = 3,  ///< those of its own nexus end
};

/// What a host may change, and what of the unit shows in its pages.
struct ModeParameters {
  bool write_cache = false;             ///< WCE, page 08h
  bool descriptor_sense = false;        ///< D_SENSE, page 0Ah
  bool software_write_protect = false;  ///< SWP, page 0Ah
  bool separate_task_sets = false;      ///< TST 001b: CLEAR TASK SET ends what its own nexus sent
  bool task_aborted_status = true;      ///< TAS: hosts are told TASK ABORTED of what another one ended
  QueueErrors queue_errors = QueueErrors::ignored;
  AttentionInterlock attention_interlock = AttentionInterlock::none;
  bool threshold_enabled = true;   ///< of available resources, page 1Ch/02h
  bool timestamp_by_hosts = true;  ///< SCSIP, page 0Ah/01h
  /// Threshold sets; what the array says when no host has said otherwise.
  std::optional<uint32_t> threshold_sets;
  uint32_t array_threshold_sets = 0;
  unit::DeviceKind kind = unit::DeviceKind::disk;
  bool removal_prevented = false;  ///< of a CD-ROM drive, page 2Ah
  bool operator==(const ModeParameters&) const = default;
};

struct ModePageCode {
  uint8_t page = 0;
  uint8_t subpage = 0;
  bool operator==(const ModePageCode&) const = default;
};

constexpr ModePageCode provisioning_page = {0x1c, 0x02};
/// In the order of MODE SENSE.
constexpr std::array<ModePageCode, 12> mode_page_codes = {{{0x01},
                                                           {0x02},
                                                           {0x07},
                                                           {0x08},
                                                           {0x0a},
                                                           {0x0a, 0x01},
                                                           {0x18},
                                                           {0x19},
                                                           {0x1a},
                                                           {0x1c},
                                                           provisioning_page,
                                                           {0x2a}}};
constexpr size_t max_mode_page_bytes = 40;
constexpr size_t all_mode_pages_bytes = 12 + 16 + 12 + 20 + 12 + 32 + 8 + 8 + 40 + 12 + 24 + 22;

/// Length of a page with its header of two or, with a subpage code, four bytes; 0: there is no such page.
size_t mode_page_bytes(ModePageCode code);
/// Fills `page` (mode_page_bytes() long) with the page as it is with these parameters.
void fill_mode_page(ModePageCode code, const ModeParameters& parameters, Bytes page);
/// Ones where MODE SELECT may change a bit.
void fill_changeable_mask(ModePageCode code, Bytes page);
/// A host may change something of it.
bool is_changeable(ModePageCode code);
/// Takes over what the page says; -1, or the first bit (byte << 3 | bit) whose value is reserved.
int read_mode_page(ModePageCode code, ConstBytes page, ModeParameters& parameters);

}  // namespace ashlar::scsi
