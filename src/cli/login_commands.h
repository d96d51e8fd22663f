// login, logout, whoami, and the arrays that are known.
#pragma once

#include "cli/invocation.h"

namespace ashlar::cli {

Result<void> login(Invocation& invocation);
Result<void> logout(Invocation& invocation);
Result<void> who_am_i(Invocation& invocation);
Result<void> list_arrays(Invocation& invocation);
Result<void> use_array(Invocation& invocation);
Result<void> remove_array(Invocation& invocation);

}  // namespace ashlar::cli
