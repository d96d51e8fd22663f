// The secret that a volume's data is encrypted with.
#pragma once

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/bytes.h"
#include "base/check.h"

namespace ashlar::layers {

/// Two AES-256 keys, of the data and of the tweak (IEEE 1619-2018 5.1). Every copy is wiped when it goes.
class DataKey {
 public:
  static constexpr size_t size = 64;
  DataKey() = default;
  explicit DataKey(ConstBytes bytes) {
    CHECK(bytes.size() == size, "a key of {} bytes", bytes.size());
    std::ranges::copy(bytes, bytes_.begin());
  }
  DataKey(const DataKey&) = default;
  DataKey& operator=(const DataKey&) = default;
  ~DataKey() { OPENSSL_cleanse(bytes_.data(), size); }

  ConstBytes bytes() const { return bytes_; }
  Bytes bytes() { return bytes_; }
  /// Its halves differ: with equal ones XTS would hide less, and is refused by OpenSSL.
  bool usable() const {
    return !std::equal(bytes_.begin(), bytes_.begin() + size / 2, bytes_.begin() + size / 2);
  }
  bool operator==(const DataKey&) const = default;

 private:
  std::array<uint8_t, size> bytes_{};
};

}  // namespace ashlar::layers
