// For tests: a volume whose whole medium is written anew.
#pragma once

#include <algorithm>
#include <string>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {

class RewriteTest : public ScsiTest {
 protected:
  using ScsiTest::ScsiTest;
  static constexpr uint8_t block_erase = 0x02;
  static Cdb sanitize(uint8_t action, uint16_t list_bytes = 0) { return cdb10(0x48, 0, list_bytes, action); }
  std::string erase(uint8_t flags = 0) { return end(sanitize(block_erase | flags)); }
  void fail_next() {
    target.unit("v").fault = block::Status::medium_error;
    target.unit("v").fault_in = 1;
  }
  bool all_of(uint8_t value) const {
    return std::ranges::all_of(medium->data, [value](uint8_t byte) { return byte == value; });
  }
  const Cdb test_unit_ready = cdb6(0x00);
};

}  // namespace ashlar::scsi::test
