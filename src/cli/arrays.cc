#include "cli/arrays.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "api/words.h"
#include "json/fields.h"

namespace ashlar::cli {

template <typename V, json::Is<KnownArray> T>
void visit_fields(V& v, T& array) {
  v.field("name", array.name, json::required);
  v.field("url", array.url, json::required);
  v.field("fingerprint", array.fingerprint);
  v.field("ca_file", array.ca_file);
  v.field("user", array.user);
  v.secret("token", array.token);
  v.secret("session", array.session);
}

template <typename V, json::Is<Arrays> T>
void visit_fields(V& v, T& arrays) {
  v.field("preferred", arrays.preferred);
  v.field("arrays", arrays.arrays);
}

namespace {

constexpr std::string_view default_port = ":8443";
constexpr size_t fingerprint_digits = 64;

Result<void> write_private(const std::string& path, std::string_view text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return std::unexpected(error_of_errno(errno, path, "cannot be written"));
  // One that a crash left behind keeps its mode otherwise.
  int error = ::fchmod(file, 0600) == 0 ? 0 : errno;
  while (!text.empty() && error == 0) {
    const ssize_t written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) error = errno;
    if (written > 0) text.remove_prefix(static_cast<size_t>(written));
  }
  if (error == 0 && ::fsync(file) != 0) error = errno;
  if (::close(file) != 0 && error == 0) error = errno;
  if (error != 0) return std::unexpected(error_of_errno(error, path, "cannot be written"));
  return {};
}

Result<void> make_folder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder, error)) return {};
  if (folder.has_parent_path()) std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(error_of_errno(errno, folder.string(), "cannot be made"));
  }
  return {};
}

}  // namespace

KnownArray* Arrays::find(std::string_view name) {
  for (KnownArray& array : arrays) {
    if (array.name == name) return &array;
  }
  return nullptr;
}

const KnownArray* Arrays::find(std::string_view name) const {
  for (const KnownArray& array : arrays) {
    if (array.name == name) return &array;
  }
  return nullptr;
}

const KnownArray* Arrays::find_url(std::string_view url) const {
  for (const KnownArray& array : arrays) {
    if (array.url == url) return &array;
  }
  return nullptr;
}

Result<Arrays> load_arrays(const std::string& path) {
  struct stat there{};
  if (::stat(path.c_str(), &there) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return Arrays{};
    return std::unexpected(error_of_errno(errno, path, "cannot be read"));
  }
  if ((there.st_mode & 077) != 0) {
    return fail(ErrorCode::permission_denied, path,
                "others may read it, and it holds tokens: chmod 600 it, and change the tokens if they did");
  }
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::unexpected(error_of_errno(errno, path, "cannot be read"));
  const std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  Result<json::Json> json = json::parse_json(text);
  Result<Arrays> arrays = json ? json::decode<Arrays>(*json, "", json::Unknown::overlook)
                               : Result<Arrays>(std::unexpected(json.error()));
  if (!arrays) {
    return fail(ErrorCode::invalid_argument, path,
                "cannot be used ({}): mend it, or move it away and log in again", arrays.error().text());
  }
  return arrays;
}

Result<void> save_arrays(const std::string& path, const Arrays& arrays) {
  TRY(make_folder(std::filesystem::path(path).parent_path()));
  const std::string beside = path + ".new";
  TRY(write_private(beside, json::print_json(json::encode(arrays, json::Secrets::show), 2) + "\n"));
  if (std::rename(beside.c_str(), path.c_str()) != 0)
    return std::unexpected(error_of_errno(errno, path, "cannot be renamed to"));
  return {};
}

Result<std::string> full_url(std::string_view typed) {
  if (typed.starts_with("unix:")) return std::string(typed);
  std::string_view rest = typed;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.find("://") != std::string_view::npos) {
    return fail(ErrorCode::invalid_argument, "URL", "'{}': only https://HOST:PORT and unix:PATH are spoken",
                typed);
  }
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const bool plain = !rest.empty() && rest.find_first_of("/?#@ \\") == std::string_view::npos;
  if (!plain)
    return fail(ErrorCode::invalid_argument, "URL", "'{}' is not of the form https://HOST:PORT", typed);
  // An IPv6 literal has colons of its own, in brackets.
  const size_t bracket = rest.rfind(']');
  const bool has_port =
      rest.find(':', bracket == std::string_view::npos ? 0 : bracket) != std::string_view::npos;
  return fmt::format("https://{}{}", rest, has_port ? "" : default_port);
}

Result<std::string> read_fingerprint(std::string_view typed) {
  std::string hex;
  bool all_hex = true;
  for (const char c : typed) {
    if (c == ':' || c == ' ') continue;
    all_hex = all_hex && std::isxdigit(static_cast<unsigned char>(c)) != 0;
    hex += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (!all_hex || hex.size() != fingerprint_digits) {
    return fail(ErrorCode::invalid_argument, "--fingerprint",
                "'{}' is not a SHA-256 fingerprint: {} hex digits", typed, fingerprint_digits);
  }
  return hex;
}

std::string print_fingerprint(std::string_view hex) {
  std::string shown;
  for (size_t i = 0; i < hex.size(); ++i) {
    if (i != 0 && i % 2 == 0) shown += ':';
    shown += static_cast<char>(std::toupper(static_cast<unsigned char>(hex[i])));
  }
  return shown;
}

}  // namespace ashlar::cli
