#include "engine/identity_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "rpc/document_fields.h"

namespace ashlar::engine {

template <typename V, rpc::Is<KeptIdentity> T>
void visit_fields(V& v, T& kept) {
  v.field("volume", kept.volume, rpc::required);
  v.field("store", kept.store, rpc::required);
  v.field("identity", kept.identity, rpc::required);
}

namespace {

struct File {
  std::vector<KeptIdentity> identities;
};

template <typename V, rpc::Is<File> T>
void visit_fields(V& v, T& file) {
  v.field("identities", file.identities, rpc::required);
}

Result<void> write_synced(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(error_of_errno(errno, path, "cannot be written"));
  std::string_view left = text;
  int error = 0;
  while (!left.empty() && error == 0) {
    const ssize_t written = ::write(file, left.data(), left.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) return std::unexpected(error_of_errno(error, path, "cannot be written"));
  return {};
}

Result<void> sync_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int opened = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return std::unexpected(error_of_errno(errno, folder, "cannot be opened"));
  const int error = ::fsync(opened) == 0 ? 0 : errno;
  ::close(opened);
  if (error != 0) return std::unexpected(error_of_errno(error, folder, "cannot be synced"));
  return {};
}

}  // namespace

Result<DrawnIdentities> load_identities(const std::string& path) {
  DrawnIdentities identities;
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0 && errno == ENOENT) return identities;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::unexpected(error_of_errno(errno, path, "cannot be read"));
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  Result<rpc::Json> json = rpc::parse_json(text);
  Result<File> file =
      json ? rpc::decode<File>(*json, "", rpc::Unknown::refuse) : std::unexpected(json.error());
  if (!file) {
    // Going on without it would give volumes new identities, and hosts would not know their disks again.
    return fail(ErrorCode::invalid_argument, path,
                "cannot be used ({}): mend it, or move it away if every document names its identities",
                file.error().text());
  }
  for (KeptIdentity& kept : file->identities) identities.remember(std::move(kept));
  return identities;
}

Result<void> save_identities(const std::string& path, const std::vector<KeptIdentity>& identities) {
  const std::string beside = path + ".new";
  TRY(write_synced(beside, rpc::print_json(rpc::encode(File{identities}), 2) + "\n"));
  if (std::rename(beside.c_str(), path.c_str()) != 0)
    return std::unexpected(error_of_errno(errno, path, "cannot be renamed to"));
  return sync_folder(path);
}

}  // namespace ashlar::engine
