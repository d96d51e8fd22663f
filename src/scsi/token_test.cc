// POPULATE TOKEN, WRITE USING TOKEN and what is told of them.
#include <gtest/gtest.h>

#include "scsi/copy_test.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi::test {
namespace {

using Range = wire::scsi::BlockDeviceRange;
using Ranges = std::vector<Range>;

void add_ranges(List& list, size_t length_at, const Ranges& ranges) {
  for (const Range& range : ranges) {
    uint8_t bytes[16] = {};
    store_be64(bytes, range.lba);
    store_be32(bytes + 8, range.blocks);
    list.insert(list.end(), bytes, bytes + 16);
  }
  store_be16(&list[length_at], static_cast<uint16_t>(16 * ranges.size()));
  store_be16(&list[0], static_cast<uint16_t>(list.size() - 2));
}

List populate_list(const Ranges& ranges, uint32_t type = 0, uint32_t inactivity = 0) {
  List list(16);
  list[2] = type != 0 ? 0x02 : 0x00;
  store_be32(&list[4], inactivity);
  store_be32(&list[8], type);
  add_ranges(list, 14, ranges);
  return list;
}
List write_list(const List& token, const Ranges& ranges, uint64_t offset = 0, uint8_t flags = 0) {
  List list(536);
  list[2] = flags;
  store_be64(&list[8], offset);
  std::ranges::copy(token, list.begin() + 16);
  add_ranges(list, 534, ranges);
  return list;
}
List zero_token() {
  List token(512);
  store_be32(&token[0], 0xffff0001);
  token[6] = 0x01;
  token[7] = 0xf8;
  return token;
}

class Tokens : public CopyTest {
 protected:
  Tokens() : CopyTest(2) {}
  std::unique_ptr<HostTask> populate(NexusState& nexus, const List& list, uint16_t lun = 0, uint32_t id = 5) {
    return run(nexus, copy_cdb(0x83, 0x10, list.size(), id, 6), list, 0, lun);
  }
  std::vector<uint8_t> information(NexusState& nexus, uint16_t lun = 0, uint32_t id = 5) {
    const auto done = run(nexus, copy_cdb(0x84, 0x07, 2000, id), {}, 2000, lun);
    EXPECT_EQ(ending(*done), "GOOD");
    return done->data_in;
  }
  List token_of(NexusState& nexus, const Ranges& ranges, uint16_t lun = 0) {
    EXPECT_EQ(ending(*populate(nexus, populate_list(ranges), lun)), "GOOD");
    const auto told = information(nexus, lun);
    EXPECT_EQ(told.size(), 32u + 4 + 514);
    if (told.size() != 550) return List(512);
    return {told.begin() + 38, told.end()};
  }
  std::unique_ptr<HostTask> write(NexusState& nexus, const List& list, uint16_t lun = 1, uint32_t id = 6) {
    return run(nexus, copy_cdb(0x83, 0x11, list.size(), id, 6), list, 0, lun);
  }
  std::string written(const List& token, const Ranges& ranges, uint64_t offset = 0, uint8_t flags = 0) {
    return ending(*write(*host, write_list(token, ranges, offset, flags)));
  }
};

TEST_F(Tokens, MovesRangesOverOneAnother) {
  const List token = token_of(*host, {{10, 4}, {100, 4}});
  EXPECT_EQ(load_be32(&token[0]), 0x00010000u);
  EXPECT_EQ(load_be16(&token[6]), 504);
  EXPECT_EQ(token[16], 0xe4);
  EXPECT_EQ(load_be64(&token[56]), 8u * 512);
  EXPECT_EQ(written(token, {{0, 3}, {50, 3}}, 1), "GOOD");
  EXPECT_EQ(at(*w, 0, 3 * 512), at(*medium, 11 * 512, 3 * 512));
  EXPECT_EQ(at(*w, 50 * 512, 3 * 512), at(*medium, 100 * 512, 3 * 512));
  EXPECT_EQ(at(*w, 3 * 512, 512), filled(512, 0xee));
  const auto told = information(*host, 1, 6);
  ASSERT_EQ(told.size(), 36u);
  EXPECT_EQ(told[4], 0x11);
  EXPECT_EQ(told[5], 0x01);
  EXPECT_EQ(told[15], 0xf1);
  EXPECT_EQ(load_be64(&told[16]), 6u);
  EXPECT_EQ(load_be32(&told[32]), 0u) << "no token";
}

TEST_F(Tokens, AccessUponReference) {
  const List token = token_of(*host, {{10, 1}});
  std::fill_n(medium->data.begin() + 10 * 512, 512, uint8_t{0x77});
  EXPECT_EQ(written(token, {{0, 1}}), "GOOD");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0x77)) << "what the unit holds now, as the type promises";
}

