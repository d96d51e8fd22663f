// A made-up SCSI disk or tape in memory, which remembers, may be told to fail, and sees one initiator only, as a true one behind
// an adapter does.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loop/scsi_device.h"
#include "loop/sim_random.h"

namespace ashlar::loop {

class SimUnit {
 public:
  struct Settings {
    uint8_t device_type = 0x00;  ///< 00h: a disk, 01h: a tape; of others it knows what all have
    std::string vendor = "SIMULATE", product = "DEVICE", revision = "1";
    std::string serial = "SIM0001";
    uint32_t block_bytes = 512;
    uint32_t blocks = 2048;
    uint32_t max_transfer_bytes = 512u << 10;
    bool removable = false;
    bool resets = true;
    // Faults, each the chance of one command. It was then not done, but after a time-out it may have been.
    double try_later = 0, timed_out = 0, adapter_failed = 0;
  };
  explicit SimUnit(Settings settings);
  Settings& settings() { return settings_; }

  /// Fills the second half of the operation. `chance` decides about faults; null: there are none.
  void execute(ScsiOperation& operation, SimRandom* chance = nullptr);

  // For tests.
  /// What the next command is told instead of being done; a unit attention for example.
  void say_next(const ScsiSense& sense) { said_.push_back(sense); }
  /// Instead of the unit's own answer, when it gives one; it has to fill the second half as execute() does.
  std::function<bool(ScsiOperation&)> script;
  bool gone = false;    ///< pulled out: no command reaches it
  bool locked = false;  ///< PREVENT ALLOW MEDIUM REMOVAL
  uint32_t resets = 0;
  /// Every CDB that it got, oldest first, resets excepted.
  std::vector<std::vector<uint8_t>> seen;
  /// The blocks of a tape, in order; an empty one is a filemark.
  std::deque<std::vector<uint8_t>>& tape() { return tape_; }
  std::vector<uint8_t>& medium() { return medium_; }

 private:
  struct Data;
  void obey(ScsiOperation& operation);
  bool obey_disk(ScsiOperation& operation);
  bool obey_tape(ScsiOperation& operation);
  void inquiry(ScsiOperation& operation);
  void read_tape(ScsiOperation& operation);
  void write_tape(ScsiOperation& operation);
  void transfer(ScsiOperation& operation, uint64_t block, uint64_t count);

  Settings settings_;
  std::vector<uint8_t> medium_;
  std::deque<std::vector<uint8_t>> tape_;
  size_t position_ = 0;
  std::vector<uint8_t> mode_;
  std::deque<ScsiSense> said_;
};

}  // namespace ashlar::loop
