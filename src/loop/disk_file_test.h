// What the tests of files and of block devices share: operations that a story waits for, memory for them, and opening.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "loop/file.h"
#include "loop/loop.h"
#include "loop/real_loop_testing.h"

namespace ashlar::loop::test {

constexpr uint32_t block = 4096;

/// One that a story waits for.
class Operation final : public FileOperation {
 public:
  void run() override {
    EXPECT_FALSE(inside_submit) << "completed inside submit()";
    done.set();
  }
  Event done;
  bool inside_submit = false;
};

/// Aligned as O_DIRECT wants it.
struct Memory {
  explicit Memory(size_t size, char fill = 0)
      : bytes(static_cast<char*>(std::aligned_alloc(block, size))), size_bytes(size) {
    std::fill_n(bytes, size, fill);
  }
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() { std::free(bytes); }
  std::string text() const { return {bytes, size_bytes}; }
  char* bytes;
  size_t size_bytes;
};

inline Task<int64_t> run_operation(File& file, Operation& operation) {
  operation.inside_submit = true;
  file.submit(operation);
  operation.inside_submit = false;
  co_await operation.done;
  operation.done.reset();
  co_return operation.result;
}

inline Task<int64_t> move(File& file, FileVerb verb, uint64_t offset, Memory& memory, bool durable = false) {
  Operation operation;
  const iovec part{memory.bytes, memory.size_bytes};
  operation.verb = verb;
  operation.durable = durable;
  operation.offset = offset;
  operation.length = memory.size_bytes;
  operation.parts = {&part, 1};
  co_return co_await run_operation(file, operation);
}

inline Task<int64_t> ask(File& file, FileVerb verb, uint64_t offset = 0, uint64_t length = 0) {
  Operation operation;
  operation.verb = verb;
  operation.offset = offset;
  operation.length = length;
  co_return co_await run_operation(file, operation);
}

inline Task<std::unique_ptr<File>> open_well(Loop& loop, std::string path, OpenOptions options) {
  Task<Result<std::unique_ptr<File>>> opening = loop.open(path, options);
  Result<std::unique_ptr<File>> opened = co_await opening;
  EXPECT_TRUE(opened) << opened.error().text();
  co_return std::move(*opened);
}

inline Task<ErrorCode> open_badly(Loop& loop, std::string path, OpenOptions options) {
  Task<Result<std::unique_ptr<File>>> opening = loop.open(path, options);
  const Result<std::unique_ptr<File>> opened = co_await opening;
  EXPECT_FALSE(opened);
  co_return opened ? ErrorCode::aborted : opened.error().code;
}

/// Of this program: on a disk, where /tmp may not be.
inline std::string folder_on_disk() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

}  // namespace ashlar::loop::test
