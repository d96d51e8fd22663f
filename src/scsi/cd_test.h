// For tests: a CD-ROM drive as LUN 0, and the array's hand on its tray.
#pragma once

#include "scsi/host_test.h"

namespace ashlar::scsi::test {

constexpr uint8_t eject = 0x02, load = 0x03;

class CdTest : public ScsiTest {
 protected:
  explicit CdTest(uint32_t shards = 1) : ScsiTest(2048, shards) {
    medium->geometry.kind = unit::DeviceKind::cdrom;
    medium->geometry.removable = medium->geometry.read_only = true;
    medium->geometry.thin = false;
    for (size_t i = 0; i < medium->data.size(); ++i) medium->data[i] = static_cast<uint8_t>(i / 2048 + i);
  }
  Cdb start_stop(uint8_t flags) const { return cdb6(0x1b, 0, 0, 0, flags); }
  Cdb prevent(bool on = true) const { return cdb6(0x1e, 0, 0, 0, on ? 1 : 0); }
  Cdb events(uint8_t classes, uint16_t room = 8, bool polled = true) const {
    return {0x4a,
            static_cast<uint8_t>(polled),
            0,
            0,
            classes,
            0,
            0,
            static_cast<uint8_t>(room >> 8),
            static_cast<uint8_t>(room),
            0};
  }
  /// "event/status" of the class media.
  std::string media_event(NexusState& nexus) {
    const auto done = run(nexus, events(0x10), {}, 8);
    if (done->data_in.size() != 8) return ending(*done);
    return fmt::format("{}/{}", done->data_in[4], done->data_in[5]);
  }
  std::string media_event() { return media_event(*host); }
  /// The array takes the medium out and puts one of `blocks` in; 0: none.
  void change_medium(uint64_t blocks) {
    at_home([&] { return target.domains[0]->withdraw_medium("v"); });
    medium->geometry.size_bytes = medium->limits.size_bytes = blocks * 2048;
    at_home([&] { return target.domains[0]->offer_medium("v", blocks > 0); });
  }
  template <typename Start>
  void at_home(Start start) {
    target.shards.at(0).in_turn([&] { start().detach(); });
    target.shards.run();
  }
  std::string ready(NexusState& nexus) { return ending(*run(nexus, cdb6(0x00))); }
};

}  // namespace ashlar::scsi::test
