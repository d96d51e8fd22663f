// Bytes and endian access. Readers cannot overrun: past the end they give zeroes and remember that they failed.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace ashlar {

using Bytes = std::span<uint8_t>;
using ConstBytes = std::span<const uint8_t>;

inline ConstBytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view text_of(ConstBytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Unchecked loads and stores at a pointer, for codecs that have checked the length of their fixed header once.
inline uint16_t load_be16(const uint8_t* p) { return static_cast<uint16_t>(p[0] << 8 | p[1]); }
inline uint32_t load_be24(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) << 16 | static_cast<uint32_t>(p[1]) << 8 | p[2];
}
inline uint32_t load_be32(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return std::byteswap(value);
}
inline uint64_t load_be64(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return std::byteswap(value);
}
inline void store_be16(uint8_t* p, uint16_t value) {
  p[0] = static_cast<uint8_t>(value >> 8);
  p[1] = static_cast<uint8_t>(value);
}
inline void store_be24(uint8_t* p, uint32_t value) {
  p[0] = static_cast<uint8_t>(value >> 16);
  p[1] = static_cast<uint8_t>(value >> 8);
  p[2] = static_cast<uint8_t>(value);
}
inline void store_be32(uint8_t* p, uint32_t value) {
  value = std::byteswap(value);
  std::memcpy(p, &value, sizeof value);
}
inline void store_be64(uint8_t* p, uint64_t value) {
  value = std::byteswap(value);
  std::memcpy(p, &value, sizeof value);
}
inline uint16_t load_le16(const uint8_t* p) { return static_cast<uint16_t>(p[1] << 8 | p[0]); }
inline uint32_t load_le32(const uint8_t* p) {
  uint32_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline uint64_t load_le64(const uint8_t* p) {
  uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}
inline void store_le32(uint8_t* p, uint32_t value) { std::memcpy(p, &value, sizeof value); }
inline void store_le64(uint8_t* p, uint64_t value) { std::memcpy(p, &value, sizeof value); }

static_assert(std::endian::native == std::endian::little, "the loads above assume a little-endian machine");

/// Reads big-endian fields one after another. Past the end: zeroes, an empty span, and ok() is false for ever.
class Reader {
 public:
  explicit Reader(ConstBytes bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  size_t remaining() const { return bytes_.size() - position_; }
  size_t position() const { return position_; }
  uint8_t u8() { return static_cast<uint8_t>(big_endian(1)); }
  uint16_t u16() { return static_cast<uint16_t>(big_endian(2)); }
  uint32_t u24() { return static_cast<uint32_t>(big_endian(3)); }
  uint32_t u32() { return static_cast<uint32_t>(big_endian(4)); }
  uint64_t u64() { return big_endian(8); }
  ConstBytes take(size_t count) {
    if (count > remaining()) {
      ok_ = false;
      position_ = bytes_.size();
      return {};
    }
    const ConstBytes taken = bytes_.subspan(position_, count);
    position_ += count;
    return taken;
  }
  void skip(size_t count) { take(count); }

 private:
  uint64_t big_endian(size_t count) {
    uint64_t value = 0;
    for (const uint8_t byte : take(count)) value = value << 8 | byte;
    return value;
  }
  ConstBytes bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

/// Writes big-endian fields one after another into a buffer of fixed size; what does not fit is dropped and ok() is false.
class Writer {
 public:
  explicit Writer(Bytes bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  size_t size() const { return position_; }
  Bytes written() const { return bytes_.first(position_); }
  void u8(uint8_t value) { big_endian(value, 1); }
  void u16(uint16_t value) { big_endian(value, 2); }
  void u24(uint32_t value) { big_endian(value, 3); }
  void u32(uint32_t value) { big_endian(value, 4); }
  void u64(uint64_t value) { big_endian(value, 8); }
  void zeroes(size_t count) {
    if (room(count) && count > 0) {
      std::memset(bytes_.data() + position_, 0, count);
      position_ += count;
    }
  }
  void bytes(ConstBytes source) {
    if (room(source.size()) && !source.empty()) {
      std::memcpy(bytes_.data() + position_, source.data(), source.size());
      position_ += source.size();
    }
  }
  /// `text` left-aligned in a field of `width` bytes, filled with spaces (SPC-4 4.4.1), cut if longer.
  void padded(std::string_view text, size_t width) {
    const std::string_view shown = text.substr(0, width);
    bytes(bytes_of(shown));
    for (size_t i = shown.size(); i < width; ++i) u8(' ');
  }

 private:
  bool room(size_t count) {
    if (count <= bytes_.size() - position_) return true;
    ok_ = false;
    return false;
  }
  void big_endian(uint64_t value, size_t count) {
    if (!room(count)) return;
    for (size_t i = 0; i < count; ++i)
      bytes_[position_ + i] = static_cast<uint8_t>(value >> (8 * (count - 1 - i)));
    position_ += count;
  }
  Bytes bytes_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace ashlar
