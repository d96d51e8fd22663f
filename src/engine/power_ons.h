// When engines of this state folder were started, for hosts that ask what the array has gone through.
#pragma once

#include <string>

#include "base/result.h"
#include "loop/task.h"
#include "nvme/directory.h"

namespace ashlar::engine {

/// Times that are kept.
constexpr size_t most_power_ons = 32;

/// The record with one more in it, at `now_milliseconds` since 1970; on stable storage when it answers. What cannot be read or
/// written is told in the log and begins anew: no volume is kept from its hosts by it. On the current loop.
loop::Task<nvme::PowerOns> count_power_on(std::string path, uint64_t now_milliseconds);

/// The text of the record and back. Pure.
std::string power_ons_text(const nvme::PowerOns& power_ons);
Result<nvme::PowerOns> parse_power_ons(const std::string& text);

}  // namespace ashlar::engine
