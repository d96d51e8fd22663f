// What a load is: as its command line says, in the words of fio where it has one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "initiator/url.h"

namespace ashlar::load {

constexpr uint32_t max_depth = 1023;
constexpr uint32_t max_connections = 256;
constexpr uint32_t max_block_bytes = 16u << 20;

struct Options {
  initiator::Url url;        ///< with its unit
  std::string secret_file;   ///< CHAP secret, or DHHC-1 key
  std::string tls_key_file;  ///< "NVMeTLSkey-1:...": the way is TLS
  std::string host_name;     ///< IQN or NQN; empty: one of this process

  uint32_t read_percent = 100;  ///< 0 to 100
  bool sequential = false;
  uint32_t block_bytes = 4096;  ///< of one read or write
  uint32_t depth = 1;           ///< in flight per connection
  uint32_t connections = 1;     ///< iSCSI sessions, NVMe I/O queues
  uint64_t rate = 0;            ///< reads and writes a second, all connections together; 0: as many as go
  double runtime_seconds = 5;
  double ramp_seconds = 0;    ///< before that, not measured
  bool once = false;          ///< sequential: each block once, then the end
  uint64_t offset_bytes = 0;  ///< where it begins in the unit
  uint64_t size_bytes = 0;    ///< how much of it; 0: up to its end
  bool durable = false;       ///< writes with FUA
  bool overwrite = false;     ///< what the unit holds may go: nothing is written without
  std::string journal;        ///< of acknowledged writes, to be made
  std::string verify_only;    ///< a journal whose writes are read back
  uint64_t seed = 1;

  bool header_digest = false, data_digest = false;
  bool spin = false;    ///< the client never sleeps
  int watched_pid = 0;  ///< whose CPU time is told
  bool json = false;

  uint32_t in_flight() const { return depth * connections; }
};

/// The options; or nothing but an exit code, when all has been said on stdout or stderr already (help, usage).
struct ParsedOptions {
  std::optional<Options> options;
  int exit_code = 0;
};
ParsedOptions parse_options(int argc, const char* const* argv);

/// "read", "randrw"
std::string_view pattern_name(const Options& options);

}  // namespace ashlar::load
