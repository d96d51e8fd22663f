// A SCSI device of this machine (a tape drive, a changer, a disk): commands go to it as they are, and what it answers comes back
// as it is. Another host's commands travel through here, so nothing in them is looked at.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "loop/ready.h"
#include "loop/time.h"

namespace ashlar::loop {

class Loop;

enum class ScsiDirection : uint8_t { none, from_device, to_device };

/// Sense data as the device gave it, of fixed or descriptor format (SPC-4 4.5). Linux keeps no more of it.
struct ScsiSense {
  static constexpr size_t most_bytes = 96;
  std::array<uint8_t, most_bytes> bytes{};
  uint8_t length = 0;  ///< 0: there is none
  ConstBytes view() const { return ConstBytes(bytes).first(length); }
  bool operator==(const ScsiSense&) const = default;
};

/// What became of a command on its way, when the device did not answer it: the kernel's DID_ codes that differ in what a host
/// should do about them.
enum class ScsiDelivery : uint8_t {
  answered,   ///< `status` and `sense` are the device's
  try_later,  ///< nothing was done: the way is busy for a moment
  no_device,  ///< it does not answer, or is not there any more
  timed_out,  ///< it was given up; nobody knows what was done of it
  reset,      ///< a reset, or the kernel's error recovery, ended it
  failed,     ///< an error of the adapter or of the way
};

/// One command. Owned by the caller, untouched and alive until run(); reusable after that.
class ScsiOperation : public Ready {
 public:
  /// No command: the logical unit is reset (SAM-5 7.7), without going on to the target or the bus when it does not listen.
  bool reset = false;
  std::array<uint8_t, 32> cdb{};
  uint8_t cdb_length = 0;  ///< bytes, 6 to 32
  ScsiDirection direction = ScsiDirection::none;
  std::span<const iovec> parts;  ///< kept alive by the caller; in all `length` bytes
  uint32_t length = 0;           ///< bytes, at most ScsiDevice::Traits::max_transfer_bytes
  Nanoseconds timeout = seconds(60);

  // Set when run() is called.
  int error = 0;  ///< errno: the kernel did not take it, and nothing was done; the rest means nothing then
  ScsiDelivery delivery = ScsiDelivery::answered;
  uint8_t status = 0;  ///< SAM-5 5.3.1
  ScsiSense sense;
  uint32_t transferred = 0;  ///< bytes, at most `length`; also with a status that is not GOOD

 protected:
  ~ScsiOperation() = default;
};

/// A device as one shard uses it; channels of several shards share the device; see on().
class ScsiDevice {
 public:
  struct Traits {
    std::string path;  ///< as it was asked for
    uint8_t device_type =
        0x1f;  ///< PERIPHERAL DEVICE TYPE (SPC-4 6.6.2): 00h disk, 01h tape, 05h CD, 08h changer ...
    bool removable = false;
    std::string vendor, product, revision;     ///< of its INQUIRY data, without trailing blanks
    uint32_t max_transfer_bytes = 512u << 10;  ///< of one command: what the kernel and the adapter take
    bool resets = true;                        ///< ScsiOperation::reset is supported
  };
  /// Commands of all shards that wait or are at work; one more ends with EBUSY.
  static constexpr uint32_t most_in_flight = 512;

  virtual ~ScsiDevice() = default;
  virtual const Traits& traits() const = 0;
  /// Starts it; it ends through the ready list of this channel's loop, never inside this call. It cannot be taken back: the end
  /// comes when the device has answered, or its time is up. Disks are given several at once; others one after the other, in the
  /// order of submission, since for them order matters.
  virtual void submit(ScsiOperation& operation) = 0;
  /// Another shard's channel of the same device.
  virtual std::unique_ptr<ScsiDevice> on(Loop& shard) = 0;
};

/// Fixed-format sense data (SPC-4 4.5.3) of 18 bytes, for devices that are made up.
ScsiSense fixed_sense(uint8_t key, uint16_t code, bool deferred = false);
/// What standard INQUIRY data (SPC-4 6.6.2) says of a device, into `traits`. False: it is too short to be that.
bool read_inquiry(ConstBytes data, ScsiDevice::Traits& traits);
/// How many commands such a device may have at once.
uint32_t depth_of(uint8_t device_type);

}  // namespace ashlar::loop
