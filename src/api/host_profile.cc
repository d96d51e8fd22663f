#include "api/host_profile.h"

#include <algorithm>

#include "json/sizes.h"

namespace ashlar::api {
namespace {

constexpr uint64_t tebibyte = uint64_t{1} << 40;

constexpr HostProfile profiles[] = {
    {.name = "generic"},
    {.name = "linux"},
    {.name = "proxmox"},  // Linux, for a volume
    // Storport's SCSI_MAXIMUM_LUNS_PER_TARGET is 255. Windows knows physical sectors of 512 and 4096 bytes; with larger ones
    // SQL Server and others that write their logs by the sector do not start.
    {.name = "windows", .highest_lun = 254, .largest_physical_block_bytes = 4096},
    // It scans LUNs below Disk.MaxLUN, 1024; takes only disks of local buses with 4096-byte blocks, refuses physical blocks
    // other than 512 and 4096, and LUNs above 64 TiB. It never sends SYNCHRONIZE CACHE: what it was told is written is, to it
    // and to its guests, on stable storage.
    {.name = "esxi",
     .highest_lun = 1023,
     .only_512_byte_blocks = true,
     .largest_physical_block_bytes = 4096,
     .largest_volume_bytes = 64 * tebibyte,
     .flushes = false,
     .distinct_serial_bytes = 8},
    // The block devices of guests (blkif) and VHD count in sectors of 512 bytes.
    {.name = "xen", .only_512_byte_blocks = true},
};

}  // namespace

const HostProfile& host_profile(std::string_view name) {
  const auto found = std::ranges::find(profiles, name, &HostProfile::name);
  return found == std::end(profiles) ? profiles[0] : *found;
}

Result<void> check_usable(const Volume& volume, const HostProfile& profile, const std::string& place) {
  if (profile.only_512_byte_blocks && volume.block_bytes != 512) {
    return fail(ErrorCode::invalid_argument, place + "/block_bytes",
                "hosts of type {} cannot use blocks of {} bytes: 512", profile.name, volume.block_bytes);
  }
  if (volume.physical_block_bytes > profile.largest_physical_block_bytes) {
    return fail(ErrorCode::invalid_argument, place + "/physical_block_bytes",
                "hosts of type {} cannot use physical blocks of {} bytes: {} at most", profile.name,
                volume.physical_block_bytes, profile.largest_physical_block_bytes);
  }
  if (volume.size_bytes > profile.largest_volume_bytes) {
    return fail(ErrorCode::out_of_range, place + "/size_bytes",
                "{} is more than hosts of type {} can use: {}", json::print_size(volume.size_bytes),
                profile.name, json::print_size(profile.largest_volume_bytes));
  }
  if (volume.write_cache && !profile.flushes) {
    return fail(ErrorCode::invalid_argument, place + "/write_cache",
                "hosts of type {} never ask for a flush: a power cut would take what they were told is "
                "written. Leave it off",
                profile.name);
  }
  return {};
}

}  // namespace ashlar::api
