#include <gtest/gtest.h>

#include "scsi/host_test.h"
#include "scsi/log_pages.h"

namespace ashlar::scsi::test {
namespace {

using Bytes8 = std::vector<uint8_t>;

class Log : public ScsiTest {
 protected:
  Log() : ScsiTest(512, 2) {}
  static Cdb sense(uint8_t page, uint8_t subpage = 0, uint16_t pointer = 0, uint16_t room = 20000) {
    Cdb cdb = {0x4d, 0, page, subpage, 0, 0, 0, 0, 0, 0};
    store_be16(&cdb[5], pointer);
    store_be16(&cdb[7], room);
    return cdb;
  }
  void leave(NexusState& nexus) {
    target.close(nexus);
    std::erase_if(target.nexuses, [&nexus](const auto& each) { return each.get() == &nexus; });
  }
  static constexpr uint8_t cumulative = 0x40;
  Bytes8 page(uint8_t code, uint16_t pointer = 0) {
    Bytes8 out = data(sense(cumulative | code, 0, pointer));
    EXPECT_EQ(out.at(0), code);
    EXPECT_EQ(load_be16(&out.at(2)), out.size() - 4);
    return out;
  }
  /// Value of parameter `code`, which the page has.
  static Bytes8 value(const Bytes8& page, uint16_t code) {
    for (size_t at = 4; at < page.size(); at += 4u + page[at + 3]) {
      if (load_be16(&page[at]) != code) continue;
      const auto begin = page.begin() + static_cast<std::ptrdiff_t>(at + 4);
      return {begin, begin + page[at + 3]};
    }
    ADD_FAILURE() << "no parameter " << code;
    return Bytes8(64);
  }
  uint64_t number(uint8_t code, uint16_t parameter, size_t at = 0) {
    return load_be64(&value(page(code), parameter).at(at));
  }
  static Cdb select(uint16_t length, uint8_t flags = 0, uint8_t page = cumulative) {
    Cdb cdb = {0x4c, flags, page, 0, 0, 0, 0, 0, 0, 0};
    store_be16(&cdb[7], length);
    return cdb;
  }
  static Bytes8 note(uint16_t code, uint8_t fill) {
    Bytes8 out(4 + application_log_bytes, fill);
    store_be16(out.data(), code);
    out[2] = 0x03;
    out[3] = application_log_bytes;
    return out;
  }
  static Bytes8 list(const std::vector<Bytes8>& parameters) {
    Bytes8 out = {0x0f, 0, 0, 0};
    for (const Bytes8& each : parameters) out.insert(out.end(), each.begin(), each.end());
    store_be16(out.data() + 2, static_cast<uint16_t>(out.size() - 4));
    return out;
  }
  std::string refusal(const Bytes8& bytes) {
    const auto done = run(select(static_cast<uint16_t>(bytes.size())), bytes);
    return ending(*done) + " at " + field(*done);
  }
};

TEST_F(Log, ListsPagesThatAreThere) {
  const Bytes8 list = page(0x00);
  EXPECT_EQ(Bytes8(list.begin() + 4, list.end()),
            (Bytes8{0x00, 0x02, 0x03, 0x05, 0x0d, 0x0f, 0x10, 0x15, 0x18, 0x19, 0x2f, 0x30}));
  for (size_t i = 4; i < list.size(); ++i) page(list[i]);
  const Bytes8 all = data(sense(0x00, 0xff));
  EXPECT_EQ(all[0], 0x40);
  EXPECT_EQ(all[1], 0xff);
  ASSERT_EQ(all.size(), 4 + 2 * (list.size() - 4));
  for (size_t i = 4; i < list.size(); ++i) {
    EXPECT_EQ(all[4 + 2 * (i - 4)], list[i]);
    EXPECT_EQ(all[5 + 2 * (i - 4)], 0);
  }
}

TEST_F(Log, CountsWhatHostsReadAndWrite) {
  EXPECT_EQ(end(cdb10(0x28, 0, 8)), "GOOD");
  EXPECT_EQ(end(cdb16(0x88, 0, 2)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2a, 0, 4), filled(4 * 512, 1)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2e, 0, 1), filled(512, 1)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2f, 0, 16)), "GOOD");
  EXPECT_EQ(end(cdb10(0x41, 0, 32), filled(512, 0)), "GOOD") << "no write command of the statistics";
  EXPECT_EQ(end(cdb10(0x28, 8000, 8)), "5/21/00") << "received, but nothing was transmitted";
  EXPECT_EQ(number(0x19, 1, 0), 3u);
  EXPECT_EQ(number(0x19, 1, 8), 2u);
  EXPECT_EQ(number(0x19, 1, 16), 5u) << "blocks received";
  EXPECT_EQ(number(0x19, 1, 24), 10u) << "blocks transmitted";
  EXPECT_EQ(number(0x03, 5), 10u * 512);
  EXPECT_EQ(number(0x02, 5), 5u * 512);
  EXPECT_EQ(number(0x05, 5), 16u * 512);
}

