#include "rpc/amendment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace ashlar::rpc {
namespace {

// Few names, so that two documents share some.
Document some_resources() {
  Document document;
  const auto numbers = [] {
    std::vector<int> some;
    for (int number = 0; number < 12; ++number) {
      if (*rc::gen::arbitrary<bool>()) some.push_back(number);
    }
    return some;
  };
  for (const int number : numbers()) {
    VolumeDocument volume;
    volume.name = fmt::format("v{}", number);
    volume.size_bytes = *rc::gen::element(512u, 1024u);
    document.volumes.push_back(volume);
  }
  for (const int number : numbers()) {
    HostDocument host;
    host.name = fmt::format("h{}", number);
    host.any = *rc::gen::arbitrary<bool>();
    document.hosts.push_back(host);
  }
  for (const int number : numbers()) document.portals.push_back({fmt::format("p{}", number), "::", 3260, 1});
  for (const int number : numbers()) document.targets.push_back({fmt::format("t{}", number), "", {}});
  for (const int number : numbers()) {
    document.mappings.push_back({fmt::format("h{}", number % 3), fmt::format("t{}", number / 3),
                                 fmt::format("v{}", number), *rc::gen::inRange<uint16_t>(0, 3), false});
  }
  for (const int number : numbers()) {
    GroupDocument group;
    group.name = fmt::format("g{}", number);
    group.access = {{.group_tag = 1, .state = *rc::gen::element<std::string>("optimized", "standby")}};
    document.groups.push_back(group);
  }
  return document;
}

Document shuffled(Document document) {
  std::ranges::reverse(document.volumes);
  std::ranges::reverse(document.mappings);
  return document;
}

RC_GTEST_PROP(Amendment, MakesOneDocumentOfTheOther, ()) {
  Document from = some_resources();
  Document to = some_resources();
  sort_document(from);
  sort_document(to);
  Document amended = from;
  amend(amended, difference(from, to));
  RC_ASSERT(amended == to);
  RC_ASSERT(difference(amended, to).size() == 0u);

  Document other = shuffled(from);
  amend(other, difference(other, to));
  sort_document(other);
  RC_ASSERT(other == to);
}

TEST(Amendment, SpeaksOnlyOfWhatDiffers) {
  Document from;
  for (int i = 0; i < 100; ++i) from.volumes.push_back({.name = fmt::format("v{}", i), .size_bytes = 512});
  Document to = from;
  to.volumes[7].size_bytes = 1024;
  to.volumes.pop_back();
  const Amendment amendment = difference(from, to);
  EXPECT_EQ(amendment.size(), 2u);
  ASSERT_EQ(amendment.changed.volumes.size(), 1u);
  EXPECT_EQ(amendment.changed.volumes[0], to.volumes[7]);
  EXPECT_EQ(amendment.gone.volumes, std::vector<std::string>{"v99"});
}

TEST(Amendment, OverlooksWhatIsGoneAlready) {
  Document document;
  Amendment amendment;
  amendment.gone.hosts = {"nobody"};
  amend(document, amendment);
  EXPECT_EQ(document, Document());
}

}  // namespace
}  // namespace ashlar::rpc
