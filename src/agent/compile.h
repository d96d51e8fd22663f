// The configuration as the engine is given it. Pure: what is kept elsewhere (where a volume's storage is, what a secret says)
// is asked through two functions.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "api/configuration.h"
#include "base/result.h"
#include "rpc/document.h"

namespace ashlar::agent {

struct CompileSources {
  std::function<Result<rpc::StoreDocument>(const api::Volume&)> store_of;
  std::function<Result<std::string>(const std::string& reference)> secret_of;
};

/// Maps of host groups become one mapping a host. Errors have the resource's path.
Result<rpc::Document> compile(const api::Configuration& configuration, const CompileSources& sources);

/// Ids of the keys that more than one volume needs, or a volume and a snapshot, also of those in the recycle bin: no host may erase
/// them.
std::set<std::string> shared_keys(const api::Configuration& configuration);
/// Ids of all keys that are needed, by anything.
std::set<std::string> needed_keys(const api::Configuration& configuration);

/// The LUN of every map that has none: the lowest that is free for all its hosts on its target.
void draw_luns(api::Configuration& configuration);

}  // namespace ashlar::agent
