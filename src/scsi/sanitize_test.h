// For tests: SANITIZE of a volume.
#pragma once

#include <string>
#include <vector>

#include "scsi/rewrite_test.h"

namespace ashlar::scsi::test {

class Sanitize : public RewriteTest {
 protected:
  using RewriteTest::RewriteTest;
  static constexpr uint8_t overwrite = 0x01, cryptographic_erase = 0x03, exit_failure_mode = 0x1f;
  static constexpr uint8_t immediate = 0x80, unrestricted_exit = 0x20;

  static std::vector<uint8_t> overwrite_list(uint8_t flags, const std::vector<uint8_t>& pattern) {
    std::vector<uint8_t> list = {flags, 0, static_cast<uint8_t>(pattern.size() >> 8),
                                 static_cast<uint8_t>(pattern.size())};
    list.insert(list.end(), pattern.begin(), pattern.end());
    return list;
  }
  std::string overwrite_with(const std::vector<uint8_t>& list) {
    return end(sanitize(overwrite, static_cast<uint16_t>(list.size())), list);
  }
};

}  // namespace ashlar::scsi::test
