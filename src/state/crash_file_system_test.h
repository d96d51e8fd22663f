// A disk in memory that knows what a power cut would leave of it: bytes are safe after sync_file, names after sync_folder.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "state/file_system.h"

namespace ashlar::state {

struct DiskEntry {
  bool folder = false;
  uint32_t mode = 0;
  std::string bytes;
  auto operator<=>(const DiskEntry&) const = default;
};
/// Path to what is there.
using DiskImage = std::map<std::string, DiskEntry>;

class CrashFileSystem final : public FileSystem {
 public:
  CrashFileSystem() = default;
  explicit CrashFileSystem(const DiskImage& image);

  /// The call of this number (from 0; only those that change something are counted) and all after it do nothing and fail.
  void cut_power_at(uint64_t call) { cut_at_ = call; }
  bool power_is_cut() const { return cut_; }
  /// `times` calls from this number on fail so. A write leaves half of its bytes.
  void fail_at(uint64_t call, ErrorCode code, uint64_t times = 1);
  void heal() { fail_from_.reset(); }
  bool failed_once() const { return failed_once_; }
  uint64_t calls() const { return calls_; }

  /// Every disk that a power cut now may leave: any choice of the renames, creations and removals that are not synced, with the
  /// bytes that are not synced lost, torn, zeroed or there.
  std::vector<DiskImage> images() const;
  /// What the running program sees.
  DiskImage view() const;

  Result<std::string> read(const std::string& path) override;
  Result<std::vector<std::string>> list(const std::string& folder) override;
  bool exists(const std::string& path) override;
  Result<void> make_folder(const std::string& path, uint32_t mode) override;
  Result<void> write(const std::string& path, std::string_view bytes, uint32_t mode) override;
  Result<void> sync_file(const std::string& path) override;
  Result<void> sync_folder(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;

 private:
  struct Node {
    DiskEntry now;
    std::optional<std::string> safe;  ///< the bytes on the medium; absent: none yet
  };
  using Names = std::map<std::string, size_t>;  ///< path: index of its node
  /// A change of names that is not safe yet. All of it survives, or nothing.
  struct Change {
    std::string folder;
    std::vector<std::pair<std::string, std::optional<size_t>>> sets;
  };
  enum class Bytes { lost, torn, zeroed, there };

  Result<void> begin(const std::string& path);
  void change(Change change);
  static void apply(const Change& change, Names& names);
  DiskImage image_of(const Names& names, Bytes bytes) const;

  std::vector<Node> nodes_;
  Names now_, safe_;
  std::vector<Change> pending_;
  uint64_t calls_ = 0;
  std::optional<uint64_t> cut_at_, fail_from_;
  uint64_t fail_times_ = 0;
  ErrorCode fail_code_ = ErrorCode::io_error;
  bool cut_ = false, failed_once_ = false;
};

}  // namespace ashlar::state
