// The host's side of a controller: its admin queue, enabled, and I/O queues; the few commands that stories need.
#pragma once

#include <memory>
#include <vector>

#include "initiator/nvme_queue.h"
#include "wire/nvme_identify.h"
#include "wire/nvme_log.h"

namespace ashlar::initiator {

/// Destroyed when no command is under way.
class NvmeController {
 public:
  /// Connects the admin queue, enables the controller, and connects `io_queues` queues (0: none) as `options` say.
  static loop::Task<Result<std::unique_ptr<NvmeController>>> attach(loop::Loop& loop,
                                                                    NvmeQueueOptions options,
                                                                    uint16_t io_queues);
  NvmeQueue& admin() { return *admin_; }
  NvmeQueue& io(size_t number = 0) { return *io_[number]; }
  size_t io_queues() const { return io_.size(); }
  uint16_t id() const { return admin_->controller_id(); }

  loop::Task<Result<NvmeAnswer>> identify(wire::nvme::IdentifyKind kind, uint32_t namespace_id);
  loop::Task<Result<NvmeAnswer>> log(wire::nvme::LogRequest request);
  loop::Task<Result<NvmeAnswer>> set_feature(uint8_t feature, uint32_t value, uint32_t namespace_id = 0);
  loop::Task<Result<NvmeAnswer>> get_feature(uint8_t feature, uint32_t room = 0);
  loop::Task<Result<NvmeAnswer>> get_property(wire::nvme::Property property);
  loop::Task<Result<NvmeAnswer>> set_property(wire::nvme::Property property, uint32_t value);

 private:
  std::unique_ptr<NvmeQueue> admin_;
  std::vector<std::unique_ptr<NvmeQueue>> io_;
};

/// An entry of the NVM command set: `blocks` from 1.
wire::nvme::Submission nvme_blocks(wire::nvme::IoOpcode opcode, uint32_t namespace_id, uint64_t lba,
                                   uint32_t blocks);

}  // namespace ashlar::initiator
