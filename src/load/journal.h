// Acknowledged writes on file: what must be on the medium afterwards, whatever has happened to the target meanwhile.
#pragma once

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace ashlar::load {

/// A file of one line of JSON, which says of which load it is, and 16 bytes for each acknowledged write: place and generation,
/// little-endian. A place is block_bytes of the unit, counted from `offset`. Writes of one place never overlap in time, so the
/// generation noted last is the least that may be found there. What is not yet in the file was never promised.
class Journal {
 public:
  struct Header {
    std::string url;
    uint32_t block_bytes = 0;
    uint64_t offset_bytes = 0, size_bytes = 0;
    uint64_t seed = 0;
  };
  static constexpr uint64_t max_places = 64u << 20;  ///< 512 MiB of generations in memory

  /// already_exists: a journal is never written over.
  static Result<std::unique_ptr<Journal>> create(const std::string& path, const Header& header);
  static Result<Header> read_header(const std::string& path);
  /// Generation by place, 0: none. A last record that is cut short was not promised.
  static Result<std::vector<uint64_t>> read(const std::string& path);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  void acknowledge(uint64_t place, uint64_t generation);
  /// Gives everything to the kernel. io_error: some of it is not in the file.
  Result<void> flush();

 private:
  Journal(std::string path, std::FILE* file) : path_(std::move(path)), file_(file) {}
  std::string path_;
  std::FILE* file_;
  bool failed_ = false;
};

/// Data that says what it is: seed, block address, generation, and a CRC over all. `block` is one logical block, at least 512 bytes.
void fill_block(Bytes block, uint64_t seed, uint64_t lba, uint64_t generation);
/// The generation of what fill_block() made for that address and seed; 0: it is something else.
uint64_t generation_of(ConstBytes block, uint64_t seed, uint64_t lba);

}  // namespace ashlar::load
