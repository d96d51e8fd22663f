// File operations as stories, for what is no data path: each call waits for one.
#pragma once

#include "base/bytes.h"
#include "loop/file.h"
#include "loop/task.h"

namespace ashlar::loop {

/// One file operation that a coroutine can wait for.
class AwaitedOperation final : public FileOperation {
 public:
  void run() override { done.set(); }
  Event done;
};

/// read or write: FileOperation::result. `memory` lives until then.
inline Task<int64_t> transfer(File& file, FileVerb verb, uint64_t offset, Bytes memory,
                              bool durable = false) {
  AwaitedOperation operation;
  const iovec part{memory.data(), memory.size()};
  operation.verb = verb;
  operation.durable = durable;
  operation.offset = offset;
  operation.length = memory.size();
  operation.parts = {&part, 1};
  file.submit(operation);
  co_await operation.done;
  co_return operation.result;
}

/// sync_data, punch_hole, zero_range, find_extent: FileOperation::result.
inline Task<int64_t> command(File& file, FileVerb verb, uint64_t offset, uint64_t length) {
  AwaitedOperation operation;
  operation.verb = verb;
  operation.offset = offset;
  operation.length = length;
  file.submit(operation);
  co_await operation.done;
  co_return operation.result;
}

}  // namespace ashlar::loop
