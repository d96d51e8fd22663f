// For tests: commands of one host that go on and on while reservations change, held against what the host may do at the time.
#pragma once

#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "initiator/scsi_block.h"
#include "sim/quiet_array_test.h"

namespace ashlar::simulation {

/// Commands of one host that go on and on, and what came of them.
struct HostLoad {
  enum Phase : uint8_t { before_asking, asking, answered };
  Phase phase = before_asking;
  bool stop = false;
  size_t running = 0;
  std::array<std::array<bool, 2>, 3> may{};  ///< by phase: read, write
  std::vector<uint16_t> attentions;
  std::vector<std::string> wrong;
  std::array<uint32_t, 3> begun{};

  void note(const initiator::Answer& answer, bool write, Phase began) {
    if (answer.outcome != initiator::Outcome::answered) return;
    if (answer.sense_key() == 6) {
      attentions.push_back(answer.additional_code());
      return;
    }
    if (began != phase || phase == asking) return;  // it ran beside the change
    const uint8_t wanted = may[phase][write ? 1 : 0] ? 0 : reservation_conflict;
    if (answer.status != wanted)
      wrong.push_back(fmt::format("{} in phase {}: {}", write ? "write" : "read", static_cast<int>(phase),
                                  answer.text()));
  }
};
/// Writes and reads one block until it is told to stop.
inline loop::Task<void> load_story(initiator::BlockUnit unit, HostLoad& load, uint64_t lba) {
  std::vector<uint8_t> block(512);
  for (uint64_t count = 1; !load.stop; ++count) {
    const HostLoad::Phase began = load.phase;
    ++load.begun[began];
    const bool write = count % 3 != 0;
    store_be64(block.data(), count);
    auto going = write ? unit.write(lba, 1, block) : unit.read(lba, 1, block);
    const initiator::Answer answer = co_await going;
    load.note(answer, write, began);
  }
  --load.running;
}

}  // namespace ashlar::simulation
