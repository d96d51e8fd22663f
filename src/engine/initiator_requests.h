// The door's requests that make the engine a host of another array.
#pragma once

#include <string>

#include "base/result.h"
#include "loop/task.h"
#include "rpc/initiator_methods.h"

namespace ashlar::engine {

bool is_initiator_method(std::string_view method);
/// On shard 0. `params` as they came; errors name the field ("urls"), or say in words what the other array says.
loop::Task<Result<json::Json>> answer_as_initiator(std::string method, rpc::InitiatorParams params);

}  // namespace ashlar::engine
