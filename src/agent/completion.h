// What a wish leaves open is filled in: identities, names of storage, LUNs, times; and what is told, not set, stays as it was.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "api/configuration.h"
#include "base/identity.h"
#include "base/result.h"

namespace ashlar::agent {

/// As a volume's `backing` in a wish: new storage, though the volume has some (a snapshot is restored into it).
constexpr std::string_view new_backing = "\n";

/// As a secret in a wish: there is to be none any more (an empty one keeps what is there).
constexpr std::string_view no_secret = "\n";

struct Draw {
  std::function<Uuid()> uuid;  ///< 16 random bytes
  std::function<Result<std::string>(const api::Volume& volume)>
      backing;      ///< a name that the volume's pool chooses
  std::string now;  ///< RFC 3339 UTC
};

/// Idempotent. The answer: "POOL\nBACKING" of each storage whose name was chosen here, and that must thus be made.
Result<std::set<std::string>> complete(api::Configuration& next, const api::Configuration& before,
                                       const Draw& draw);

}  // namespace ashlar::agent
