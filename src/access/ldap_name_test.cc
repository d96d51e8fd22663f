#include "access/ldap_name.h"

#include <gtest/gtest.h>
#include <ldap.h>
#include <rapidcheck/gtest.h>

namespace ashlar::access {
namespace {

TEST(LdapName, DnValues) {
  EXPECT_EQ(escape_dn_value("alice.b-c_d@e"), "alice.b-c_d@e");
  EXPECT_EQ(escape_dn_value("*"), "\\2A");
  EXPECT_EQ(escape_dn_value(")(uid=*"), "\\29\\28uid\\3D\\2A");
  EXPECT_EQ(escape_dn_value(",dc=x"), "\\2Cdc\\3Dx");
  EXPECT_EQ(escape_dn_value("\\00"), "\\5C00");
  EXPECT_EQ(escape_dn_value(std::string_view("\0", 1)), "\\00");
  EXPECT_EQ(escape_dn_value(" #"), "\\20\\23");
}

TEST(LdapName, FilterValues) {
  EXPECT_EQ(escape_filter_value("uid=alice,dc=example dc"), "uid=alice,dc=example dc");
  EXPECT_EQ(escape_filter_value("*"), "\\2a");
  EXPECT_EQ(escape_filter_value(")(uid=*"), "\\29\\28uid=\\2a");
  EXPECT_EQ(escape_filter_value("\\00"), "\\5c00");
  EXPECT_EQ(escape_filter_value(std::string_view("\0", 1)), "\\00");
  EXPECT_EQ(escape_filter_value("\xc3\xa9"), "\\c3\\a9");
}

TEST(LdapName, OneDnManyWaysToWriteIt) {
  const std::string normal = normal_dn("cn=storage admins,ou=groups,dc=example,dc=org");
  for (const char* dn : {"CN=Storage Admins,OU=Groups,DC=Example,DC=org",
                         "cn = storage  admins , ou=groups, dc=example, dc=org",
                         "cn=storage\\20admins,ou=groups,dc=example,dc=org",
                         "cn=\\73torage admins,ou=groups,dc=example,dc=org"}) {
    EXPECT_EQ(normal_dn(dn), normal) << dn;
  }
  EXPECT_EQ(normal_dn("uid=a+cn=b,dc=x"), normal_dn("cn=b+uid=a,dc=x"));
  EXPECT_NE(normal_dn("cn=a\\,ou=b,dc=x"), normal_dn("cn=a,ou=b,dc=x"));
  EXPECT_NE(normal_dn("cn=ab,dc=x"), normal_dn("cn=a b,dc=x"));
}

TEST(LdapName, WhatIsNotADnIsEmpty) {
  for (const char* dn : {"", "storage", "cn=a,", ",", "=", "cn=a,,dc=x", "cn=\\zz", "<SID=1>"}) {
    EXPECT_EQ(normal_dn(dn), "") << dn;
  }
  EXPECT_EQ(normal_dn(std::string_view("cn=a\0,dc=x", 10)), "");
}

RC_GTEST_PROP(LdapName, AnyNameIsOneValueAndComesBack, (const std::string& name)) {
  RC_PRE(!name.empty());
  LDAPDN parsed = nullptr;
  const std::string dn = "uid=" + escape_dn_value(name) + ",dc=example";
  RC_ASSERT(::ldap_str2dn(dn.c_str(), &parsed, LDAP_DN_FORMAT_LDAPV3) == LDAP_SUCCESS);
  const bool shape = parsed[0] != nullptr && parsed[0][0] != nullptr && parsed[0][1] == nullptr &&
                     parsed[1] != nullptr && parsed[2] == nullptr;
  std::string value;
  if (shape) value.assign(parsed[0][0]->la_value.bv_val, parsed[0][0]->la_value.bv_len);
  ::ldap_dnfree(parsed);
  RC_ASSERT(shape);
  RC_ASSERT(value == name);
}

RC_GTEST_PROP(LdapName, NormalStaysNormal, (const std::string& name)) {
  const std::string normal = normal_dn("UID=" + escape_dn_value(name) + ", DC=Example");
  RC_ASSERT(normal_dn(normal) == normal);
}

}  // namespace
}  // namespace ashlar::access