TEST_F(Log, AHostWithLittleRoomIsTransmittedLess) {
  run(cdb10(0x28, 0, 8), {}, 1024);
  EXPECT_EQ(number(0x19, 1, 24), 2u);
}

TEST_F(Log, CountsErrorsOfTheMedium) {
  for (const Cdb& cdb : {cdb10(0x28, 0, 1), cdb10(0x2a, 0, 1), cdb10(0x2f, 0, 1)}) {
    target.unit("v").fault = block::Status::medium_error;
    target.unit("v").fault_in = 1;
    EXPECT_NE(end(cdb, cdb[0] == 0x2a ? filled(512, 1) : Bytes8{}), "GOOD");
  }
  EXPECT_EQ(number(0x03, 6), 1u);
  EXPECT_EQ(number(0x02, 6), 1u);
  EXPECT_EQ(number(0x05, 6), 1u);
}

TEST_F(Log, TellsTheTimeOfTheDevicesWork) {
  medium->work_time = {5'000'000, 7'000'999};
  EXPECT_EQ(number(0x19, 1, 32), 5000u);
  EXPECT_EQ(number(0x19, 1, 40), 7000u);
  EXPECT_EQ(number(0x19, 2), 0u);
  target.shards.at(0).advance(loop::milliseconds(20));
  EXPECT_EQ(number(0x19, 2), 7999u) << "all but what the device worked";
  EXPECT_EQ(value(page(0x19), 3), (Bytes8{0, 0, 0, 6, 0, 0, 0, 1})) << "microseconds";
  EXPECT_EQ(end(select(0, 0x02, 0x19)), "GOOD");
  EXPECT_EQ(number(0x19, 2), 0u);
  medium->work_time.reading_ns += 1000;
  EXPECT_EQ(number(0x19, 1, 32), 1u);
}

TEST_F(Log, FixedPages) {
  EXPECT_EQ(page(0x0d), (Bytes8{0x0d, 0, 0, 6, 0, 0, 0x23, 2, 0, 0xff}));
  EXPECT_EQ(page(0x2f), (Bytes8{0x2f, 0, 0, 8, 0, 0, 0x23, 4, 0, 0, 0xff, 0}));
  EXPECT_EQ(page(0x10).size(), 4u + 20 * 20);
  EXPECT_EQ(value(page(0x10), 20), filled(16, 0));
  EXPECT_EQ(value(page(0x15), 0), filled(12, 0));
  target.shards.at(0).advance(loop::seconds(180));
  EXPECT_EQ(value(page(0x15), 0), (Bytes8{0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0})) << "minutes";
}

