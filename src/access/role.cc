#include "access/role.h"

#include <algorithm>
#include <array>

#include "access/name_pattern.h"

namespace ashlar::access {
namespace {

constexpr std::array all_roles = {Role::none, Role::viewer, Role::operator_, Role::admin};

/// "host_groups" in the configuration is "host-groups" in paths.
bool same_kind(std::string_view left, std::string_view right) {
  const auto dashed = [](char c) { return c == '_' ? '-' : c; };
  return std::ranges::equal(left, right, {}, dashed, dashed);
}

enum class Scope : uint8_t { one_resource, whole_list };

Role role_by_grants(const Principal& principal, std::string_view kind, std::string_view name, Scope scope) {
  Role best = Role::none;
  for (const api::Grant& grant : principal.grants) {
    if (grant.kind != "*" && !same_kind(grant.kind, kind)) continue;
    if (scope == Scope::one_resource && !fits(grant.name, name)) continue;
    const Result<Role> role = parse_role(grant.role, "");
    if (role) best = std::max(best, *role);
  }
  return best;
}

Role role_in(const Principal& principal, std::string_view kind, std::string_view name, Scope scope) {
  const Role granted = role_by_grants(principal, kind, name, scope);
  return principal.only_grants ? std::min(principal.role, granted) : std::max(principal.role, granted);
}

Scope scope_of(Role wanted, std::string_view name) {
  return name.empty() && wanted <= Role::viewer ? Scope::whole_list : Scope::one_resource;
}

}  // namespace

std::string_view name_of(Role role) {
  switch (role) {
    case Role::none: return "none";
    case Role::viewer: return "viewer";
    case Role::operator_: return "operator";
    case Role::admin: return "admin";
  }
  return "none";
}

Result<Role> parse_role(std::string_view name, std::string_view place) {
  for (const Role role : all_roles) {
    if (name == name_of(role)) return role;
  }
  return fail(ErrorCode::invalid_argument, std::string(place),
              "'{}' is not a role; write none, viewer, operator or admin", name.substr(0, 64));
}

Role role_on(const Principal& principal, std::string_view kind, std::string_view name) {
  return role_in(principal, kind, name, Scope::one_resource);
}

bool may_see(const Principal& principal, std::string_view kind, std::string_view name) {
  return role_in(principal, kind, name, scope_of(Role::viewer, name)) >= Role::viewer;
}

Result<void> allow(const Principal& principal, const Need& need) {
  const Role role = role_in(principal, need.kind, need.name, scope_of(need.role, need.name));
  if (role >= need.role) return {};
  const std::string place = need.name.empty() ? need.kind : need.kind + "/" + need.name;
  if (principal.only_grants) {
    return fail(ErrorCode::permission_denied, place,
                "this needs the role {}; {} of {} has {} here: widen its grants, or use another",
                name_of(need.role), principal.credential, principal.user, name_of(role));
  }
  return fail(
      ErrorCode::permission_denied, place,
      "this needs the role {}; {} has {} here: ask an administrator for that role, or for a grant of it",
      name_of(need.role), principal.user, name_of(role));
}

}  // namespace ashlar::access
