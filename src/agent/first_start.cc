#include "agent/first_start.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "access/access.h"
#include "api/lists.h"
#include "base/log.h"
#include "notify/notify.h"

namespace ashlar::agent {
namespace {

Result<void> write_private(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return std::unexpected(error_of_errno(errno, path, "cannot be written"));
  const ssize_t written = ::write(file, text.data(), text.size());
  const int error = errno;
  ::close(file);
  if (written == static_cast<ssize_t>(text.size())) return {};
  return std::unexpected(error_of_errno(error, path, "cannot be written"));
}

// Four groups of four: read off a screen and typed. 16 of 32 characters are 80 bits.
std::string readable_password() {
  constexpr std::string_view letters = "abcdefghjkmnpqrstuvwxyz23456789";
  std::string password;
  for (const char c : access::hash_token(access::make_token())) {
    if (password.size() == 19) break;
    if (password.size() % 5 == 4) password += '-';
    password += c;
  }
  for (char& c : password) {
    if (c == '0' || c == '1') c = letters[static_cast<size_t>(c - '0') + 7];
  }
  return password;
}

}  // namespace

Result<void> make_first_configuration(Array& array, const std::string& file) {
  if (!array.view()->configuration.users.empty()) return {};
  const std::string password = readable_password();
  TRY(write_private(file, password + "\n"));
  Change change;
  change.author = "system";
  change.comment = "the beginning";
  change.one_time_passwords = true;
  change.edit = [&password](api::Configuration& next) -> Result<void> {
    next.users.push_back(
        {.name = "admin", .role = "admin", .password = password, .comment = "made at the first start"});
    if (next.alert_rules.empty()) next.alert_rules = notify::default_rules();
    return {};
  };
  const auto changed = array.change(change);
  if (!changed) return std::unexpected(changed.error().error);
  log_info("agent", "a user admin was made; its one-time password is in the file {} of the state folder",
           file);
  return {};
}

void tell_changes(EventBus& events, const View& before, const View& after, const Change& change) {
  events.tell("configuration", "committed", std::to_string(after.generation.number), change.author,
              {{"comment", change.comment}});
  std::set<std::pair<std::string, std::string>> told;
  for (const api::Difference& each : api::differences_of(before.configuration, after.configuration)) {
    const size_t slash = each.path.find('/');
    const std::string kind = each.path.substr(0, slash);
    const size_t next = each.path.find('/', slash + 1);
    const std::string name = each.path.substr(slash + 1, next == std::string::npos ? next : next - slash - 1);
    if (!told.insert({kind, name}).second) continue;
    const bool whole = next == std::string::npos;
    events.tell(kind,
                whole && each.before.is_null()  ? "created"
                : whole && each.after.is_null() ? "deleted"
                                                : "changed",
                name, change.author);
  }
}

}  // namespace ashlar::agent
