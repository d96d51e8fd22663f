// What a host can find out about another array before it uses it: which targets there are, and what a unit is by its paths.
#pragma once

#include <string>
#include <vector>

#include "initiator/multipath.h"

namespace ashlar::initiator {

struct ReachableTarget {
  std::string name;                  ///< IQN or NQN
  std::vector<std::string> portals;  ///< "192.0.2.7:3260", as told
};

/// SendTargets, or the Discovery log page; the URL names a portal. Errors: as login() and NvmeController::attach() give them, which
/// fault_of_url() makes those of a part of the URL.
loop::Task<Result<std::vector<ReachableTarget>>> targets_of(loop::Loop& loop, RemoteUrl url,
                                                            RemoteOptions options);

struct PathReport {
  std::string url;
  bool up = false;
  PathAccess access = PathAccess::unavailable;  ///< while it is up
  std::string error;                            ///< why it is not up: "urls[1].port: ..."
};
struct Inspection {
  Findings findings;  ///< of the first path that is up
  std::vector<PathReport> paths;
};
/// Attaches every path, looks, and leaves: as soon as each is up or has failed, ten seconds at most. An error when none is up; it
/// names the part of the URL at fault ("urls[0].lun") when there is one path, else "urls".
loop::Task<Result<Inspection>> inspect(loop::Loop& loop, RemoteOptions options);

}  // namespace ashlar::initiator
