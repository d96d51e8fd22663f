#include "base/crc32c.h"

#include <isa-l/crc.h>

#include <array>

namespace ashlar {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) ? value >> 1 ^ 0x82f63b78 : value >> 1;
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> table = make_table();

}  // namespace

uint32_t crc32c_update(uint32_t state, ConstBytes bytes) {
  if (bytes.empty()) return state;
  // ISA-L takes a non-const pointer but does not write through it.
  return crc32_iscsi(const_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), state);
}

uint32_t crc32c_update_table(uint32_t state, ConstBytes bytes) {
  for (const uint8_t byte : bytes) state = table[(state ^ byte) & 0xff] ^ state >> 8;
  return state;
}

}  // namespace ashlar
