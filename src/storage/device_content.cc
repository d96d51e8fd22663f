#include "storage/device_content.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>

#include "storage/descriptor.h"

namespace ashlar::storage {
namespace {

struct FreeProbe {
  void operator()(blkid_struct_probe* probe) const { blkid_free_probe(probe); }
};

std::string canonical(const std::string& path) {
  char* const found = ::realpath(path.c_str(), nullptr);
  std::string real = found != nullptr ? found : path;
  std::free(found);
  return real;
}

// "\040" is a space, proc(5).
std::string unescaped(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto digit = [&](size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && digit(i + 2) && digit(i + 3)) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::string content_of(const std::string& device_path) {
  const Descriptor device(::open(device_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!device.valid()) return fmt::format("unreadable ({})", std::strerror(errno));
  const std::unique_ptr<blkid_struct_probe, FreeProbe> probe(blkid_new_probe());
  if (!probe || blkid_probe_set_device(probe.get(), device.get(), 0, 0) != 0)
    return fmt::format("unreadable ({})", std::strerror(errno));
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE);
  blkid_probe_enable_partitions(probe.get(), 1);
  errno = 0;
  const int outcome = blkid_do_safeprobe(probe.get());
  if (outcome == -2) return "several signatures";
  if (outcome < 0) return fmt::format("unreadable ({})", std::strerror(errno != 0 ? errno : EIO));
  if (outcome == 1) return "";
  const char* type = nullptr;
  if (blkid_probe_lookup_value(probe.get(), "TYPE", &type, nullptr) == 0 && type != nullptr) return type;
  return "partitions";
}

DeviceUses read_device_uses(const std::string& proc) {
  DeviceUses uses;
  std::ifstream mounts(proc + "/self/mountinfo");
  uses.readable = mounts.good();
  std::string line;
  while (std::getline(mounts, line)) {
    // 36 35 98:0 /root /mnt2 rw,noatime master:1 - ext3 /dev/root rw  (proc(5))
    std::istringstream fields(line);
    std::string id, parent, number, root, where, word, type, source;
    fields >> id >> parent >> number >> root >> where;
    while (fields >> word && word != "-") {
    }
    fields >> type >> source;
    const std::string use = "mounted on " + unescaped(where);
    uses.by_number.emplace(number, use);
    // Btrfs mounts have a number that is no device's.
    if (source.starts_with('/')) uses.by_path.emplace(canonical(unescaped(source)), use);
  }
  std::ifstream swaps(proc + "/swaps");  // not there in a kernel without swap
  std::getline(swaps, line);
  while (std::getline(swaps, line)) {
    const std::string path = unescaped(line.substr(0, line.find_first_of(" \t")));
    uses.by_path.emplace(canonical(path), "swap in use");
  }
  return uses;
}

std::string use_of(const DeviceUses& uses, const std::string& path, const std::string& number) {
  if (!uses.readable) return "unreadable (what is mounted)";
  if (const auto found = uses.by_number.find(number); found != uses.by_number.end()) return found->second;
  const auto found = uses.by_path.find(canonical(path));
  return found != uses.by_path.end() ? found->second : "";
}

}  // namespace ashlar::storage
