// The unit under load as either protocol brings it: reads and writes of blocks, pooled, over one or more connections.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/options.h"
#include "loop/loop.h"

namespace ashlar::load {

/// One read or write, made by its Connection and used again and again. `done` comes once for each submit(), from the ready list.
class Io {
 public:
  enum class End : uint8_t {
    good,
    failed,  ///< answered otherwise than well
    lost,    ///< no answer
  };
  virtual ~Io() = default;

  // Filled by the caller.
  bool write = false;
  bool durable = false;  ///< FUA
  uint64_t lba = 0;
  iovec data{};  ///< whole blocks
  void (*done)(Io&) = nullptr;
  void* owner = nullptr;

  End end = End::good;                      ///< valid when done
  virtual std::string failure() const = 0;  ///< of End::failed, for people
};

/// One iSCSI session, or one I/O queue. Its Ios die before it; none is in flight then.
class Connection {
 public:
  virtual ~Connection() = default;
  virtual std::unique_ptr<Io> make_io() = 0;
  virtual void submit(Io& io) = 0;
  /// Empty while open.
  virtual std::string closed_reason() const = 0;
  /// In good order; an error does not matter any more.
  virtual loop::Task<void> leave() = 0;
};

/// All connections to a unit, and what it is.
struct Unit {
  uint64_t blocks = 0;
  uint32_t block_bytes = 0;
  std::vector<std::unique_ptr<Connection>> connections;
  std::shared_ptr<void> keeper;  ///< what they need alive: the controller
  uint64_t bytes() const { return blocks * block_bytes; }
};

/// What this host proves itself with, as their files have it; empty: it does not.
struct Secrets {
  std::string host, tls;
};

/// Connects as the options say. Errors name the option, or are what the target said.
loop::Task<Result<Unit>> connect(loop::Loop& loop, Options options, Secrets secrets);

// The two ways.
loop::Task<Result<Unit>> connect_iscsi(loop::Loop& loop, Options options, Secrets secrets);
loop::Task<Result<Unit>> connect_nvme(loop::Loop& loop, Options options, Secrets secrets);

}  // namespace ashlar::load
