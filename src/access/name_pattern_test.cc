#include "access/name_pattern.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <string>

namespace ashlar::access {
namespace {

TEST(NamePattern, Fits) {
  struct Case {
    const char *pattern, *name;
    bool fits;
  };
  for (const Case& each : {
           Case{"", "", true},
           Case{"", "a", false},
           Case{"*", "", true},
           Case{"*", "anything", true},
           Case{"db1", "db1", true},
           Case{"db1", "db10", false},
           Case{"db1", "xdb1", false},
           Case{"db1", "DB1", false},
           Case{"db*", "db", true},
           Case{"db*", "db1@x", true},
           Case{"db*", "d", false},
           Case{"*1", "db1", true},
           Case{"*1", "db12", false},
           Case{"d?1", "db1", true},
           Case{"d?1", "d1", false},
           Case{"???", "db1", true},
           Case{"???", "db", false},
           Case{"?*", "", false},
           Case{"a*b*c", "axxbyyc", true},
           Case{"a*b*c", "axxbyy", false},
           Case{"*ab*ab", "abab", true},
           Case{"*ab*ab", "ab", false},
           Case{"*.*", "db1.host", true},
           Case{"[a]", "a", false},
           Case{"[a]", "[a]", true},
           Case{"**", "a", true},
           Case{"a**b", "ab", true},
           Case{"\\*", "*", false},
       }) {
    EXPECT_EQ(fits(each.pattern, each.name), each.fits) << each.pattern << " " << each.name;
  }
}

TEST(NamePattern, TooLongFitsNothing) {
  EXPECT_FALSE(fits("*", std::string(max_pattern_bytes + 1, 'a')));
  EXPECT_FALSE(fits(std::string(max_pattern_bytes + 1, '*'), "a"));
  EXPECT_TRUE(fits(std::string(max_pattern_bytes, '*'), std::string(max_pattern_bytes, 'a')));
}

TEST(NamePattern, ManyStarsDoNotBlowUp) {
  // A matcher that tries every way to share the name among the stars would not end within this universe's time.
  std::string pattern;
  while (pattern.size() + 3 < max_pattern_bytes) pattern += "*a";
  pattern += "b";
  EXPECT_FALSE(fits(pattern, std::string(max_pattern_bytes, 'a')));
}

/// What is meant, in its plainest and slowest form.
bool fits_plainly(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern[0] == '*') {
    return fits_plainly(pattern.substr(1), name) || (!name.empty() && fits_plainly(pattern, name.substr(1)));
  }
  return !name.empty() && (pattern[0] == '?' || pattern[0] == name[0]) &&
         fits_plainly(pattern.substr(1), name.substr(1));
}

RC_GTEST_PROP(NamePattern, IsWhatIsMeant, ()) {
  const auto pattern =
      *rc::gen::resize(10, rc::gen::container<std::string>(rc::gen::element('a', 'b', '*', '?')));
  const auto name = *rc::gen::resize(12, rc::gen::container<std::string>(rc::gen::element('a', 'b')));
  RC_ASSERT(fits(pattern, name) == fits_plainly(pattern, name));
}

}  // namespace
}  // namespace ashlar::access
