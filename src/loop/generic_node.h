// One open generic node and its blocking calls: for worker threads.
#pragma once

#include <memory>
#include <string>

#include "loop/scsi_device.h"

namespace ashlar::loop {

/// Closes when it goes. Calls from any thread, several at once.
class GenericNode {
 public:
  /// Errors say what the path is instead, and that another engine has it.
  static Result<std::unique_ptr<GenericNode>> open(const std::string& path);
  ~GenericNode();
  GenericNode(const GenericNode&) = delete;
  GenericNode& operator=(const GenericNode&) = delete;

  const ScsiDevice::Traits& traits() const { return traits_; }
  /// Fills the second half of `operation`; returns when the device has answered.
  void execute(ScsiOperation& operation) const;

 private:
  GenericNode(int descriptor, bool bsg) : descriptor_(descriptor), bsg_(bsg) {}
  Result<void> look();
  void execute_sg(ScsiOperation& operation) const;
  void execute_bsg(ScsiOperation& operation) const;
  void reset(ScsiOperation& operation) const;

  const int descriptor_;
  const bool bsg_;
  ScsiDevice::Traits traits_;
};

/// The kernel's host and driver status (scsi/scsi_status.h), as what became of the command.
ScsiDelivery delivery_of(uint32_t host_status, uint32_t driver_status);

}  // namespace ashlar::loop
