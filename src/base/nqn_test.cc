#include "base/nqn.h"

#include <gtest/gtest.h>

namespace ashlar {
namespace {

TEST(Nqn, GoodOnesStayAsTheyAre) {
  for (const char* name : {"nqn.2014-08.org.nvmexpress.discovery", "nqn.2026-11.io.ashlar:demo",
                           "nqn.2014-08.org.nvmexpress:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6"}) {
    const auto parsed = parse_nqn(name, "hosts[0]");
    ASSERT_TRUE(parsed) << name;
    EXPECT_EQ(*parsed, name);
  }
  EXPECT_TRUE(parse_nqn("nqn.2026-11.a:" + std::string(209, 'x'), "p"));
}

TEST(Nqn, BadOnesNameThePlace) {
  for (const std::string& name :
       {std::string("iqn.2026-11.io.ashlar:demo"), std::string("nqn."), std::string("nqn.2026.io.ashlar"),
        std::string("nqn.2026-1.io.ashlar"), std::string("nqn.20x6-11.io"), std::string("nqn.2026-11."),
        std::string("nqn.2026-11.:a"), std::string("nqn.2026-11.io.ash lar"),
        "nqn.2026-11.a:" + std::string(210, 'x')}) {
    const auto parsed = parse_nqn(name, "targets[3].name");
    ASSERT_FALSE(parsed) << name;
    EXPECT_EQ(parsed.error().place, "targets[3].name");
  }
}

}  // namespace
}  // namespace ashlar
