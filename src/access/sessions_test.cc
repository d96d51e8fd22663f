#include "access/sessions.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <thread>

#include "access/token.h"

namespace ashlar::access {
namespace {

constexpr int64_t start = 1'700'000'000;
constexpr int64_t idle = 900, longest = 36000;

TEST(Sessions, BeginFindEnd) {
  Sessions sessions(idle, longest, 10);
  const auto [id, csrf] = sessions.begin("alice", "192.0.2.1", start);
  EXPECT_EQ(id.size(), 43u);
  EXPECT_EQ(csrf.size(), 43u);
  EXPECT_NE(id, csrf);
  const std::optional<Session> found = sessions.find(id, start + 5);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, "alice");
  EXPECT_EQ(found->address, "192.0.2.1");
  EXPECT_EQ(found->csrf, csrf);
  EXPECT_EQ(found->created, start);
  EXPECT_EQ(found->last_used, start + 5);
  EXPECT_EQ(found->id_hash, hash_token(id));
  EXPECT_TRUE(sessions.end(id));
  EXPECT_FALSE(sessions.find(id, start + 5));
  EXPECT_FALSE(sessions.end(id));
}

TEST(Sessions, NothingElseFindsIt) {
  Sessions sessions(idle, longest, 10);
  const auto [id, csrf] = sessions.begin("alice", "", start);
  std::string other = id;
  other[0] = other[0] == 'A' ? 'B' : 'A';
  for (const std::string& wrong :
       {std::string(), csrf, other, id + "A", id.substr(1), hash_token(id), std::string(100'000, 'A')}) {
    EXPECT_FALSE(sessions.find(wrong, start)) << wrong.substr(0, 100);
    EXPECT_FALSE(sessions.end(wrong));
  }
  EXPECT_TRUE(sessions.find(id, start));
}

TEST(Sessions, TheCsrfToken) {
  Sessions sessions(idle, longest, 10);
  const auto [id, csrf] = sessions.begin("alice", "", start);
  const Session session = *sessions.find(id, start);
  EXPECT_TRUE(is_csrf_of(session, csrf));
  EXPECT_FALSE(is_csrf_of(session, ""));
  EXPECT_FALSE(is_csrf_of(session, id));
  EXPECT_FALSE(is_csrf_of(session, csrf + "A"));
  EXPECT_FALSE(is_csrf_of(Session{}, ""));
}

TEST(Sessions, IdleOnesEnd) {
  Sessions sessions(idle, longest, 10);
  const std::string id = sessions.begin("alice", "", start).first;
  EXPECT_TRUE(sessions.find(id, start + idle - 1));
  EXPECT_TRUE(sessions.find(id, start + 2 * idle - 2));
  EXPECT_FALSE(sessions.find(id, start + 3 * idle - 2));
  EXPECT_FALSE(sessions.find(id, start + 2 * idle - 2)) << "it is gone, also for a clock that was set back";
}

TEST(Sessions, BusyOnesEndToo) {
  Sessions sessions(idle, longest, 10);
  const std::string id = sessions.begin("alice", "", start).first;
  for (int64_t now = start; now < start + longest; now += 60) EXPECT_TRUE(sessions.find(id, now));
  EXPECT_TRUE(sessions.find(id, start + longest - 1));
  EXPECT_FALSE(sessions.find(id, start + longest));
}

TEST(Sessions, AllOfOneUser) {
  Sessions sessions(idle, longest, 10);
  const std::string first = sessions.begin("alice", "", start).first;
  const std::string second = sessions.begin("alice", "", start).first;
  const std::string other = sessions.begin("bob", "", start).first;
  EXPECT_EQ(sessions.end_all_of("alice"), 2u);
  EXPECT_EQ(sessions.end_all_of("alice"), 0u);
  EXPECT_FALSE(sessions.find(first, start));
  EXPECT_FALSE(sessions.find(second, start));
  EXPECT_TRUE(sessions.find(other, start));
}

TEST(Sessions, ListNamesButDoesNotOpen) {
  Sessions sessions(idle, longest, 10);
  const std::string bob = sessions.begin("bob", "", start).first;
  const std::string alice = sessions.begin("alice", "", start + 1).first;
  const std::vector<Session> all = sessions.list();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].user, "bob");
  EXPECT_EQ(all[1].user, "alice");
  for (const Session& session : all) {
    EXPECT_EQ(session.csrf, "");
    EXPECT_FALSE(sessions.find(session.id_hash, start));
    EXPECT_FALSE(sessions.end(session.id_hash));
  }
  EXPECT_TRUE(sessions.end_hashed(all[0].id_hash));
  EXPECT_FALSE(sessions.end_hashed(all[0].id_hash));
  EXPECT_FALSE(sessions.find(bob, start + 1));
  EXPECT_TRUE(sessions.find(alice, start + idle));
  sessions.begin("carol", "", start + 2 * idle);
  ASSERT_EQ(sessions.list().size(), 1u) << "those that are over are left out";
  EXPECT_EQ(sessions.list()[0].user, "carol");
}

TEST(Sessions, TheLeastUsedMakesRoom) {
  Sessions sessions(idle, longest, 3);
  const std::string a = sessions.begin("a", "", start).first;
  const std::string b = sessions.begin("b", "", start + 1).first;
  const std::string c = sessions.begin("c", "", start + 2).first;
  EXPECT_TRUE(sessions.find(a, start + 3));
  const std::string d = sessions.begin("d", "", start + 4).first;
  EXPECT_EQ(sessions.list().size(), 3u);
  EXPECT_FALSE(sessions.find(b, start + 4));
  for (const std::string& id : {a, c, d}) EXPECT_TRUE(sessions.find(id, start + 4));
}

TEST(Sessions, ThoseThatAreOverMakeRoomFirst) {
  Sessions sessions(idle, 1000, 2);
  const std::string a = sessions.begin("a", "", start).first;
  const std::string b = sessions.begin("b", "", start + 200).first;
  EXPECT_TRUE(sessions.find(a, start + 800));  // used after b, but it ends at 1000
  const std::string c = sessions.begin("c", "", start + 1000).first;
  EXPECT_TRUE(sessions.find(b, start + 1000));
  EXPECT_TRUE(sessions.find(c, start + 1000));
}

TEST(Sessions, IdsAreOfTheSource) {
  uint8_t next = 0;
  Sessions sessions(idle, longest, 3, [&](Bytes out) { std::ranges::fill(out, next++); });
  const auto [id, csrf] = sessions.begin("alice", "", start);
  EXPECT_EQ(id, std::string(43, 'A'));
  EXPECT_TRUE(sessions.find(id, start));
}

TEST(Sessions, FromManyThreads) {
  Sessions sessions(idle, longest, 50);
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&sessions, thread] {
      const std::string user = std::to_string(thread);
      for (int i = 0; i < 200; ++i) {
        const std::string id = sessions.begin(user, "", start + i).first;
        sessions.find(id, start + i);
        if (i % 3 == 0) sessions.end(id);
        if (i % 50 == 0) sessions.end_all_of(user);
        EXPECT_LE(sessions.list().size(), 50u);
      }
    });
  }
  threads.clear();
  EXPECT_LE(sessions.list().size(), 50u);
}

}  // namespace
}  // namespace ashlar::access
