// For tests: mode pages as bytes, and MODE SENSE and MODE SELECT as one line each.
#pragma once

#include <string>
#include <vector>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {

class ModeTest : public ScsiTest {
 protected:
  static inline const std::vector<uint8_t> caching = {0x08, 18, 0, 0, 0, 0, 0, 0, 0, 0,
                                                      0,    0,  0, 0, 0, 0, 0, 0, 0, 0};
  static inline const std::vector<uint8_t> control = {0x0a, 10, 0, 0x10, 0, 0x40, 0, 0, 0xff, 0xff, 0, 0};
  static inline const std::vector<uint8_t> exceptions = {0x1c, 10, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  static inline const std::vector<uint8_t> recovery = {0x01, 10, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

  static inline const std::vector<uint8_t> disconnect = {0x02, 14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  static inline const std::vector<uint8_t> verify_recovery = {0x07, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  static inline const std::vector<uint8_t> unit_protocol = {0x18, 6, 0x05, 0, 0, 0, 0, 0};
  static inline const std::vector<uint8_t> port_protocol = {0x19, 6, 0x05, 0, 0, 0, 0, 0};

  static std::vector<uint8_t> joined(const std::vector<std::vector<uint8_t>>& parts) {
    std::vector<uint8_t> out;
    for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
    return out;
  }
  static std::vector<uint8_t> with(std::vector<uint8_t> bytes, size_t at, uint8_t value) {
    bytes.at(at) = value;
    return bytes;
  }

  static std::vector<uint8_t> padded(std::vector<uint8_t> bytes, size_t size) {
    bytes.resize(size);
    return bytes;
  }
  static inline const std::vector<uint8_t> control_extension = padded({0x4a, 0x01, 0, 28, 0x07}, 32);
  static inline const std::vector<uint8_t> power_condition = padded({0x1a, 38}, 40);
  /// SBC-3 6.5.9: one enabled descriptor, of available resources.
  static std::vector<uint8_t> thresholds(uint32_t sets, uint8_t enabled = 0x80) {
    std::vector<uint8_t> out = padded({0x5c, 0x02, 0, 20}, 24);
    out[16] = enabled;
    out[17] = 0x01;
    store_be32(&out[20], sets);
    return out;
  }
  static inline const std::vector<std::vector<uint8_t>> without_subpages = {
      recovery,      disconnect,    verify_recovery, caching,   control,
      unit_protocol, port_protocol, power_condition, exceptions};

  explicit ModeTest(unit::Keeper* keeps = nullptr) : ScsiTest(512, 1, keeps) {}
  Cdb sense6(uint8_t page, uint8_t subpage = 0, uint8_t flags = 0x08) {
    return cdb6(0x1a, flags, page, subpage, 255);
  }
  Cdb sense10(uint8_t page, uint8_t flags = 0x08) { return {0x5a, flags, page, 0, 0, 0, 0, 1, 0, 0}; }
  void reset() {
    target.manage(*host, TaskManagement::logical_unit_reset, 0);
    target.shards.run();
    EXPECT_EQ(end(cdb6(0x00)), "6/29/03");
  }
  static loop::Task<void> configure(Domain* domain, FakeUnit* unit, bool enabled, bool* done) {
    auto configuring = domain->configure_write_cache("v", *unit, enabled);
    const Result<void> outcome = co_await configuring;
    *done = outcome.has_value();
  }
  /// As the administrator does.
  bool configure_write_cache(bool enabled) {
    bool done = false;
    target.shards.at(0).in_turn(
        [&] { configure(target.domains[0].get(), &target.unit("v"), enabled, &done).detach(); });
    target.shards.run();
    return done;
  }
  std::vector<uint8_t> page(uint8_t code) {
    std::vector<uint8_t> out = data(sense6(code));
    return {out.begin() + 4, out.end()};
  }
  std::unique_ptr<HostTask> select6(const std::vector<uint8_t>& list, uint8_t flags = 0x10) {
    return run(cdb6(0x15, flags, 0, 0, static_cast<uint8_t>(list.size())), list);
  }
  std::string sets(const std::vector<uint8_t>& page) {
    return ending(*select6(joined({{0, 0, 0, 0}, page})));
  }
  /// "5/26/00 at list 6.2"
  std::string refusal(const std::vector<uint8_t>& list) {
    const auto done = select6(list);
    return ending(*done) + " at " + field(*done);
  }
};

}  // namespace ashlar::scsi::test
