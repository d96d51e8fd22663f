// A small text that survives: a file of two halves that are written in turn, so that one is whole whenever power goes.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "loop/task.h"

namespace ashlar::engine {

/// Longest text of a record, bytes.
constexpr size_t max_record_bytes = (1u << 20) - 24;

/// The text that was written last; none if none ever was. An error when the file cannot be read, or holds something that is
/// no record: what it said is lost then, which is not the same as none. Control path, on the current loop.
loop::Task<Result<std::optional<std::string>>> read_record(std::string path);
/// On stable storage when it answers well; the one before is still there when it does not, or the new one is. Makes the file,
/// whose folder must be there. One writer a file at a time.
loop::Task<Result<void>> write_record(std::string path, std::string text);

}  // namespace ashlar::engine
