// A block device behind a session, as coroutines: for tests, tools and stories. The data path of a load uses Command itself.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "initiator/command.h"
#include "initiator/session.h"
#include "loop/task.h"

namespace ashlar::initiator {

/// What a command brought, in full.
struct Answer {
  Outcome outcome = Outcome::unknown;
  uint8_t status = 0;
  std::vector<uint8_t> sense;  ///< as sent, fixed or descriptor format
  Residual residual = Residual::none;
  uint32_t residual_bytes = 0;
  uint32_t received_bytes = 0;

  bool good() const { return outcome == Outcome::answered && status == 0; }
  uint8_t sense_key() const;
  /// ASC << 8 | ASCQ; 0 without sense data.
  uint16_t additional_code() const;
  /// "CHECK CONDITION, sense 5/2400"
  std::string text() const;
  /// io_error (answered, but not good), closed (not_sent), aborted, or timed_out for what is unknown; the text as message.
  Result<void> result() const;
};

using Cdb = std::array<uint8_t, 16>;
using LunBytes = std::array<uint8_t, 8>;

/// Single-level LUN as on the wire: peripheral addressing up to 255, flat space above (SAM-5 4.7).
LunBytes lun_bytes(uint16_t lun);

struct Capacity {
  uint64_t blocks = 0;
  uint32_t block_bytes = 0;
  uint8_t physical_exponent = 0;  ///< logical blocks per physical block: 2^this
  bool thin = false;              ///< LBPME
  bool reads_zeroes = false;      ///< LBPRZ
};

struct UnmapRange {
  uint64_t lba = 0;
  uint32_t blocks = 0;
};

/// A logical unit by its session and LUN; the session outlives every call. Buffers live until the task is done.
class BlockUnit {
 public:
  BlockUnit(Session& session, uint16_t lun) : session_(session), lun_(lun_bytes(lun)) {}
  const LunBytes& lun() const { return lun_; }

  /// Any CDB, with data one way or none; the answer as it is.
  loop::Task<Answer> execute(Cdb cdb, ConstBytes data_out, Bytes data_in);

  /// `blocks` logical blocks from `lba` on, by the 16-byte CDBs; the buffer has blocks x block_bytes bytes.
  loop::Task<Answer> read(uint64_t lba, uint32_t blocks, Bytes out, bool fua = false);
  loop::Task<Answer> write(uint64_t lba, uint32_t blocks, ConstBytes data, bool fua = false);
  loop::Task<Answer> flush(uint64_t lba = 0, uint32_t blocks = 0);
  loop::Task<Answer> unmap(std::vector<UnmapRange> ranges);
  /// One block of data; `unmap` may deallocate. Empty `block`: NDOB.
  loop::Task<Answer> write_same(uint64_t lba, uint32_t blocks, ConstBytes block, bool unmap);
  loop::Task<Answer> test_unit_ready();

  /// TEST UNIT READY until the unit attentions of a new session are told; at most 16 of them.
  loop::Task<Result<void>> become_ready();
  loop::Task<Result<Capacity>> read_capacity();
  /// Standard data, or a vital product data page; at most `allocation_bytes`.
  loop::Task<Result<std::vector<uint8_t>>> inquiry(std::optional<uint8_t> page,
                                                   uint16_t allocation_bytes = 255);
  loop::Task<Result<std::vector<LunBytes>>> report_luns();

 private:
  Session& session_;
  LunBytes lun_;
};

}  // namespace ashlar::initiator
