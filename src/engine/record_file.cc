#include "engine/record_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "base/bytes.h"
#include "base/crc32c.h"
#include "loop/awaited_file.h"
#include "loop/loop.h"

namespace ashlar::engine {
namespace {

// A half: magic (8), sequence (8), length (4), CRC-32C of sequence, length and text (4), text. Little endian.
constexpr size_t half_bytes = 1u << 20;
constexpr size_t header_bytes = half_bytes - max_record_bytes;
constexpr char magic[] = "ASHLARr1";
static_assert(header_bytes == 24 && sizeof magic == 9);

struct Half {
  enum class Kind : uint8_t { blank, whole, broken };
  Kind kind = Kind::blank;
  uint64_t sequence = 0;
  std::string text;
};

uint32_t checksum(ConstBytes half) {
  const uint32_t state = crc32c_update(crc32c_start, half.subspan(8, 12));
  return crc32c_finish(crc32c_update(state, half.subspan(header_bytes)));
}

std::vector<uint8_t> laid_out(uint64_t sequence, std::string_view text) {
  std::vector<uint8_t> half(header_bytes + text.size());
  std::memcpy(half.data(), magic, 8);
  store_le64(&half[8], sequence);
  store_le32(&half[16], static_cast<uint32_t>(text.size()));
  std::ranges::copy(text, half.begin() + header_bytes);
  store_le32(&half[20], checksum(half));
  return half;
}

Half understood(ConstBytes bytes) {
  Half half;
  if (std::ranges::all_of(bytes, [](uint8_t byte) { return byte == 0; })) return half;
  half.kind = Half::Kind::broken;
  if (bytes.size() < header_bytes || std::memcmp(bytes.data(), magic, 8) != 0) return half;
  const size_t length = load_le32(&bytes[16]);
  if (length > bytes.size() - header_bytes) return half;
  if (checksum(bytes.first(header_bytes + length)) != load_le32(&bytes[20])) return half;
  half.kind = Half::Kind::whole;
  half.sequence = load_le64(&bytes[8]);
  half.text.assign(reinterpret_cast<const char*>(bytes.data() + header_bytes), length);
  return half;
}

loop::Task<Result<std::array<Half, 2>>> read_halves(loop::File& file, std::string path) {
  std::array<Half, 2> halves;
  std::vector<uint8_t> bytes(half_bytes);
  for (size_t i = 0; i < 2; ++i) {
    auto reading = loop::transfer(file, loop::FileVerb::read, i * half_bytes, bytes);
    const int64_t got = co_await reading;
    if (got < 0) co_return std::unexpected(error_of_errno(static_cast<int>(-got), path, "cannot be read"));
    halves[i] = understood(std::span(bytes).first(static_cast<size_t>(got)));
  }
  co_return halves;
}

// -1: neither was ever written; an error: one was, and none is whole.
Result<int> newest(const std::array<Half, 2>& halves, const std::string& path) {
  using Kind = Half::Kind;
  const bool both = halves[0].kind == Kind::whole && halves[1].kind == Kind::whole;
  if (both) return halves[0].sequence > halves[1].sequence ? 0 : 1;
  if (halves[0].kind == Kind::whole) return 0;
  if (halves[1].kind == Kind::whole) return 1;
  // The first thing that is ever written is an empty text of one sector, in half 0: a file where that was torn is a new one.
  if (halves[0].kind == Kind::blank && halves[1].kind == Kind::blank) return -1;
  return fail(ErrorCode::io_error, path, "holds no record that is whole: what was kept in it is lost");
}

loop::Task<Result<void>> write_half(loop::File& file, std::string path, int which, uint64_t sequence,
                                    std::string text) {
  const uint64_t offset = static_cast<uint64_t>(which) * half_bytes;
  std::vector<uint8_t> bytes = laid_out(sequence, text);
  auto writing = loop::transfer(file, loop::FileVerb::write, offset, bytes, true);
  const int64_t done = co_await writing;
  if (done == static_cast<int64_t>(bytes.size())) co_return Result<void>{};
  // It may be whole in the page cache and nowhere else. Taken for the newest, it would have the next write begin with the other
  // half, the only one that is on the disk: so it must not look whole.
  std::array<uint8_t, header_bytes> nothing{};
  auto spoiling = loop::transfer(file, loop::FileVerb::write, offset, nothing);
  co_await spoiling;
  if (done < 0) co_return std::unexpected(error_of_errno(static_cast<int>(-done), path, "cannot be written"));
  co_return fail(ErrorCode::no_space, path, "was written in part: {} of {} bytes", done, bytes.size());
}

loop::Task<Result<std::unique_ptr<loop::File>>> open_record(std::string path, bool to_write, bool create) {
  const loop::OpenOptions options{.writable = to_write, .create = create, .prefer_direct = false};
  auto opening = loop::Loop::current().open(path, options);
  co_return co_await opening;
}

// What a killed engine was writing may be in the page cache alone: who reads it and goes by it makes it last first, or a power
// cut could take it back.
loop::Task<Result<void>> make_last(loop::File& file, std::string path) {
  auto syncing = loop::command(file, loop::FileVerb::sync_data, 0, 0);
  const int64_t result = co_await syncing;
  if (result == 0) co_return Result<void>{};
  co_return std::unexpected(error_of_errno(static_cast<int>(-result), path, "cannot be synced"));
}

// Of a file system that was mounted for reading nothing can be written, so nothing of it can be in doubt.
loop::Task<Result<std::unique_ptr<loop::File>>> open_to_read(std::string path) {
  auto opening = open_record(path, true, false);
  Result<std::unique_ptr<loop::File>> file = co_await opening;
  if (!file) {
    if (file.error().code == ErrorCode::not_found) co_return std::move(file);
    auto again = open_record(path, false, false);
    co_return co_await again;
  }
  auto syncing = make_last(**file, path);
  const Result<void> synced = co_await syncing;
  if (!synced) co_return std::unexpected(synced.error());
  co_return std::move(file);
}

}  // namespace

loop::Task<Result<std::optional<std::string>>> read_record(std::string path) {
  auto opening = open_to_read(path);
  Result<std::unique_ptr<loop::File>> file = co_await opening;
  if (!file && file.error().code == ErrorCode::not_found) co_return std::optional<std::string>{};
  if (!file) co_return std::unexpected(std::move(file).error());
  auto reading = read_halves(**file, path);
  Result<std::array<Half, 2>> halves = co_await reading;
  CO_TRY(halves);
  CO_TRY_ASSIGN(const int which, newest(*halves, path));
  if (which < 0) co_return std::optional<std::string>{};
  Half& last = (*halves)[static_cast<size_t>(which)];
  if (last.text.empty()) co_return std::optional<std::string>{};
  co_return std::optional<std::string>{std::move(last.text)};
}

loop::Task<Result<void>> write_record(std::string path, std::string text) {
  if (text.size() > max_record_bytes)
    co_return fail(ErrorCode::exhausted, path, "would be {} bytes long, and {} is the most", text.size(),
                   max_record_bytes);
  auto opening = open_record(path, true, true);
  Result<std::unique_ptr<loop::File>> file = co_await opening;
  if (!file) co_return std::unexpected(std::move(file).error());
  auto reading = read_halves(**file, path);
  const Result<std::array<Half, 2>> halves = co_await reading;
  CO_TRY(halves);
  // What is broken for good is replaced, since who writes has made up for it; until then it stays broken.
  const Result<int> found = newest(*halves, path);
  int which = found.value_or(1);
  uint64_t sequence = found && which >= 0 ? (*halves)[static_cast<size_t>(which)].sequence : 0;
  if (which < 0) {
    auto beginning = write_half(**file, path, 0, ++sequence, "");
    const Result<void> begun = co_await beginning;
    CO_TRY(begun);
    which = 0;
  }
  auto writing = write_half(**file, path, 1 - which, sequence + 1, std::move(text));
  co_return co_await writing;
}

}  // namespace ashlar::engine
