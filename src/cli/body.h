// From typed words to the JSON of a request.
#pragma once

#include <span>
#include <string_view>

#include "cli/invocation.h"

namespace ashlar::cli {

/// The members for what was typed of `arguments`, each at its pointer. Errors are usage errors that name the option.
Result<Json> body_of(Invocation& invocation, std::span<const Argument> arguments);
/// For `set`: lists with --add-X and --remove-X begin with what `current` has.
Result<Json> patch_of(Invocation& invocation, std::span<const Argument> arguments, const Json& current);
/// One value as its type wants it.
Result<Json> value_of(Invocation& invocation, const Argument& argument,
                      const std::vector<std::string>& typed);
/// Sets the value at an RFC 6901 pointer, making objects on the way.
void put_at(Json& json, std::string_view pointer, Json value);

/// "+500GiB" on top of `now`, or "20GiB". A usage error when it is neither.
Result<uint64_t> new_size(Invocation& invocation, const std::string& typed, uint64_t now);
/// "90d", "12h", "30m" from now, or an RFC 3339 time as it is: RFC 3339, UTC.
Result<std::string> future_time(Invocation& invocation, const std::string& typed);

}  // namespace ashlar::cli
