// What hosts write down about a unit for each other: log page 0Fh, Application Client (SPC-4 7.3.4).
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>

#include "base/bytes.h"

namespace ashlar::scsi {

constexpr uint16_t application_log_parameters = 64;
constexpr uint8_t application_log_bytes = 252;  ///< of one parameter

/// 16 KiB at most. Any thread.
class ApplicationLog {
 public:
  using Text = std::array<uint8_t, application_log_bytes>;

  /// Zeroes where nothing was written. `code` is below application_log_parameters.
  Text read(uint16_t code) const {
    const std::lock_guard lock(mutex_);
    const auto found = written_.find(code);
    return found == written_.end() ? Text{} : found->second;
  }
  void write(const std::map<uint16_t, Text>& parameters) {
    const std::lock_guard lock(mutex_);
    for (const auto& [code, text] : parameters) written_.insert_or_assign(code, text);
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    written_.clear();
  }
  bool empty() const {
    const std::lock_guard lock(mutex_);
    return written_.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::map<uint16_t, Text> written_;
};

}  // namespace ashlar::scsi