TEST_F(Tokens, AnotherShardAnotherSessionAnotherBlockSize) {
  const List token = token_of(*host, {{8, 16}});
  NexusState& other = login({{3, "large"}}, 1);
  EXPECT_EQ(ending(*write(other, write_list(token, {{7, 1}}, 1), 3)), "GOOD");
  EXPECT_EQ(at(*large, 7 * 4096, 4096), at(*medium, 16 * 512, 4096));
  target.close(*host);
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == host; });
  EXPECT_EQ(ending(*write(other, write_list(token, {{9, 2}}), 3)), "GOOD") << "it outlives the session";
}

TEST_F(Tokens, TheZeroTokenWritesZeroes) {
  EXPECT_EQ(written(zero_token(), {{0, 3}, {9, 1}}), "GOOD");
  EXPECT_EQ(at(*w, 0, 3 * 512), filled(3 * 512, 0));
  EXPECT_EQ(at(*w, 9 * 512, 512), filled(512, 0));
  EXPECT_EQ(at(*w, 3 * 512, 512), filled(512, 0xee));
}

TEST_F(Tokens, ATokenIsAllOfItsBytes) {
  const List token = token_of(*host, {{10, 4}});
  for (size_t i = 0; i < token.size(); ++i) {
    List guess = token;
    guess[i] ^= 0x10;
    const std::string said = written(guess, {{0, 1}});
    EXPECT_TRUE(said.starts_with("5/23/0")) << i << ": " << said;
  }
  EXPECT_EQ(written(List(512), {{0, 1}}), "5/23/0a");
  List other_type = token;
  other_type[1] = 0x80;
  EXPECT_EQ(written(other_type, {{0, 1}}), "5/23/01");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
}

TEST_F(Tokens, RangesAreChecked) {
  const auto refused = [&](const Ranges& ranges) {
    const auto done = populate(*host, populate_list(ranges));
    return ending(*done) + " " + field(*done);
  };
  EXPECT_EQ(refused({}), "5/26/00 list 14");
  EXPECT_EQ(refused({{4095, 2}}), "5/21/00 none");
  EXPECT_EQ(refused({{0, 8}, {4, 8}}), "5/26/00 list 32");
  EXPECT_EQ(refused(Ranges(65)), "5/26/08 none");
  const auto with = [&](uint32_t type, uint32_t inactivity) {
    const auto done = populate(*host, populate_list({{0, 1}}, type, inactivity));
    return ending(*done) + " " + field(*done);
  };
  EXPECT_EQ(with(0x00800000, 0), "5/26/00 list 8") << "a point in time is not promised";
  EXPECT_EQ(with(0, 301), "5/26/00 list 4");
  EXPECT_EQ(with(0x00010000, 300), "GOOD none");
  const List token = token_of(*host, {{0, 8}});
  EXPECT_EQ(written(token, {{0, 9}}), "5/26/00");
  EXPECT_EQ(written(token, {{0, 1}}, 8), "5/26/00");
  EXPECT_EQ(written(token, {{0, 1}}, UINT64_MAX), "5/26/00");
  EXPECT_EQ(written(token, {{4095, 2}}), "5/21/00");
  EXPECT_EQ(written(token, {{0, 4}, {3, 4}}), "5/26/00");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
}

TEST_F(Tokens, DeletedAndExpired) {
  const List token = token_of(*host, {{0, 8}});
  EXPECT_EQ(written(token, {{0, 1}}, 0, 0x02), "GOOD");
  EXPECT_EQ(written(token, {{0, 1}}), "5/23/04");
  RodTokens tokens;
  const auto make = [] {
    auto made = std::make_shared<RodToken>();
    made->unit_on_shard.emplace_back();
    made->inactivity = loop::seconds(10);
    return made;
  };
  const auto first = make();
  const loop::Instant begin{0};
  ASSERT_TRUE(tokens.add(first, {}, begin));
  std::shared_ptr<RodToken> found;
  for (int64_t second = 9; second < int64_t{max_token_lifetime_seconds}; second += 9)
    EXPECT_EQ(tokens.use(first->bytes, begin + loop::seconds(second), found), RodTokens::Finding::valid);
  EXPECT_EQ(tokens.use(first->bytes, begin + loop::seconds(max_token_lifetime_seconds), found),
            RodTokens::Finding::unknown)
      << "used again and again, it still ends";
  const auto second = make();
  ASSERT_TRUE(tokens.add(second, {}, begin));
  EXPECT_EQ(tokens.use(second->bytes, begin + loop::seconds(10), found), RodTokens::Finding::unknown);
}

