// What a nexus may still ask about its third-party copies: RECEIVE COPY STATUS and its kin (SPC-4 5.17.4).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "scsi/task.h"
#include "wire/scsi_copy.h"

namespace ashlar::scsi {

class CopyOperation;

/// One copy by its list identifier, running or ended.
struct CopyRecord {
  uint16_t lun = 0;  ///< of the unit that got the command
  uint32_t list_id = 0;
  uint8_t service_action = 0;          ///< of THIRD-PARTY COPY OUT
  CopyOperation* operation = nullptr;  ///< while it runs
  bool background = false;             ///< IMMED: its command was answered before it ended
  bool stopped = false;                ///< by COPY OPERATION ABORT, a reset, or its host
  ScsiStatus status = ScsiStatus::good;
  Sense sense;
  uint16_t segments = 0;  ///< processed
  uint64_t bytes = 0;     ///< transferred
  uint32_t block_bytes = 512;
  std::optional<std::array<uint8_t, wire::scsi::rod_token_bytes>> token;  ///< of POPULATE TOKEN
};

/// Of one nexus. Bounded: the oldest that has ended goes for a new one.
class CopyRecords {
 public:
  static constexpr size_t most = 64;
  /// Null: a copy of that identifier still runs. What was remembered of an earlier one is forgotten.
  std::shared_ptr<CopyRecord> add(uint16_t lun, uint32_t list_id);
  std::shared_ptr<CopyRecord> find(uint16_t lun, uint32_t list_id) const;
  void forget(const CopyRecord& record);
  const std::vector<std::shared_ptr<CopyRecord>>& all() const { return records_; }

 private:
  std::vector<std::shared_ptr<CopyRecord>> records_;  // oldest first
};

}  // namespace ashlar::scsi
