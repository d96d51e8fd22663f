#include "storage/block_devices.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "storage/device_content.h"

namespace ashlar::storage {
namespace {

namespace files = std::filesystem;

constexpr size_t max_devices = 4096;
constexpr size_t max_text_bytes = 256;

std::string trimmed(std::string text) {
  std::erase_if(text, [](unsigned char c) { return c < 0x20 || c >= 0x7f; });
  const size_t first = text.find_first_not_of(' ');
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// What a file of sysfs says, without control characters; empty when there is none.
std::string text_of_file(const files::path& path, size_t skip = 0) {
  std::ifstream stream(path, std::ios::binary);
  std::array<char, max_text_bytes> bytes{};
  stream.read(bytes.data(), bytes.size());
  const auto got = static_cast<size_t>(stream.gcount());
  return got <= skip ? "" : trimmed(std::string(bytes.data() + skip, got - skip));
}

uint64_t number_of_file(const files::path& path, uint64_t otherwise) {
  const std::string text = text_of_file(path);
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc() && end == text.data() + text.size() ? number : otherwise;
}

std::vector<std::string> names_in(const files::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (files::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (names.size() < max_devices) names.push_back(entry->path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

/// The lower the better: names that the disk itself carries stand before names of the path to it.
size_t rank_of(std::string_view link) {
  constexpr std::array<std::string_view, 9> prefixes = {
      "wwn-", "nvme-eui.", "nvme-uuid.", "scsi-3", "dm-uuid-", "md-uuid-", "scsi-", "ata-", "nvme-"};
  const auto found = std::ranges::find_if(prefixes, [link](auto prefix) { return link.starts_with(prefix); });
  return static_cast<size_t>(found - prefixes.begin());
}

/// Device's name -> its best link in by-id.
std::map<std::string, std::string> stable_ids(const DeviceTree& tree) {
  const files::path folder = files::path(tree.dev) / "disk/by-id";
  std::map<std::string, std::string> best;
  for (const std::string& link : names_in(folder)) {
    std::error_code error;
    const std::string device = files::read_symlink(folder / link, error).filename().string();
    if (error || device.empty()) continue;
    const auto [found, fresh] = best.emplace(device, link);
    if (!fresh && rank_of(link) < rank_of(found->second)) found->second = link;
  }
  return best;
}

bool is_listed(const std::string& name, const files::path& sys) {
  for (const char* prefix : {"ram", "zram", "fd", "sr"}) {
    const std::string_view rest = std::string_view(name).substr(std::min(name.size(), std::strlen(prefix)));
    if (name.starts_with(prefix) && !rest.empty() && rest.front() >= '0' && rest.front() <= '9') return false;
  }
  std::error_code error;
  return !name.starts_with("loop") || files::exists(sys / "loop/backing_file", error);
}

class Listing {
 public:
  explicit Listing(const DeviceTree& tree)
      : tree_(tree), ids_(stable_ids(tree)), uses_(read_device_uses(tree.proc)) {}

  void add_disk(const std::string& name) {
    const files::path sys = files::path(tree_.sys) / "block" / name;
    if (!is_listed(name, sys)) return;
    DeviceFacts common;
    common.block_bytes = static_cast<uint32_t>(number_of_file(sys / "queue/logical_block_size", 512));
    common.rotational = number_of_file(sys / "queue/rotational", 0) == 1;
    common.model = model_of(sys);
    common.serial = serial_of(sys);
    std::vector<std::string> partitions = names_in(sys);
    std::error_code error;
    std::erase_if(partitions,
                  [&](const std::string& entry) { return !files::exists(sys / entry / "partition", error); });
    add(name, sys, common, !partitions.empty());
    for (const std::string& partition : partitions) add(partition, sys / partition, common, false);
  }

  std::vector<DeviceFacts> take() && {
    std::ranges::sort(found_, {}, &DeviceFacts::path);
    return std::move(found_);
  }

 private:
  static std::string model_of(const files::path& sys) {
    if (const std::string file = text_of_file(sys / "loop/backing_file"); !file.empty())
      return "loop of " + file;
    return trimmed(text_of_file(sys / "device/vendor") + " " + text_of_file(sys / "device/model"));
  }
  static std::string serial_of(const files::path& sys) {
    for (const char* file : {"device/serial", "serial"}) {
      if (std::string serial = text_of_file(sys / file); !serial.empty()) return serial;
    }
    return text_of_file(sys / "device/vpd_pg80",
                        4);  // SPC-5 7.7.19: four bytes stand before the serial number
  }

  void add(const std::string& name, const files::path& sys, DeviceFacts facts, bool has_partitions) {
    if (found_.size() >= max_devices) return;
    facts.size_bytes = number_of_file(sys / "size", 0) * 512;  // in 512 bytes, whatever the device's block is
    if (facts.size_bytes == 0) return;                         // no medium
    std::string device = name;
    std::ranges::replace(device, '!', '/');
    facts.path = tree_.dev + "/" + device;
    const auto id = ids_.find(name);
    if (id != ids_.end())
      facts.stable_id = tree_.dev + "/disk/by-id/" + id->second;
    else if (name.starts_with("loop"))
      facts.stable_id = facts.path;
    facts.holds = holds(facts.path, sys, has_partitions);
    found_.push_back(std::move(facts));
  }

  std::string holds(const std::string& path, const files::path& sys, bool has_partitions) const {
    if (std::string use = use_of(uses_, path, text_of_file(sys / "dev")); !use.empty()) return use;
    if (const std::vector<std::string> above = names_in(sys / "holders"); !above.empty())
      return "used by " + above.front();
    if (has_partitions) return "partitions";
    return content_of(path);
  }

  const DeviceTree& tree_;
  std::map<std::string, std::string> ids_;
  DeviceUses uses_;
  std::vector<DeviceFacts> found_;
};

}  // namespace

Result<std::vector<DeviceFacts>> list_block_devices(const DeviceTree& tree) {
  std::error_code error;
  const files::path disks = files::path(tree.sys) / "block";
  if (!files::is_directory(disks, error))
    return fail(ErrorCode::not_found, disks.string(), "the kernel shows no block devices here");
  Listing listing(tree);
  for (const std::string& name : names_in(disks)) listing.add_disk(name);
  return std::move(listing).take();
}

}  // namespace ashlar::storage
