// A format or a sanitize of a volume by a host, as an event for people: it destroys data.
#pragma once

#include <map>
#include <string>

#include "unit/rewrite_history.h"

namespace ashlar::engine {

/// "volume.format_started", "volume.sanitize_completed", "volume.format_failed".
std::string kind_of(const unit::RewriteEvent& event);
std::map<std::string, std::string> fields_of(const std::string& volume, const unit::RewriteEvent& event);

}  // namespace ashlar::engine
