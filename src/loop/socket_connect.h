// The story of one outgoing connection.
#pragma once

#include <memory>

#include "base/result.h"
#include "loop/cancellation.h"
#include "loop/stream.h"
#include "loop/task.h"
#include "loop/time.h"

namespace ashlar::loop {

class RealLoop;

/// See Loop::connect().
Task<Result<std::unique_ptr<Stream>>> connect_socket(RealLoop& loop, Endpoint endpoint, Nanoseconds timeout,
                                                     Cancellation* cancellation);

}  // namespace ashlar::loop
