#include "storage/folder_facts.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "storage/descriptor.h"

namespace ashlar::storage {
namespace {

// linux/magic.h, and those that the kernel keeps to itself.
constexpr std::array<std::pair<uint32_t, std::string_view>, 20> magics = {{
    {0x58465342, "xfs"},   {0xef53, "ext4"},        {0x9123683e, "btrfs"},    {0x01021994, "tmpfs"},
    {0x858458f6, "ramfs"}, {0x794c7630, "overlay"}, {0x6969, "nfs"},          {0xff534d42, "cifs"},
    {0xfe534d42, "smb"},   {0x2fc12fc1, "zfs"},     {0xca451a4e, "bcachefs"}, {0xf2f52010, "f2fs"},
    {0x65735546, "fuse"},  {0x7461636f, "ocfs2"},   {0x01161970, "gfs2"},     {0x00c36400, "ceph"},
    {0x4d44, "vfat"},      {0x2011bab0, "exfat"},   {0x73717368, "squashfs"}, {0x9660, "iso9660"},
}};

Result<Descriptor> make_nameless(int folder, const std::string& place) {
  uint64_t random = 0;
  if (::getrandom(&random, sizeof random, 0) != sizeof random)
    return std::unexpected(error_of_errno(errno, place, "no random number"));
  const std::string name = fmt::format(".ashlar-try-{:016x}", random);
  Descriptor file(::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file.valid()) return std::unexpected(error_of_errno(errno, place, "a file cannot be made"));
  ::unlinkat(folder, name.c_str(), 0);
  return file;
}

Result<void> try_abilities(int folder, const std::string& place, TriedAbilities& tried) {
  TRY_ASSIGN(const Descriptor from, make_nameless(folder, place));
  TRY_ASSIGN(const Descriptor to, make_nameless(folder, place));
  // When the disk is full this writes less or nothing; the two calls below can tell all the same.
  const std::array<char, 4096> bytes{};
  if (::write(from.get(), bytes.data(), bytes.size()) < 0 && errno != ENOSPC && errno != EDQUOT)
    return std::unexpected(error_of_errno(errno, place, "a file cannot be written"));
  tried.reflink = ::ioctl(to.get(), FICLONE, from.get()) == 0;
  tried.punch_hole =
      ::fallocate(from.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes.size()) == 0;
  return {};
}

}  // namespace

std::string file_system_name(int descriptor) {
  struct statfs facts{};
  if (::fstatfs(descriptor, &facts) != 0) return "an unknown file system";
  const auto magic = static_cast<uint32_t>(facts.f_type);
  for (const auto& [known, name] : magics) {
    if (known == magic) return std::string(name);
  }
  return fmt::format("unknown (0x{:x})", magic);
}

Result<FolderFacts> look_at_folder(int folder, const std::string& place,
                                   std::optional<TriedAbilities>& tried) {
  struct statvfs room{};
  struct stat there{};
  struct statx more{};
  if (::fstatvfs(folder, &room) != 0 || ::fstat(folder, &there) != 0 ||
      ::statx(folder, "", AT_EMPTY_PATH, 0, &more) != 0)
    return std::unexpected(error_of_errno(errno, place, "cannot be looked at"));
  FolderFacts facts;
  facts.file_system = file_system_name(folder);
  facts.read_only = (room.f_flag & ST_RDONLY) != 0;
  facts.mount_root = (more.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  facts.size_bytes = room.f_blocks * room.f_frsize;
  facts.available_bytes = room.f_bavail * room.f_frsize;
  if (facts.read_only) return facts;
  const std::string id =
      fmt::format("{} {} {} {}", facts.file_system, room.f_fsid, there.st_dev, there.st_ino);
  if (!tried || tried->file_system_id != id) {
    TriedAbilities fresh{.file_system_id = id};
    TRY(try_abilities(folder, place, fresh));
    tried = std::move(fresh);
  }
  facts.reflink = tried->reflink;
  facts.punch_hole = tried->punch_hole;
  return facts;
}

}  // namespace ashlar::storage
