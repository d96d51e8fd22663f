// A path by NVMe/TCP: one controller with one I/O queue, and one namespace by it.
#pragma once

#include <functional>

#include "initiator/nvme_controller.h"
#include "initiator/path.h"

namespace ashlar::initiator {

class NvmePath final : public Path {
 public:
  struct Secrets {
    std::optional<NvmeProof> proof;
    std::optional<ConfiguredPsk> tls_key;  ///< it comes by TLS
  };
  /// Asked before each controller.
  using SecretSource = std::function<Secrets()>;
  /// `queue` names portal, subsystem and us. `depth`: commands at once.
  NvmePath(loop::Loop& loop, uint16_t index, NvmeQueueOptions queue, SecretSource secrets,
           uint32_t namespace_id, uint16_t depth, const PathTiming& timing, PathWatcher& watcher);

  void submit(PathCommand& command) override;
  /// A new controller says nothing of the old one; that ends by its keep alive timer (NVMe base 2.0 3.9).
  bool fences() const override { return false; }
  loop::Nanoseconds doubt_time() const override {
    return timing_.doubt.count() != 0 ? timing_.doubt : timing_.keep_alive * 4;
  }

 private:
  // Wakes one of the stories beside the path's own.
  struct Alarm final : loop::Timer {
    void expired() override { wake.set(); }
    loop::Event wake;
  };

  loop::Task<Result<Findings>> attach() override;
  loop::Task<Result<Findings>> look() override;
  loop::Task<void> detach(bool lost) override;
  void abandon() override;

  loop::Task<Result<void>> examine_controller(Findings& found);
  loop::Task<Result<void>> examine_namespace(Findings& found);
  loop::Task<Result<void>> take_names(Findings& found);
  loop::Task<Result<void>> ask_access(Findings& found);
  loop::Task<void> keep_alive();
  loop::Task<void> listen();
  loop::Task<void> perform(PathCommand& command);
  loop::Task<Disposition> send(PathCommand& command, uint32_t first, uint32_t blocks);
  wire::nvme::Submission entry_of(const PathCommand& command, uint32_t first, uint32_t blocks,
                                  std::vector<uint8_t>& data) const;
  void story_ended();

  Result<NvmeQueueOptions> prepared() const;

  const NvmeQueueOptions queue_;  // but for what it proves itself with
  const SecretSource secrets_;
  const uint32_t namespace_id_;
  std::unique_ptr<NvmeController> controller_;
  bool leaving_ = false;
  uint32_t stories_ = 0;  // that use the controller: commands, keep_alive(), listen()
  loop::Event idle_;
  Alarm next_;                  // when the next keep alive is due
  uint32_t command_bytes_ = 0;  // that one moves
  bool asymmetric_ = false;
  bool reports_changes_ = false;
  std::array<loop::Nanoseconds, 4> retry_delays_{};  // by CRD
};

}  // namespace ashlar::initiator
