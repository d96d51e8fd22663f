// How the array is, in one honest sentence, and what to do about it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "notify/notify.h"
#include "rpc/status.h"

namespace ashlar::agent {

struct Health {
  std::string state;  ///< "ok", "warning", "critical"
  std::string sentence;
  std::vector<std::string> advice;
};

/// `engine` is absent while it does not answer; `failures` as Array::failures() tells them.
Health health_of(const std::optional<rpc::EngineStatus>& engine,
                 const std::map<std::string, std::string>& failures, const std::vector<notify::Alert>& alerts,
                 const std::vector<std::string>& damaged);

}  // namespace ashlar::agent
