// Bytes of buffers that lie in pieces: compare, combine, repeat.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/buffer_pool.h"

namespace ashlar::unit {

/// How many bytes from the front are equal: of `length` bytes of `left` from `left_offset` and of `right` from `right_offset`.
uint32_t equal_bytes(const Buffer& left, uint32_t left_offset, const Buffer& right, uint32_t right_offset,
                     uint32_t length);
/// target |= source, over the first `length` bytes of `target` from `target_offset` and `source` from `source_offset`.
void or_bytes(Buffer& target, uint32_t target_offset, const Buffer& source, uint32_t source_offset,
              uint32_t length);
/// Fills `target` with the first `block` bytes of `source` again and again. `block` divides 4096.
void repeat_block(Buffer& target, const Buffer& source, uint32_t block);
/// The first `length` bytes are zero.
bool is_zero(const Buffer& buffer, uint32_t length);

}  // namespace ashlar::unit
