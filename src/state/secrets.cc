#include "state/secrets.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/identity.h"

namespace ashlar::state {
namespace {

constexpr std::string_view prefix = "secret:";
constexpr size_t id_digits = 32;

// Lower-case digits alone: an id that came by a configuration can name no path but ours.
bool is_id(std::string_view text) {
  return text.size() == id_digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Result<std::string> draw_id(const std::string& place) {
  std::array<uint8_t, id_digits / 2> bytes{};
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t got = ::getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return std::unexpected(error_of_errno(errno, place, "the kernel gave no random bytes"));
    filled += static_cast<size_t>(got);
  }
  return hex_of(bytes);
}

}  // namespace

Result<SecretStore> SecretStore::open(FileSystem& files, std::string folder) {
  TRY(files.make_folder(folder, 0700));
  // The names of secrets are worth nothing if the folder's own is lost.
  TRY(files.sync_folder(folder_of(folder)));
  TRY_ASSIGN(const std::vector<std::string> names, files.list(folder));
  for (const std::string& name : names) {
    // A power cut in put() left it; it may hold a part of a secret.
    if (name.ends_with(".new") && is_id(name.substr(0, name.size() - 4)))
      (void)files.remove(fmt::format("{}/{}", folder, name));
  }
  return SecretStore(files, std::move(folder));
}

Result<std::string> SecretStore::put(std::string_view value) {
  if (value.size() > max_secret_bytes)
    return fail(ErrorCode::out_of_range, "", "a secret has at most {} bytes", max_secret_bytes);
  TRY_ASSIGN(const std::string id, draw_id(folder_));
  TRY(files_->replace(fmt::format("{}/{}", folder_, id), value, 0600));
  return fmt::format("{}{}", prefix, id);
}

Result<std::string> SecretStore::get(std::string_view reference) const {
  if (!is_reference(reference)) {
    return fail(ErrorCode::invalid_argument, folder_,
                "this is no reference of a secret: it is \"secret:\" and {} digits 0-9 a-f", id_digits);
  }
  Result<std::string> value = files_->read(fmt::format("{}/{}", folder_, reference.substr(prefix.size())));
  if (!value && value.error().code == ErrorCode::not_found) {
    return fail(ErrorCode::not_found, value.error().place,
                "the secret {} is not in the store: set it again where it is used", reference);
  }
  return value;
}

bool SecretStore::is_reference(std::string_view text) {
  return text.starts_with(prefix) && is_id(text.substr(prefix.size()));
}

Result<size_t> SecretStore::remove_all_but(const std::set<std::string>& references) {
  TRY_ASSIGN(const std::vector<std::string> names, files_->list(folder_));
  size_t removed = 0;
  for (const std::string& name : names) {
    if (!is_id(name) || references.contains(fmt::format("{}{}", prefix, name))) continue;
    TRY(files_->remove(fmt::format("{}/{}", folder_, name)));
    ++removed;
  }
  if (removed > 0) TRY(files_->sync_folder(folder_));
  return removed;
}

}  // namespace ashlar::state