TEST_F(Log, ProvisioningIsThereWhenThePoolIsKnown) {
  EXPECT_EQ(end(sense(cumulative | 0x0c)), "5/24/00");
  unit::PoolFigures pool{.size_bytes = uint64_t{10} << 30, .available_bytes = uint64_t{3} << 30};
  medium->pool_level.take(pool, 0);
  EXPECT_EQ(page(0x0c), (Bytes8{0x0c, 0, 0, 12, 0, 1, 0x23, 8, 0, 0, 0x0c, 0, 2, 0, 0, 0}));
  pool.used_known = true;
  pool.used_bytes = uint64_t{5} << 20;
  pool.available_bytes = UINT64_MAX;
  medium->pool_level.take(pool, 0);
  EXPECT_EQ(value(page(0x0c), 1), (Bytes8{0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0}));
  EXPECT_EQ(value(page(0x0c), 2), (Bytes8{0, 0, 0, 5, 1, 0, 0, 0}));
  EXPECT_EQ(page(0x00)[8], 0x0c);
  medium->geometry.thin = false;
  EXPECT_EQ(end(sense(cumulative | 0x0c)), "5/24/00");
}

TEST_F(Log, PageControl) {
  EXPECT_EQ(end(cdb10(0x28, 0, 8)), "GOOD");
  EXPECT_EQ(load_be64(&value(data(sense(0x00 | 0x03)), 5)[0]), UINT64_MAX) << "thresholds";
  EXPECT_EQ(load_be64(&value(data(sense(0x80 | 0x03)), 5)[0]), UINT64_MAX) << "default thresholds";
  EXPECT_EQ(load_be64(&value(data(sense(0xc0 | 0x03)), 5)[0]), 0u) << "default cumulative";
  EXPECT_EQ(data(sense(0xc0 | 0x2f)), page(0x2f)) << "lists have one value";
}

TEST_F(Log, ParameterPointer) {
  const Bytes8 from_second = page(0x03, 6);
  EXPECT_EQ(from_second.size(), 16u);
  EXPECT_EQ(load_be16(&from_second[4]), 6);
  EXPECT_EQ(page(0x0f, 63).size(), 4u + 256);
  EXPECT_EQ(field(*run(sense(cumulative | 0x03, 0, 7), {}, 100)), "cdb 5");
  EXPECT_EQ(end(sense(0x00, 0, 1)), "5/24/00") << "a list has no parameters";
}

TEST_F(Log, IsCutToEveryAllocationLengthWithoutResidual) {
  const Bytes8 whole = page(0x19);
  for (uint16_t room = 0; room < whole.size() + 8; ++room) {
    const auto done = run(sense(cumulative | 0x19, 0, 0, room), {}, 200);
    const size_t expected = std::min<size_t>(room, whole.size());
    ASSERT_EQ(done->data_in, Bytes8(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(expected)));
    ASSERT_EQ(done->data_in_wanted_bytes, expected);
  }
}

TEST_F(Log, RefusesWhatIsNotThere) {
  EXPECT_EQ(field(*run(sense(cumulative | 0x0e), {}, 100)), "cdb 2.5");
  EXPECT_EQ(field(*run(sense(cumulative | 0x03, 1), {}, 100)), "cdb 3");
  EXPECT_EQ(field(*run(sense(cumulative | 0x03, 0xff), {}, 100)), "cdb 3");
  Cdb cdb = sense(cumulative | 0x03);
  cdb[1] = 0x01;
  EXPECT_EQ(field(*run(cdb, {}, 100)), "cdb 1.0") << "SP";
  cdb[1] = 0x02;
  EXPECT_EQ(field(*run(cdb, {}, 100)), "cdb 1.1") << "PPC";
}

