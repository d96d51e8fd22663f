// What this kernel's io_uring can do, found out once at start.
#pragma once

#include <string>

namespace ashlar::loop {

/// Filled by Ring::open(). Everything false still works (Linux 5.11), only slower.
struct KernelFeatures {
  bool defer_taskrun = false;   ///< 6.1: completions are processed only when the loop asks, on its own thread
  bool coop_taskrun = false;    ///< 5.19: completions do not interrupt the thread
  bool taskrun_flag = false;    ///< 5.19: the ring says that completions wait to be processed
  bool multishot_poll = false;  ///< 5.13: one poll request reports every edge
  bool multishot_accept = false;  ///< 5.19: one accept request takes every connection
  bool cancel_any = false;        ///< 5.19: one request cancels all

  /// "" when nothing is missing, else the names of what is, for the log.
  std::string missing() const;
};

}  // namespace ashlar::loop
