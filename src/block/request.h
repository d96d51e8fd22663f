// One operation on a block device: the other half of the waist.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/check.h"
#include "loop/ready.h"
#include "loop/time.h"

namespace ashlar::block {

enum class Operation : uint8_t {
  read,
  write,         ///< with `durable`: on stable storage before it completes (FUA)
  flush,         ///< all writes completed before it was submitted are on stable storage when it completes
  discard,       ///< a hint: the range may be given back; reads zeroes after it if Limits::discard_zeroes
  write_zeroes,  ///< the range reads as zeroes; with `may_discard` space may be given back; `durable` as for write
  find_extent,  ///< is the block at `offset` allocated? sets extent_allocated and extent_length (GET LBA STATUS)
};
std::string_view name_of(Operation operation);

enum class Status : uint8_t {
  ok,
  medium_error,   ///< the device could not read or write this place
  device_failed,  ///< the device is gone for good, a failed flush included; nothing more will succeed
  no_space,
  out_of_range,
  misaligned,
  read_only,
  unsupported,  ///< contract broken; only the gatekeeper says these
  aborted,
};
std::string_view name_of(Status status);

/// Intrusive: lives in the pooled command that owns it. Fill, submit, wait for `done`: exactly once, from the ready list of
/// the channel's loop. Completing twice, or dying in flight, stops the engine with describe().
class Request final : public loop::Ready {
 public:
  using Done = void (*)(Request&);
  static constexpr size_t max_layers = 8;

  Operation operation = Operation::read;
  bool durable = false;
  bool may_discard = false;
  bool atomic = false;  ///< of a write: all or nothing, also if it fails; within Limits::atomic_write_bytes
  Status status = Status::ok;  ///< set when done
  bool extent_allocated = false;
  uint64_t offset = 0;           ///< bytes
  uint64_t length = 0;           ///< bytes; for read and write the sum of `parts`
  uint64_t extent_length = 0;    ///< bytes
  std::span<const iovec> parts;  ///< owner keeps pieces alive until done; 4096-aligned pieces spare a copy
  Done done = nullptr;
  void* owner = nullptr;

  Request() = default;
  ~Request() { CHECK(state_ == State::idle, "dropped in flight: {}", describe()); }

  /// A layer that wants to see the completion: its `hook` runs before those pushed earlier, `layer` and `note` as given.
  struct Layer {
    void (*hook)(Request&, Layer&);
    void* layer;
    uint64_t note;
  };
  void push(void (*hook)(Request&, Layer&), void* layer, uint64_t note = 0);

  /// By the owner's side, just before the topmost submit(); by the store, exactly once, when the operation is over.
  void begin() {
    CHECK(state_ == State::idle, "submitted twice: {}", describe());
    state_ = State::in_flight;
    layers_used_ = 0;
  }
  void complete(Status outcome);
  bool in_flight() const { return state_ != State::idle; }
  /// "write 4096 at 1048576 (durable)": what a crash says.
  std::string describe() const;

 private:
  enum class State : uint8_t { idle, in_flight, completing };
  void run() override;
  State state_ = State::idle;
  uint8_t layers_used_ = 0;
  std::array<Layer, max_layers> layers_;
};

}  // namespace ashlar::block
