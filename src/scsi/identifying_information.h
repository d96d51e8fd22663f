// What an operating system or an administrator wrote down about a unit, for others to find (SPC-4 5.6).
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ashlar::scsi {

struct UnitState;

/// SPC-4 table 60.
struct IdentifyingInformation {
  static constexpr size_t most_bytes = 512;
  static constexpr size_t most_text_bytes = 256;  ///< with its null

  std::string device;  ///< type 0000000b: any bytes
  std::string text;    ///< type 0000010b: UTF-8, ending with a null
  bool empty() const { return device.empty() && text.empty(); }
  bool operator==(const IdentifyingInformation&) const = default;
};

/// "device=0a0b text=6869": one line, hexadecimal.
std::string encode_identifying_information(const IdentifyingInformation& information);
/// `place` is where the text was.
Result<IdentifyingInformation> decode_identifying_information(std::string_view text, std::string_view place);

/// What was kept of a unit that has just been opened. On the home shard.
void recall_identifying_information(UnitState& state, std::string_view text, std::string_view volume);

}  // namespace ashlar::scsi
