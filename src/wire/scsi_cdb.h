// Fields of SCSI command descriptor blocks that many commands share. Pure codec (SPC-4 4.2.5, SBC-3 clause 5).
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ashlar::wire::scsi {

/// LOGICAL BLOCK ADDRESS and TRANSFER LENGTH (or NUMBER OF LOGICAL BLOCKS, or VERIFICATION LENGTH).
struct BlockRange {
  uint64_t lba = 0;
  uint32_t blocks = 0;
  uint8_t length_field = 0;  ///< byte of the CDB where the length begins, for a field pointer
  uint8_t lba_field = 2;     ///< and where the address does
};

/// The byte with DPO, FUA, BYTCHK, UNMAP and their like, in CDBs of 10 bytes and more.
inline uint8_t flags_field(const uint8_t* cdb) { return cdb[0] == 0x7f ? 10 : 1; }

/// By the group code of the operation code (SPC-4 4.2.5.1): READ, WRITE, VERIFY, WRITE SAME and their like keep these
/// fields at the same bytes. `cdb` has at least as many bytes as the group says.
inline BlockRange block_range(const uint8_t* cdb) {
  switch (cdb[0] >> 5) {
    case 0:  // SBC-3 5.10: a TRANSFER LENGTH of zero is 256 blocks, in 6-byte commands alone
      return {load_be24(cdb + 1) & 0x1fffff, cdb[4] == 0 ? 256u : cdb[4], 4};
    case 3: return {load_be64(cdb + 12), load_be32(cdb + 28), 28, 12};  // 32 bytes (SBC-3 table 9)
    case 4:
      if (cdb[0] == 0x9c)
        return {load_be64(cdb + 2), load_be16(cdb + 12), 12};  // ATOMIC BOUNDARY comes between
      return {load_be64(cdb + 2), load_be32(cdb + 10), 10};
    case 5: return {load_be32(cdb + 2), load_be32(cdb + 6), 6};
    default: return {load_be32(cdb + 2), load_be16(cdb + 7), 7};
  }
}

}  // namespace ashlar::wire::scsi
