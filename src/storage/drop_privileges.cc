#include <cap-ng.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "storage/helper.h"

namespace ashlar::storage {
namespace {

struct Person {
  uid_t user = 0;
  gid_t group = 0;
};

Result<Person> find_person(const std::string& name) {
  std::vector<char> room(16384);
  passwd entry{};
  passwd* found = nullptr;
  int error = 0;
  while ((error = ::getpwnam_r(name.c_str(), &entry, room.data(), room.size(), &found)) == ERANGE) {
    if (room.size() >= (1u << 20)) break;
    room.resize(room.size() * 2);
  }
  if (found != nullptr) return Person{entry.pw_uid, entry.pw_gid};
  // getpwnam(3): several numbers mean that there is no such user.
  if (error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
    return fail(ErrorCode::not_found, "user", "there is no user '{}': make it with useradd --system {}", name,
                name);
  return std::unexpected(error_of_errno(error, "user", "cannot be looked up"));
}

Error refused(std::string_view what) { return error_of_errno(errno, "privileges", what); }

Result<void> become(const std::string& name, const Person& person) {
  // The bounding set while we still may; where root itself may not (some containers), it has nothing to bound.
  capng_get_caps_process();
  if (capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) == 1) {
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_apply(CAPNG_SELECT_BOUNDS) != 0)
      return std::unexpected(refused("the bounding set cannot be emptied"));
  }
  if (::initgroups(name.c_str(), person.group) != 0)
    return std::unexpected(refused("root's groups cannot be left"));
  if (::setresgid(person.group, person.group, person.group) != 0)
    return std::unexpected(refused("root's group cannot be left"));
  if (::setresuid(person.user, person.user, person.user) != 0)
    return std::unexpected(refused("root cannot be left"));
  capng_clear(CAPNG_SELECT_BOTH);
  if (capng_apply(CAPNG_SELECT_CAPS) != 0)
    return std::unexpected(refused("the capabilities cannot be given up"));
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return std::unexpected(refused("new privileges cannot be ruled out"));
  return {};
}

}  // namespace

Result<void> drop_privileges(const std::string& user) {
  if (::getuid() != 0 && ::geteuid() != 0) return {};
  TRY_ASSIGN(const Person person, find_person(user));
  if (person.user == 0 || person.group == 0)
    return fail(ErrorCode::invalid_argument, "user",
                "'{}' is root, or of root's group; name a user without rights", user);
  TRY(become(user, person));
  if (::setuid(0) == 0 || ::seteuid(0) == 0 || ::setgid(0) == 0 || ::getuid() != person.user ||
      ::geteuid() != person.user || ::getegid() != person.group)
    return fail(ErrorCode::permission_denied, "privileges", "root was left, and yet there is a way back");
  return {};
}

}  // namespace ashlar::storage
