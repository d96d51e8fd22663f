#include "access/role.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

namespace ashlar::access {
namespace {

constexpr std::array roles = {Role::none, Role::viewer, Role::operator_, Role::admin};

Principal somebody(Role role, std::vector<api::Grant> grants = {}, bool only_grants = false) {
  return {"alice", only_grants ? "token t" : "session", role, std::move(grants), only_grants};
}

TEST(Roles, NamesComeBack) {
  for (const Role role : roles) EXPECT_EQ(parse_role(name_of(role), "role"), role);
  for (const char* name : {"", "Admin", "root", "operator_", "viewer "}) {
    const Result<Role> role = parse_role(name, "users/alice/role");
    ASSERT_FALSE(role) << name;
    EXPECT_EQ(role.error().place, "users/alice/role");
    EXPECT_EQ(role.error().code, ErrorCode::invalid_argument);
  }
}

TEST(Roles, NobodyMayDoAnythingByDefault) {
  EXPECT_FALSE(allow(Principal{}, Need{}));
  EXPECT_FALSE(allow(Principal{}, {Role::viewer, "volumes", "db1"}));
  EXPECT_FALSE(may_see(Principal{}, "volumes", "db1"));
  EXPECT_FALSE(may_see(Principal{}, "volumes", ""));
  EXPECT_FALSE(allow(somebody(Role::operator_), Need{}));
  EXPECT_TRUE(allow(Principal{}, {Role::none, "whoami", ""}));
}

/// Roles x grants x needs, the whole of it: what a grant of `granted` on volumes named db* makes of it.
TEST(Roles, TruthTable) {
  struct Place {
    const char *kind, *name;
    bool granted;
  };
  constexpr std::array places = {Place{"volumes", "db1", true}, Place{"volumes", "db", true},
                                 Place{"volumes", "web1", false}, Place{"snapshots", "db1", false},
                                 Place{"", "db1", false}};
  for (const Role own : roles) {
    for (const Role granted : roles) {
      const std::vector<api::Grant> grants = {{"volumes", "db*", std::string(name_of(granted))}};
      for (const Place& place : places) {
        const Role by_grant = place.granted ? granted : Role::none;
        for (const Role needed : roles) {
          const Need need{needed, place.kind, place.name};
          EXPECT_EQ(allow(somebody(own), need).has_value(), own >= needed);
          EXPECT_EQ(allow(somebody(own, grants), need).has_value(), std::max(own, by_grant) >= needed);
          EXPECT_EQ(allow(somebody(own, grants, true), need).has_value(), std::min(own, by_grant) >= needed);
          EXPECT_EQ(allow(somebody(own, {}, true), need).has_value(), needed == Role::none);
        }
        EXPECT_EQ(role_on(somebody(own, grants), place.kind, place.name), std::max(own, by_grant));
        EXPECT_EQ(role_on(somebody(own, grants, true), place.kind, place.name), std::min(own, by_grant));
        EXPECT_EQ(may_see(somebody(own, grants), place.kind, place.name),
                  std::max(own, by_grant) >= Role::viewer);
      }
    }
  }
}

TEST(Roles, TheHighestGrantCounts) {
  const Principal alice = somebody(
      Role::viewer, {{"volumes", "*", "operator"}, {"volumes", "db1", "none"}, {"volumes", "db?", "admin"}});
  EXPECT_EQ(role_on(alice, "volumes", "db1"), Role::admin);
  EXPECT_EQ(role_on(alice, "volumes", "web"), Role::operator_);
  EXPECT_EQ(role_on(alice, "hosts", "web"), Role::viewer);
}

TEST(Roles, AGrantOfAllKinds) {
  const Principal alice = somebody(Role::none, {{"*", "db*", "operator"}});
  EXPECT_TRUE(allow(alice, {Role::operator_, "snapshots", "db1@x"}));
  EXPECT_FALSE(allow(alice, {Role::admin, "snapshots", "db1@x"}));
  EXPECT_FALSE(allow(alice, {Role::operator_, "snapshots", "web@x"}));
}

TEST(Roles, KindsInPathsAndInDocumentsAreTheSame) {
  const Principal alice = somebody(Role::none, {{"host-groups", "*", "viewer"}});
  EXPECT_TRUE(may_see(alice, "host_groups", "g"));
  EXPECT_TRUE(may_see(alice, "host-groups", "g"));
  EXPECT_FALSE(may_see(alice, "hosts", "g"));
}

TEST(Roles, AnUnknownRoleInAGrantGivesNothing) {
  EXPECT_EQ(role_on(somebody(Role::none, {{"volumes", "*", "king"}}), "volumes", "db1"), Role::none);
  EXPECT_EQ(role_on(somebody(Role::viewer, {{"volumes", "*", ""}}), "volumes", "db1"), Role::viewer);
}

TEST(Roles, ListsOpenToAnyGrantOfTheKind) {
  for (const bool only_grants : {false, true}) {
    const Role own = only_grants ? Role::operator_ : Role::none;
    const Principal alice = somebody(own, {{"volumes", "db*", "operator"}}, only_grants);
    EXPECT_TRUE(allow(alice, {Role::viewer, "volumes", ""}));
    EXPECT_TRUE(may_see(alice, "volumes", ""));
    EXPECT_FALSE(may_see(alice, "volumes", "web1"));
    EXPECT_FALSE(allow(alice, {Role::viewer, "hosts", ""}));
    EXPECT_FALSE(
        allow(somebody(own, {{"volumes", "db*", "none"}}, only_grants), {Role::viewer, "volumes", ""}));
  }
}

TEST(Roles, MakingNeedsAGrantThatFitsTheNewName) {
  const Principal alice = somebody(Role::viewer, {{"volumes", "db*", "operator"}});
  EXPECT_TRUE(allow(alice, {Role::operator_, "volumes", "db-new"}));
  EXPECT_FALSE(allow(alice, {Role::operator_, "volumes", "web-new"}));
  EXPECT_FALSE(allow(alice, {Role::operator_, "volumes", ""}));
  EXPECT_TRUE(allow(somebody(Role::none, {{"volumes", "*", "operator"}}), {Role::operator_, "volumes", ""}));
}

TEST(Roles, ADenialSaysWhatIsMissing) {
  const Result<void> denied = allow(somebody(Role::viewer), {Role::operator_, "volumes", "db1"});
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code, ErrorCode::permission_denied);
  EXPECT_EQ(denied.error().place, "volumes/db1");
  EXPECT_NE(denied.error().message.find("operator"), std::string::npos);
  EXPECT_NE(denied.error().message.find("alice has viewer"), std::string::npos) << denied.error().message;
  const Result<void> token = allow(somebody(Role::admin, {}, true), {Role::viewer, "volumes", ""});
  ASSERT_FALSE(token);
  EXPECT_EQ(token.error().place, "volumes");
  EXPECT_NE(token.error().message.find("token t"), std::string::npos) << token.error().message;
}

rc::Gen<api::Grant> any_grant() {
  return rc::gen::build<api::Grant>(
      rc::gen::set(&api::Grant::kind, rc::gen::element<std::string>("volumes", "hosts", "*")),
      rc::gen::set(&api::Grant::name, rc::gen::element<std::string>("*", "a*", "?b", "ab", "")),
      rc::gen::set(&api::Grant::role,
                   rc::gen::element<std::string>("none", "viewer", "operator", "admin", "king")));
}
rc::Gen<Role> any_role() { return rc::gen::elementOf(std::vector(roles.begin(), roles.end())); }

struct Asked {
  Principal principal;
  Need need;
};
Asked any_question() {
  return {somebody(*any_role(), *rc::gen::container<std::vector<api::Grant>>(any_grant()),
                   *rc::gen::arbitrary<bool>()),
          {*any_role(), *rc::gen::element<std::string>("volumes", "hosts", "users", ""),
           *rc::gen::element<std::string>("", "a", "ab", "bb", "abc")}};
}

RC_GTEST_PROP(Roles, MoreGrantsNeverLoseAccess, ()) {
  auto [principal, need] = any_question();
  const bool before = allow(principal, need).has_value();
  const bool saw = may_see(principal, need.kind, need.name);
  const size_t at = *rc::gen::inRange<size_t>(0, principal.grants.size() + 1);
  principal.grants.insert(principal.grants.begin() + static_cast<std::ptrdiff_t>(at), *any_grant());
  RC_ASSERT(!before || allow(principal, need).has_value());
  RC_ASSERT(!saw || may_see(principal, need.kind, need.name));
}

RC_GTEST_PROP(Roles, OnlyGrantsNeverExceedTheRole, ()) {
  auto [principal, need] = any_question();
  principal.only_grants = true;
  if (allow(principal, need)) RC_ASSERT(principal.role >= need.role);
  Principal whole = principal;
  whole.only_grants = false;
  if (allow(principal, need)) RC_ASSERT(allow(whole, need).has_value());
}

RC_GTEST_PROP(Roles, ALesserNeedIsNeverHarder, ()) {
  auto [principal, need] = any_question();
  RC_PRE(need.role > Role::none);
  if (!allow(principal, need)) return;
  need.role = static_cast<Role>(static_cast<int>(need.role) - 1);
  RC_ASSERT(allow(principal, need).has_value());
}

}  // namespace
}  // namespace ashlar::access
