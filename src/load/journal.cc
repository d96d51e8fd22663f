#include "load/journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/crc32c.h"

namespace ashlar::load {
namespace {

constexpr size_t record_bytes = 16;
constexpr int format_version = 1;
constexpr uint64_t block_magic = 0x31304843424c5341;  // "ASLBCH01"
// Of a block: magic, seed, address, generation; at its end the CRC of what is before it.
constexpr size_t head_bytes = 32;
constexpr size_t crc_bytes = 4;

void store_le64_at(uint8_t* to, uint64_t value) { std::memcpy(to, &value, sizeof value); }

/// splitmix64: one step makes a word of noise out of a counter.
uint64_t noise(uint64_t& state) {
  state += 0x9e3779b97f4a7c15;
  uint64_t word = state;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}

Result<Journal::Header> parse_header(const std::string& path, const std::string& line) {
  const nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
  const auto wrong = [&path] {
    return fail(ErrorCode::invalid_argument, path,
                "is no journal of ashlar-bench, or of another version of it");
  };
  if (!parsed.is_object() || parsed.value("ashlar_bench_journal", 0) != format_version) return wrong();
  const auto number = [&parsed](const char* name) -> uint64_t {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
  };
  const auto url = parsed.find("url");
  Journal::Header header;
  if (url == parsed.end() || !url->is_string()) return wrong();
  header.url = url->get<std::string>();
  const uint64_t block_bytes = number("block_bytes");
  header.offset_bytes = number("offset_bytes");
  header.size_bytes = number("size_bytes");
  header.seed = number("seed");
  const bool fits = block_bytes >= 512 && block_bytes <= (16u << 20) &&
                    header.size_bytes / block_bytes <= Journal::max_places &&
                    header.size_bytes >= block_bytes;
  if (!fits) return wrong();
  header.block_bytes = static_cast<uint32_t>(block_bytes);
  return header;
}

}  // namespace

Result<std::unique_ptr<Journal>> Journal::create(const std::string& path, const Header& header) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (descriptor < 0 && errno == EEXIST)
    return fail(ErrorCode::already_exists, path,
                "exists: a journal is not written over (--verify-only reads it)");
  if (descriptor < 0) return std::unexpected(error_of_errno(errno, path, "open"));
  std::FILE* file = ::fdopen(descriptor, "wb");
  if (file == nullptr) {
    ::close(descriptor);
    return std::unexpected(error_of_errno(errno, path, "open"));
  }
  std::unique_ptr<Journal> journal(new Journal(path, file));
  const nlohmann::ordered_json line = {
      {"ashlar_bench_journal", format_version}, {"url", header.url},
      {"block_bytes", header.block_bytes},      {"offset_bytes", header.offset_bytes},
      {"size_bytes", header.size_bytes},        {"seed", header.seed}};
  std::fputs((line.dump() + "\n").c_str(), file);
  TRY(journal->flush());
  return journal;
}

Journal::~Journal() { std::fclose(file_); }

void Journal::acknowledge(uint64_t place, uint64_t generation) {
  std::array<uint8_t, record_bytes> record;
  store_le64_at(record.data(), place);
  store_le64_at(record.data() + 8, generation);
  if (std::fwrite(record.data(), record.size(), 1, file_) != 1) failed_ = true;
}

Result<void> Journal::flush() {
  if (std::fflush(file_) != 0) failed_ = true;
  if (failed_) return fail(ErrorCode::io_error, path_, "could not be written: what it says is not all");
  return {};
}

Result<Journal::Header> Journal::read_header(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(ErrorCode::not_found, path, "cannot be read");
  std::string line;
  std::getline(file, line);
  return parse_header(path, line);
}

Result<std::vector<uint64_t>> Journal::read(const std::string& path) {
  TRY_ASSIGN(const Header header, read_header(path));
  std::ifstream file(path, std::ios::binary);
  std::string line;
  std::getline(file, line);
  std::vector<uint64_t> generations(header.size_bytes / header.block_bytes);
  std::array<char, record_bytes> record;
  while (file.read(record.data(), record.size())) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(record.data());
    const uint64_t place = load_le64(bytes);
    if (place >= generations.size())
      return fail(ErrorCode::invalid_argument, path, "notes a write of place {}, there are {}", place,
                  generations.size());
    generations[place] = load_le64(bytes + 8);
  }
  return generations;
}

void fill_block(Bytes block, uint64_t seed, uint64_t lba, uint64_t generation) {
  store_le64_at(block.data(), block_magic);
  store_le64_at(block.data() + 8, seed);
  store_le64_at(block.data() + 16, lba);
  store_le64_at(block.data() + 24, generation);
  uint64_t state = seed ^ lba * 0x9e3779b97f4a7c15 ^ generation << 32;
  for (size_t at = head_bytes; at < block.size(); at += 8) store_le64_at(block.data() + at, noise(state));
  const size_t covered = block.size() - crc_bytes;
  const uint32_t crc = crc32c(block.first(covered));
  store_le32(block.data() + covered, crc);
}

uint64_t generation_of(ConstBytes block, uint64_t seed, uint64_t lba) {
  const bool ours = load_le64(block.data()) == block_magic && load_le64(block.data() + 8) == seed &&
                    load_le64(block.data() + 16) == lba;
  if (!ours) return 0;
  const size_t covered = block.size() - crc_bytes;
  return crc32c(block.first(covered)) == load_le32(block.data() + covered) ? load_le64(block.data() + 24) : 0;
}

}  // namespace ashlar::load
