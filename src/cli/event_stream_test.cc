#include "cli/event_stream.h"

#include <gtest/gtest.h>

#include <vector>

namespace ashlar::cli {
namespace {

std::vector<EventStream::Event> events_of(const std::vector<std::string>& pieces,
                                          std::string* last_id = nullptr) {
  std::vector<EventStream::Event> all;
  EventStream stream([&all](const EventStream::Event& event) {
    all.push_back(event);
    return true;
  });
  for (const std::string& piece : pieces) stream.feed(piece);
  if (last_id != nullptr) *last_id = stream.last_id();
  return all;
}

TEST(EventStream, EventsComeInAnyPieces) {
  std::string last_id;
  const auto events = events_of(
      {": hello\n", "id: 7\r\neve", "nt: volumes\r", "\ndata: a\ndata:b\n\n", "data: cut off"}, &last_id);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].name, "volumes");
  EXPECT_EQ(events[0].data, "a\nb");
  EXPECT_EQ(last_id, "7");
}

TEST(EventStream, WithoutDataThereIsNoEvent) {
  std::string last_id;
  EXPECT_TRUE(events_of({"id: 9\n\n\n\nevent: x\n\n"}, &last_id).empty());
  EXPECT_EQ(last_id, "9");
}

TEST(EventStream, WhatIsTooLongIsDropped) {
  const std::string endless(EventStream::most_event_bytes + 10, 'x');
  const auto events = events_of({"data: ", endless, "\n\ndata: next\n\n"});
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].data, "next");
}

TEST(EventStream, EnoughIsEnough) {
  int count = 0;
  EventStream stream([&count](const EventStream::Event&) { return ++count < 2; });
  EXPECT_FALSE(stream.feed("data: 1\n\ndata: 2\n\ndata: 3\n\n"));
  EXPECT_EQ(count, 2);
}

}  // namespace
}  // namespace ashlar::cli
