#include "access/ldap.h"

#include <algorithm>
#include <iterator>
#include <set>
#include <vector>

#include "access/ldap_connection.h"
#include "access/ldap_name.h"
#include "access/ldap_url.h"

namespace ashlar::access {
namespace {

constexpr size_t max_user_bytes = 256;
constexpr size_t max_password_bytes_sent = 1024;
constexpr std::string_view user_mark = "{}";

using GroupRoles = std::map<std::string, Role>;  // by normal_dn()

std::string dn_of_user(const std::string& user_template, std::string_view user) {
  std::string dn = user_template;
  return dn.replace(dn.find(user_mark), user_mark.size(), escape_dn_value(user));
}

Result<void> check_template(const std::string& user_template) {
  const size_t mark = user_template.find(user_mark);
  const bool once = mark != std::string::npos && user_template.find(user_mark, mark + 1) == std::string::npos;
  if (!once || normal_dn(dn_of_user(user_template, "x")).empty()) {
    return fail(ErrorCode::invalid_argument, "ldap.user_template",
                "'{}' must be a DN with one {{}}, for example uid={{}},ou=people,dc=example,dc=org",
                user_template);
  }
  return {};
}

Result<GroupRoles> parse_group_roles(const LdapSettings& settings) {
  GroupRoles roles;
  for (const auto& [dn, name] : settings.group_roles) {
    const std::string place = fmt::format("ldap.group_roles[{}]", dn);
    TRY_ASSIGN(const Role role, parse_role(name, place));
    const std::string normal = normal_dn(dn);
    if (normal.empty()) {
      return fail(ErrorCode::invalid_argument, place,
                  "is not the DN of a group; write for example cn=storage,ou=groups,dc=example,dc=org");
    }
    Role& best = roles.try_emplace(normal, Role::none).first->second;
    best = std::max(best, role);
  }
  return roles;
}

/// Names that a directory would take for another: it does not count blanks around a name or how many are within (RFC 4518,
/// 2.6.1), but lock-outs and the audit log would see somebody else.
Result<void> check_credentials(std::string_view user, std::string_view password) {
  const bool odd = user.empty() || user.size() > max_user_bytes || user.front() == ' ' ||
                   user.back() == ' ' || user.find("  ") != std::string_view::npos ||
                   std::ranges::any_of(user, [](char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
  if (odd) return fail(ErrorCode::permission_denied, "user", "is not a name that a directory can hold");
  if (password.empty())
    return fail(ErrorCode::permission_denied, "password", "an empty password opens nothing");
  if (password.size() > max_password_bytes_sent) {
    return fail(ErrorCode::permission_denied, "password", "has more than {} bytes", max_password_bytes_sent);
  }
  return {};
}

Result<std::set<std::string>> groups_of(LdapConnection& connection, const std::string& base,
                                        const std::string& dn) {
  std::set<std::string> groups;
  auto own = connection.search(dn, LDAP_SCOPE_BASE, "(objectClass=*)", "memberOf");
  if (!own) return std::unexpected(std::move(own).error());
  for (const LdapEntry& entry : *own) {
    std::ranges::transform(entry.values, std::inserter(groups, groups.end()), normal_dn);
  }
  if (base.empty()) return groups;
  const std::string member = escape_filter_value(dn);
  auto found =
      connection.search(base, LDAP_SCOPE_SUBTREE,
                        fmt::format("(|(member={})(uniqueMember={}))", member, member), LDAP_NO_ATTRS);
  if (!found) return std::unexpected(std::move(found).error());
  for (const LdapEntry& entry : *found) groups.insert(normal_dn(entry.dn));
  return groups;
}

Result<std::set<std::string>> login_at(const LdapUrl& url, const LdapSettings& settings,
                                       const std::string& dn, std::string_view password) {
  TRY_ASSIGN(LdapConnection connection,
             LdapConnection::open(url, settings.ca_file, settings.timeout_seconds));
  TRY(connection.bind(dn, password));
  return groups_of(connection, settings.base, dn);
}

/// Another server may be better off.
bool is_away(const Error& error) {
  return error.code == ErrorCode::io_error || error.code == ErrorCode::timed_out ||
         error.code == ErrorCode::protocol_error;
}

}  // namespace

Result<Role> ldap_login(const LdapSettings& settings, std::string_view user, std::string_view password) {
  TRY(check_credentials(user, password));
  TRY(check_template(settings.user_template));
  TRY_ASSIGN(const GroupRoles roles, parse_group_roles(settings));
  TRY_ASSIGN(const std::vector<LdapUrl> urls, parse_ldap_urls(settings.url, settings.start_tls));
  const std::string dn = dn_of_user(settings.user_template, user);
  Result<std::set<std::string>> groups;
  for (const LdapUrl& url : urls) {
    groups = login_at(url, settings, dn, password);
    if (groups || !is_away(groups.error())) break;
  }
  if (!groups) return std::unexpected(std::move(groups).error());
  Role best = Role::none;
  for (const std::string& group : *groups) {
    const auto found = roles.find(group);
    if (found != roles.end()) best = std::max(best, found->second);
  }
  if (best == Role::none) {
    return fail(
        ErrorCode::permission_denied, settings.url,
        "{} is in none of the directory's groups that have a role here: make it a member of one, or add "
        "its group to ldap.group_roles",
        user);
  }
  return best;
}

}  // namespace ashlar::access
