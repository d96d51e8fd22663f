// Commands of NVMe and of its fabrics, any bits of them, against a whole target (entry_script_test.h).
#include "nvmetcp/entry_script_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  if (size < 1) return 0;
  // One array for all inputs: making one costs more than most inputs.
  static nvmetcp::test::Array* const array = [] {
    set_log_level(LogLevel::error);
    return new nvmetcp::test::Array(2);
  }();
  nvmetcp::test::play_entries_and_check(*array, {data, size});
  return 0;
}
