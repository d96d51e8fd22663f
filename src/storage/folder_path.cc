#include "storage/folder_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

namespace ashlar::storage {
namespace {

// They and all in them. /run and /dev are memory that the next start forgets.
constexpr std::array<std::string_view, 30> system_trees = {"/bin",
                                                           "/boot",
                                                           "/dev",
                                                           "/etc",
                                                           "/lib",
                                                           "/lib32",
                                                           "/lib64",
                                                           "/libx32",
                                                           "/lost+found",
                                                           "/proc",
                                                           "/root",
                                                           "/run",
                                                           "/sbin",
                                                           "/sys",
                                                           "/usr",
                                                           "/var/backups",
                                                           "/var/cache",
                                                           "/var/lib/apt",
                                                           "/var/lib/dpkg",
                                                           "/var/lib/pam",
                                                           "/var/lib/polkit-1",
                                                           "/var/lib/private",
                                                           "/var/lib/sudo",
                                                           "/var/lib/systemd",
                                                           "/var/lib/ucf",
                                                           "/var/lock",
                                                           "/var/log",
                                                           "/var/mail",
                                                           "/var/run",
                                                           "/var/spool"};
// They alone: folders of folders.
constexpr std::array<std::string_view, 10> holders = {"/",    "/home", "/media", "/mnt",     "/opt",
                                                      "/srv", "/tmp",  "/var",   "/var/lib", "/var/tmp"};

bool within(std::string_view path, std::string_view tree) {
  return path.starts_with(tree) && (path.size() == tree.size() || path[tree.size()] == '/');
}

std::string real_path_of(const std::string& path) {
  char* const found = ::realpath(path.c_str(), nullptr);
  std::string real = found != nullptr ? found : "";
  std::free(found);
  return real;
}

}  // namespace

Result<void> check_path(const std::string& path) {
  if (path.empty() || path.front() != '/')
    return fail(ErrorCode::invalid_argument, path, "must be an absolute path, for example /srv/pool1");
  if (path.size() > max_path_bytes)
    return fail(ErrorCode::invalid_argument, path.substr(0, 64), "a path has at most {} bytes, not {}",
                max_path_bytes, path.size());
  if (std::ranges::any_of(path, [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
    return fail(ErrorCode::invalid_argument, "path", "has a control character in it");
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  if (normal != path)
    return fail(ErrorCode::invalid_argument, path,
                "must be written without '..', '.', '//' and a '/' at the end; is it {}?", normal);
  return {};
}

Result<void> check_data_folder(const std::string& folder) {
  TRY(check_path(folder));
  const bool system =
      std::ranges::any_of(system_trees, [&](std::string_view tree) { return within(folder, tree); });
  if (system || std::ranges::find(holders, folder) != holders.end())
    return fail(ErrorCode::permission_denied, folder,
                "is a folder of the system; keep volumes in one of their own, for example /srv/pool1");
  return {};
}

Result<void> check_file_name(const std::string& name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (name.empty() || name.size() > max_name_bytes)
    return fail(ErrorCode::invalid_argument, "name", "a file's name has 1 to {} bytes, not {}",
                max_name_bytes, name.size());
  const bool good = plain(name.front()) && std::ranges::all_of(name, [&](char c) {
                      return plain(c) || c == '.' || c == '_' || c == '-' || c == '@';
                    });
  if (!good)
    return fail(ErrorCode::invalid_argument, "name",
                "a file's name has letters, digits and '._-@' only, and begins with a letter or a digit");
  return {};
}

Result<void> check_volume_file_name(const std::string& name) {
  TRY(check_file_name(name));
  if (!name.ends_with(volume_file_ending) || name.size() == volume_file_ending.size())
    return fail(ErrorCode::invalid_argument, name, "a volume's file is called NAME{}", volume_file_ending);
  return {};
}

Result<Descriptor> open_folder(const std::string& folder) {
  TRY(check_path(folder));
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const auto opened = static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, folder.c_str(), &how, sizeof how));
  if (opened >= 0) return Descriptor(opened);
  const int error = errno;
  if (error == ELOOP)
    return fail(ErrorCode::permission_denied, folder,
                "goes through a symbolic link, which could be turned elsewhere: name the real folder{}{}",
                real_path_of(folder).empty() ? "" : ", ", real_path_of(folder));
  if (error == ENOENT)
    return fail(ErrorCode::not_found, folder, "there is no such folder: make it, or mount what holds it");
  if (error == ENOTDIR) return fail(ErrorCode::invalid_argument, folder, "is not a folder");
  return std::unexpected(error_of_errno(error, folder, "cannot be opened"));
}

}  // namespace ashlar::storage
