// CRC32C (Castagnoli), the digest of iSCSI (RFC 7143 13.1) and NVMe/TCP. ISA-L does the work; a table is its witness.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace ashlar {

/// Incremental: start with crc32c_start, feed pieces, end with crc32c_finish. The finished value goes on the wire
/// little-endian (its bytes in the order of RFC 7143's examples: 32 zero bytes give aa 36 91 8a).
constexpr uint32_t crc32c_start = 0xffffffff;
uint32_t crc32c_update(uint32_t state, ConstBytes bytes);
constexpr uint32_t crc32c_finish(uint32_t state) { return ~state; }
inline uint32_t crc32c(ConstBytes bytes) { return crc32c_finish(crc32c_update(crc32c_start, bytes)); }
/// Bit-by-bit table form, for tests and for machines that ISA-L does not know.
uint32_t crc32c_update_table(uint32_t state, ConstBytes bytes);

}  // namespace ashlar
