#include "scsi/identifying_information.h"

#include <gtest/gtest.h>

#include "scsi/host_test.h"

namespace ashlar::scsi::test {
namespace {

constexpr uint8_t of_device = 0x00, of_text = 0x04, what_there_is = 0xfe;

class Identifying : public WithKeeper, public ScsiTest {
 protected:
  Identifying() : ScsiTest(512, 2, &keeper) {}
  static Cdb set(uint8_t type, size_t bytes) {
    Cdb cdb = {0xa4, 0x06, 0, 0, 0, 0, 0, 0, 0, 0, type, 0};
    store_be32(&cdb[6], static_cast<uint32_t>(bytes));
    return cdb;
  }
  static Cdb report(uint8_t type, uint16_t room = 1024) {
    Cdb cdb = {0xa3, 0x05, 0, 0, 0, 0, 0, 0, 0, 0, type, 0};
    store_be16(&cdb[8], room);
    return cdb;
  }
  std::string sets(uint8_t type, std::string_view words) {
    const auto done = run(set(type, words.size()), {words.begin(), words.end()});
    return field(*done) == "none" ? ending(*done) : ending(*done) + " at " + field(*done);
  }
  std::string told(uint8_t type, NexusState* by = nullptr) {
    const std::vector<uint8_t> answer = run(by != nullptr ? *by : *host, report(type), {}, 1024)->data_in;
    EXPECT_EQ(load_be16(&answer.at(2)), answer.size() - 4);
    return {answer.begin() + 4, answer.end()};
  }
};

TEST_F(Identifying, IsTheUnitsForEveryHost) {
  NexusState& far = login({{0, "v"}}, 1);
  EXPECT_EQ(told(of_device), "");
  EXPECT_EQ(sets(of_device, std::string("a\0b", 3)), "GOOD");
  EXPECT_EQ(sets(of_text, std::string("Gr\xc3\xbc\xc3\x9f"
                                      "e\0",
                                      8)),
            "GOOD");
  EXPECT_EQ(told(of_device, &far), std::string("a\0b", 3));
  EXPECT_EQ(told(of_text, &far), std::string("Gr\xc3\xbc\xc3\x9f"
                                             "e\0",
                                             8));
  EXPECT_EQ(ending(*run(far, cdb6(0x00))), "GOOD")
      << "SPC-4 5.6: only what is changed by other means is told";
  EXPECT_EQ(sets(of_device, ""), "GOOD");
  EXPECT_EQ(told(of_device), "");
  EXPECT_EQ(run(report(of_text, 6), {}, 1024)->data_in, (std::vector<uint8_t>{0, 0, 0, 8, 'G', 'r'}));
  EXPECT_EQ(run(report(what_there_is), {}, 1024)->data_in,
            (std::vector<uint8_t>{0, 0, 0, 8, 0x00, 0, 2, 0, 0x04, 0, 1, 0}));
}

TEST_F(Identifying, OneChangeAtATimeSoThatNoneIsLost) {
  NexusState& far = login({{0, "v"}}, 1);
  keeper.hold = true;
  const auto first = start(*host, set(of_device, 1), {'d'});
  EXPECT_EQ(ending(*first), "pending");
  keeper.hold = false;
  EXPECT_EQ(ending(*run(far, set(of_text, 2), {'t', 0})), "BUSY");
  target.shards.at(0).in_turn([&] { keeper.released.set(); });
  target.shards.run();
  EXPECT_EQ(ending(*first), "GOOD");
  EXPECT_EQ(ending(*run(far, set(of_text, 2), {'t', 0})), "GOOD");
  EXPECT_EQ(told(of_device), "d");
  EXPECT_EQ(keeper.identifying_information.at(medium->identity.uuid), "device=64 text=7400");
}

TEST_F(Identifying, HasBoundsAndAForm) {
  EXPECT_EQ(sets(of_device, std::string(512, 'x')), "GOOD");
  EXPECT_EQ(sets(of_device, std::string(513, 'x')), "5/24/00 at cdb 6");
  EXPECT_EQ(sets(of_text, std::string(255, 'x') + '\0'), "GOOD");
  EXPECT_EQ(sets(of_text, std::string(256, 'x') + '\0'), "5/24/00 at cdb 6");
  EXPECT_EQ(sets(of_text, "no end"), "5/26/00 at list 0");
  for (const std::string_view wrong :
       {"\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"})
    EXPECT_EQ(sets(of_text, std::string(wrong) + '\0'), "5/26/00 at list 0");
  EXPECT_EQ(sets(of_text, std::string("end\0\xff", 5)), "GOOD")
      << "what stands behind the null is no part of it";
  EXPECT_EQ(told(of_text), std::string("end\0", 4));
  for (const uint8_t type : {0x02, 0x06, 0xfc}) {
    EXPECT_EQ(field(*run(set(type, 0))), "cdb 10.7");
    EXPECT_EQ(field(*run(report(type))), "cdb 10.7");
  }
  EXPECT_EQ(sets(what_there_is, ""), "5/24/00 at cdb 10.7");
}

TEST_F(Identifying, IsKeptBeforeItIsAnswered) {
  EXPECT_EQ(sets(of_device, "ab"), "GOOD");
  EXPECT_EQ(keeper.identifying_information.at(medium->identity.uuid), "device=6162 text=");
  keeper.refuse = true;
  EXPECT_EQ(sets(of_device, "cd"), "4/44/00");
  EXPECT_EQ(told(of_device), "ab");
  keeper.refuse = false;
  EXPECT_EQ(sets(of_device, ""), "GOOD");
  EXPECT_EQ(keeper.identifying_information.at(medium->identity.uuid), "") << "nothing is kept as nothing";
}

TEST_F(Identifying, IsRecalledUnlessItCannotBeRead) {
  target.add_volume("w", 64);
  target.domains[0]->recall("w", target.unit("w"), {.identifying_information = "device=6162 text=6300"});
  target.add_volume("x", 64);
  target.domains[0]->recall("x", target.unit("x"), {.identifying_information = "device=616 text="});
  NexusState& late = login({{0, "w"}});
  EXPECT_EQ(told(of_device, &late), "ab");
  EXPECT_EQ(told(of_text, &late), std::string("c\0", 2));
  EXPECT_EQ(told(of_device, &login({{0, "x"}})), "");
}

TEST(IdentifyingText, IsReadAsItWasWritten) {
  const IdentifyingInformation some{.device = std::string("\0\xff", 2), .text = std::string("t\0", 2)};
  EXPECT_EQ(decode_identifying_information(encode_identifying_information(some), "v"), some);
  for (const char* wrong : {"", "device=", "device=6 text=", "device=6G text=", "device=61 text=6",
                            "text= device=", "device=AB text="})
    EXPECT_FALSE(decode_identifying_information(wrong, "v")) << wrong;
  EXPECT_FALSE(decode_identifying_information("device=" + std::string(1026, '0') + " text=", "v"));
}

class NotKept : public ScsiTest {};
TEST_F(NotKept, WhereNothingOutlivesTheEngineItIsNotTaken) {
  EXPECT_EQ(end({0xa4, 0x06, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}, {'x'}), "5/39/00");
  EXPECT_EQ(data({0xa3, 0x05, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}), (std::vector<uint8_t>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace ashlar::scsi::test