TEST_F(Log, ResetsThePageThatIsNamed) {
  NexusState& other = login();
  EXPECT_EQ(end(cdb10(0x28, 0, 8)), "GOOD");
  EXPECT_EQ(end(select(0, 0x02, 0x03)), "GOOD");
  EXPECT_EQ(number(0x03, 5), 0u);
  EXPECT_EQ(number(0x19, 1, 24), 8u) << "the statistics have their own beginning";
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "6/2a/02");
  EXPECT_EQ(end(cdb6(0x00)), "GOOD") << "who did it knows";
  EXPECT_EQ(end(select(0, 0x00, 0xc0 | 0x19)), "GOOD") << "back to the defaults";
  EXPECT_EQ(number(0x19, 1, 24), 0u);
  EXPECT_EQ(end(cdb10(0x28, 0, 8)), "GOOD");
  EXPECT_EQ(end(select(0, 0x02, 0x00)), "GOOD") << "all pages";
  EXPECT_EQ(number(0x19, 1, 24), 0u);
  EXPECT_EQ(number(0x03, 5), 0u);
}

TEST_F(Log, NothingIsResetWithoutBeingAsked) {
  NexusState& other = login();
  EXPECT_EQ(end(cdb10(0x28, 0, 8)), "GOOD");
  EXPECT_EQ(end(select(0)), "GOOD");
  EXPECT_EQ(end(select(0, 0, 0x03)), "GOOD");
  EXPECT_EQ(number(0x03, 5), 8u * 512);
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "GOOD");
  EXPECT_EQ(end(select(0, 0x02, 0x0e)), "5/24/00");
  EXPECT_EQ(end(select(0, 0x01)), "5/24/00") << "SP";
}

TEST_F(Log, HostsLeaveNotes) {
  NexusState& other = login();
  const Bytes8 bytes = list({note(0, 0x11), note(63, 0x22)});
  EXPECT_EQ(end(select(static_cast<uint16_t>(bytes.size())), bytes), "GOOD");
  EXPECT_EQ(ending(*run(other, cdb6(0x00))), "6/2a/02");
  EXPECT_EQ(value(page(0x0f), 0), filled(252, 0x11));
  EXPECT_EQ(value(page(0x0f), 1), filled(252, 0));
  EXPECT_EQ(value(page(0x0f), 63), filled(252, 0x22));
  EXPECT_EQ(page(0x0f).size(), 4u + 64 * 256);
  EXPECT_EQ(end(select(0, 0x02, 0x0f)), "GOOD");
  EXPECT_EQ(value(page(0x0f), 63), filled(252, 0));
}

TEST_F(Log, NotesStayWhileNobodyIsThere) {
  const Bytes8 bytes = list({note(5, 0x55)});
  EXPECT_EQ(end(select(static_cast<uint16_t>(bytes.size())), bytes), "GOOD");
  leave(*host);
  host = &login();
  EXPECT_EQ(value(page(0x0f), 5), filled(252, 0x55));
}

TEST_F(Log, RefusedListsChangeNothingAndSayWhere) {
  const Bytes8 good = list({note(1, 0x11)});
  const auto with = [&good](size_t at, uint8_t value) {
    Bytes8 out = good;
    out.at(at) = value;
    return out;
  };
  EXPECT_EQ(refusal(with(0, 0x03)), "5/26/00 at list 0.5") << "a page that cannot be set";
  EXPECT_EQ(refusal(with(0, 0x4f)), "5/26/00 at list 0.6");
  EXPECT_EQ(refusal(with(1, 1)), "5/26/00 at list 1");
  EXPECT_EQ(refusal(with(4, 1)), "5/26/00 at list 4") << "code 257";
  EXPECT_EQ(refusal(with(6, 0)), "5/26/00 at list 6.1");
  EXPECT_EQ(refusal(with(7, 16)), "5/26/00 at list 7");
  EXPECT_EQ(refusal(with(2, 2)), "5/1a/00 at none") << "the page is longer than the list";
  EXPECT_EQ(refusal({0x0f, 0, 0}), "5/1a/00 at none");
  EXPECT_EQ(refusal(list({note(1, 1), note(1, 2)})), "5/26/00 at list 260") << "not ascending";
  Bytes8 more = good;
  more.push_back(0);
  EXPECT_EQ(refusal(more), "5/26/00 at list 260");
  EXPECT_EQ(value(page(0x0f), 1), filled(252, 0));
}

