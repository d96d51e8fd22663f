// What a load found, and how it is told.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "load/latency_histogram.h"
#include "load/options.h"

namespace ashlar::load {

/// Reads, or writes, of the measured window.
struct Share {
  uint64_t operations = 0;
  LatencyHistogram latency;
};

struct Report {
  Share reads, writes;
  double seconds = 0;
  double client_cpu_seconds = 0;
  double watched_cpu_seconds = 0;  ///< of --watch-pid
  uint64_t errors = 0;             ///< answered otherwise than well, from the beginning on
  std::string first_error;
  std::string lost;  ///< why a connection ended; empty: none did

  // Of --verify and --verify-only.
  uint64_t acknowledged_writes = 0;  ///< noted in the journal
  uint64_t verified_blocks = 0;      ///< logical blocks that had to be there, and were looked at
  uint64_t wrong_blocks = 0;
  std::vector<std::string> wrong;  ///< the first of them, for people
  static constexpr size_t max_told = 10;

  uint64_t operations() const { return reads.operations + writes.operations; }
  int exit_code() const;
};

std::string as_json(const Options& options, const Report& report);
std::string as_text(const Options& options, const Report& report);

}  // namespace ashlar::load