TEST_F(Tokens, AreBounded) {
  for (size_t i = 0; i < RodTokens::most_of_creator; ++i)
    ASSERT_EQ(ending(*populate(*host, populate_list({{0, 1}}))), "GOOD");
  EXPECT_EQ(ending(*populate(*host, populate_list({{0, 1}}))), "5/55/0d");
  NexusState& other = login({{0, "v"}});
  EXPECT_EQ(ending(*populate(other, populate_list({{0, 1}}))), "GOOD") << "one host leaves room for others";
}

TEST_F(Tokens, InTheBackground) {
  const List token = token_of(*host, {{0, 8}});
  target.unit("w").hold = true;
  EXPECT_EQ(written(token, {{0, 8}}, 0, 0x01), "GOOD");
  EXPECT_EQ(information(*host, 1, 6)[5], 0x12);
  target.unit("w").hold = false;
  target.release("w");
  EXPECT_EQ(information(*host, 1, 6)[5], 0x01);
  EXPECT_EQ(at(*w, 0, 8 * 512), at(*medium, 0, 8 * 512));
}

TEST_F(Tokens, ErrorsOfEitherSide) {
  const List token = token_of(*host, {{0, 8}});
  target.unit("w").fault = block::Status::no_space;
  target.unit("w").fault_in = 1;
  EXPECT_EQ(written(token, {{0, 8}}), "7/27/07") << "as a WRITE would say";
  target.unit("v").fault = block::Status::medium_error;
  target.unit("v").fault_in = 2;
  const auto done = write(*host, write_list(token, {{0, 8}}));
  EXPECT_EQ(ending(*done), "a/0d/01");
  EXPECT_EQ(done->sense.third_party.side, unit::CopySide::source);
  const auto told = information(*host, 1, 6);
  EXPECT_EQ(told[5], 0x02);
  EXPECT_EQ(told[14], 37);
}

// Whoever has the bytes may write them: that is what a token is for. All else stays as it is without one.
TEST_F(Tokens, BetweenTenants) {
  NexusState& tenant = login({{0, "w"}, {1, "v", true}});
  NexusState& stranger = login({{0, "w", true}});
  EXPECT_EQ(ending(*populate(stranger, populate_list({{0, 1}}), 1)), "5/25/00") << "not mapped, no token";
  const List token = token_of(*host, {{10, 4}});
  EXPECT_EQ(ending(*write(stranger, write_list(token, {{0, 1}}), 0)), "7/27/00")
      << "a mapping that may not write";
  EXPECT_EQ(ending(*run(tenant, copy_cdb(0x84, 0x07, 600, 5), {}, 600, 1)), "5/24/00");
  EXPECT_EQ(run(tenant, copy_cdb(0x84, 0x08, 2000), {}, 2000, 1)->data_in.size(), 8u);
  EXPECT_EQ(run(*host, copy_cdb(0x84, 0x08, 2000), {}, 2000, 0)->data_in.size(), 8u + 512);
  EXPECT_EQ(ending(*write(tenant, write_list(token, {{0, 1}}), 0)), "GOOD");
  target.shards.at(0).in_turn([&] { host->replace_view(target.view({{1, "w"}})); });
  EXPECT_EQ(ending(*write(tenant, write_list(token, {{1, 1}}), 0)), "5/23/06")
      << "who made it may not read any more";
  EXPECT_EQ(at(*w, 512, 512), filled(512, 0xee));
}

TEST_F(Tokens, AReservationOfTheSourceIsKept) {
  const List token = token_of(*host, {{10, 4}});
  NexusState& cluster = login({{0, "v"}});
  List keys(24);
  keys[15] = 0xc;
  run(cluster, {0x5f, 0x06, 0, 0, 0, 0, 0, 0, 24, 0}, keys);
  keys = List(24);
  keys[7] = 0xc;
  EXPECT_EQ(ending(*run(cluster, {0x5f, 0x01, 3, 0, 0, 0, 0, 0, 24, 0}, keys)), "GOOD");
  const auto done = write(*host, write_list(token, {{0, 1}}));
  EXPECT_EQ(ending(*done), "a/0d/01");
  EXPECT_EQ(done->sense.third_party.status, 0x18);
  EXPECT_EQ(ending(*populate(*host, populate_list({{0, 1}}))), "status 18");
  EXPECT_EQ(at(*w, 0, 512), filled(512, 0xee));
}

TEST_F(Tokens, OfAVolumeThatIsGone) {
  const List token = token_of(*host, {{10, 4}}, 2);
  NexusState& other = login({{0, "w"}});
  target.close(*host);
  std::erase_if(target.nexuses, [&](const auto& nexus) { return nexus.get() == host; });
  target.volumes.erase("large");
  EXPECT_EQ(ending(*write(other, write_list(token, {{0, 8}}), 0)), "5/23/06");
}

}  // namespace
}  // namespace ashlar::scsi::test