TEST_F(Log, RefusesListsThatTheCdbContradicts) {
  const Bytes8 good = list({note(1, 0x11)});
  const auto length = static_cast<uint16_t>(good.size());
  EXPECT_EQ(field(*run(select(length, 0x02), good)), "cdb 7") << "PCR";
  EXPECT_EQ(field(*run(select(length, 0, cumulative | 0x0f), good)), "cdb 2.5");
  EXPECT_EQ(field(*run(select(length, 0, 0x00), good)), "cdb 2.7");
  EXPECT_EQ(end(select(length), filled(8, 0)), "5/1a/00") << "less than the CDB says";
  EXPECT_EQ(end(select(20000), filled(20000, 0)), "5/1a/00");
}

TEST_F(Log, HostsOfAllShardsAreCountedTogether) {
  NexusState& other = login({{0, "v"}}, 1);
  EXPECT_EQ(ending(*run(other, cdb10(0x28, 0, 3), {}, 65536)), "GOOD");
  EXPECT_EQ(end(cdb10(0x28, 0, 2)), "GOOD");
  EXPECT_EQ(number(0x19, 1, 24), 5u);
  leave(other);
  EXPECT_EQ(number(0x19, 1, 24), 5u) << "and stay counted";
}

TEST_F(Log, EachPortOfTheTargetAndItsProtocol) {
  EXPECT_EQ(page(0x18), (Bytes8{0x18, 0, 0, 16, 0, 1, 0x23, 4, 5, 0, 0, 0, 0, 2, 0x23, 4, 5, 0, 0, 0}));
  EXPECT_EQ(page(0x18, 2).size(), 4u + 8);
  EXPECT_EQ(field(*run(sense(cumulative | 0x18, 0, 3), {}, 64)), "cdb 5");
  auto view = std::make_shared<unit::HostView>(*target.view({{0, "v"}}));
  for (uint16_t port = 3; port < 20000; ++port) view->target_ports.push_back({port, "t"});
  target.shards.at(0).in_turn([&] { host->replace_view(view); });
  EXPECT_EQ(end(cdb6(0x00)), "6/3f/03");
  EXPECT_EQ(page(0x18).size(), 4u + 8 * 200) << "bounded";
}

TEST_F(Log, PerformanceOfAllHostsUntilOneStartsItAnew) {
  NexusState& far = login({{0, "v"}}, 1);
  medium->work_time = {.reading_ns = 7'000'500, .writing_ns = 9'000};
  EXPECT_EQ(end(cdb10(0x28, 0, 2)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2a, 0, 3), filled(3 * 512, 1)), "GOOD");
  EXPECT_EQ(ending(*run(far, cdb10(0x28, 0, 4), {}, 2048)), "GOOD");
  EXPECT_EQ(end(cdb10(0x2f, 0, 8)), "GOOD");
  EXPECT_EQ(number(0x30, 1), 2u) << "reads";
  EXPECT_EQ(number(0x30, 2), 1u) << "writes";
  EXPECT_EQ(number(0x30, 3), 6u * 512) << "bytes read";
  EXPECT_EQ(number(0x30, 4), 3u * 512);
  EXPECT_EQ(number(0x30, 5), 8u * 512) << "verified";
  EXPECT_EQ(number(0x30, 6) + number(0x30, 7) + number(0x30, 8), 0u) << "errors";
  EXPECT_EQ(number(0x30, 9), 7000u) << "microseconds of reading";
  EXPECT_EQ(number(0x30, 10), 9u);
  EXPECT_EQ(end(select(0, 0x02, cumulative | 0x30)), "GOOD");
  EXPECT_EQ(ending(*run(far, cdb6(0x00))), "6/2a/02");
  EXPECT_EQ(number(0x30, 1), 0u);
  EXPECT_EQ(number(0x30, 9), 7000u) << "a time is no counter";
  EXPECT_EQ(number(0x19, 1), 2u) << "the statistics have their own count";
}

}  // namespace
}  // namespace ashlar::scsi::test
