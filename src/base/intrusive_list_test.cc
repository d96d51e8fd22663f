#include "base/intrusive_list.h"

#include <gtest/gtest.h>

#include <string>

namespace ashlar {
namespace {

struct FirstTag;
struct SecondTag;
struct Element : ListNode<FirstTag>, ListNode<SecondTag> {
  explicit Element(char letter) : name(letter) {}
  char name;
};
using First = IntrusiveList<Element, FirstTag>;
using Second = IntrusiveList<Element, SecondTag>;

template <typename List>
std::string names(List& list) {
  std::string text;
  for (Element& element : list) text += element.name;
  return text;
}

TEST(IntrusiveList, KeepsOrder) {
  Element a('a');
  Element b('b');
  Element c('c');
  First list;
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(names(list), "");
  list.push_back(b);
  list.push_back(c);
  list.push_front(a);
  EXPECT_EQ(names(list), "abc");
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(&list.front(), &a);
  list.remove(b);
  EXPECT_FALSE(First::contains(b));
  EXPECT_TRUE(First::contains(a));
  EXPECT_EQ(list.pop_front().name, 'a');
  EXPECT_EQ(list.pop_front().name, 'c');
  EXPECT_TRUE(list.empty());
  EXPECT_EQ(list.size(), 0u);
}

TEST(IntrusiveList, OneElementMayBeOnListsOfSeveralTags) {
  Element a('a');
  Element b('b');
  First first;
  Second second;
  first.push_back(a);
  first.push_back(b);
  second.push_back(b);
  second.push_back(a);
  first.remove(a);
  EXPECT_EQ(names(first), "b");
  EXPECT_EQ(names(second), "ba");
  first.pop_front();
  second.pop_front();
  second.pop_front();
}

TEST(IntrusiveList, TheLoopBodyMayRemoveTheCurrentElement) {
  Element a('a');
  Element b('b');
  Element c('c');
  First list;
  for (Element* element : {&a, &b, &c}) list.push_back(*element);
  std::string seen;
  for (Element& element : list) {
    seen += element.name;
    list.remove(element);
  }
  EXPECT_EQ(seen, "abc");
  EXPECT_TRUE(list.empty());
}

TEST(IntrusiveList, SpliceMovesEverythingToTheEnd) {
  Element a('a');
  Element b('b');
  Element c('c');
  First target;
  First source;
  target.push_back(a);
  source.push_back(b);
  source.push_back(c);
  target.splice(source);
  EXPECT_TRUE(source.empty());
  EXPECT_EQ(names(target), "abc");
  EXPECT_EQ(target.size(), 3u);
  target.splice(source);
  EXPECT_EQ(target.size(), 3u);
  while (!target.empty()) target.pop_front();
}

TEST(IntrusiveListDeathTest, MisuseStops) {
  EXPECT_DEATH(
      {
        First list;
        Element a('a');
        list.push_back(a);
        list.push_back(a);
      },
      "pushed onto two lists");
  EXPECT_DEATH(
      {
        First list;
        Element a('a');
        list.push_back(a);
      },
      "destroyed while on a list");
  EXPECT_DEATH(
      {
        Element a('a');
        First list;
        list.push_back(a);
      },
      "destroyed with elements on it");
  EXPECT_DEATH(
      {
        First list;
        list.pop_front();
      },
      "CHECK failed");
}

}  // namespace
}  // namespace ashlar
