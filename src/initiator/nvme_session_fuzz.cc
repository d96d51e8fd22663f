// Anything that a controller may say to a session with commands in flight: each of them ends once, and nothing is written past
// its memory. The first byte chooses digests, the second in what pieces it comes.
#include "initiator/nvme_script_test.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  if (size < 2) return 0;
  static loop::SimWorld* const world = new loop::SimWorld(1);
  static loop::SimProcess* const process =
      &world->add_process("host", 1, {.small = 4, .medium = 4, .large = 4});
  initiator::test::NvmeScript script;
  script.said.assign(data + 2, data + size);
  script.piece_bytes = data[1] == 255 ? SIZE_MAX : data[1] + 1u;
  script.ends = (data[0] & 4) != 0;
  initiator::test::ScriptedSession host(*world, process->loop(0), script, (data[0] & 1) != 0,
                                        (data[0] & 2) != 0);
  host.listen(size + 2);
  return 0;
}
