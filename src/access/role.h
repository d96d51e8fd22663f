// Roles and grants: who may do what to which resource. Deny by default. Pure, any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/resources.h"
#include "base/result.h"

namespace ashlar::access {

/// In their order: each may do what those before it may.
enum class Role : uint8_t { none, viewer, operator_, admin };
/// invalid_argument at `place` for what is no role's name.
Result<Role> parse_role(std::string_view name, std::string_view place);
std::string_view name_of(Role role);

/// Who asks, once that is settled. A grant raises the role for the resources that it names, and never lowers it; one whose
/// role has no known name gives nothing. A token with scopes: `role` is the lesser of its own and its user's, `grants` are
/// its scopes, `only_grants` is true. A token without: `grants` are its user's, each no higher than the token's role.
struct Principal {
  std::string user;        ///< "alice"; "root" for uid 0 on the unix socket
  std::string credential;  ///< "session", "token ansible", "certificate CN=...", "unix socket"
  Role role = Role::none;  ///< of the whole array
  std::vector<api::Grant> grants;
  bool only_grants =
      false;  ///< a token whose scopes are listed: nothing but these, and never more than `role`
};

/// The least role that an operation asks for. `kind` is the API's plural ('-' and '_' are the same here). What makes a
/// resource gives the new name. With an empty name and at most viewer it is a list, which any grant of the kind opens
/// (may_see() then leaves out the rest); with an empty name and more, only a grant whose pattern is "*" helps.
/// Role::none: whoever is known.
struct Need {
  Role role = Role::admin;
  std::string kind, name;
};

/// The role that the principal has on one resource.
Role role_on(const Principal& principal, std::string_view kind, std::string_view name);
/// permission_denied with a sentence that names the role that is missing; the place is "KIND/NAME".
Result<void> allow(const Principal& principal, const Need& need);
/// May this one see a resource (lists leave out what may not be seen)?
bool may_see(const Principal& principal, std::string_view kind, std::string_view name);

}  // namespace ashlar::access
