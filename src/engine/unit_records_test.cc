#include "engine/unit_records.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "engine/record_file.h"
#include "loop/sim_test.h"

namespace ashlar::engine {
namespace {

constexpr char path[] = "/srv/reservations/one";

loop::Task<Result<void>> write(std::string text) {
  auto writing = write_record(path, std::move(text));
  co_return co_await writing;
}
loop::Task<Result<std::optional<std::string>>> read() {
  auto reading = read_record(path);
  co_return co_await reading;
}
loop::Task<int64_t> overwrite(uint64_t offset, std::string bytes) {
  auto opening = loop::Loop::current().open(path, {.prefer_direct = false});
  const Result<std::unique_ptr<loop::File>> file = co_await opening;
  auto writing = loop::transfer(**file, loop::FileVerb::write, offset,
                                {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()}, true);
  co_return co_await writing;
}

class RecordFile : public testing::Test {
 protected:
  std::string text() {
    const auto kept = loop::run_story(process.loop(0), read);
    if (!kept) return "error: " + kept.error().message;
    return kept->value_or("nothing");
  }
  void keep(const std::string& text) { EXPECT_TRUE(loop::run_story(process.loop(0), write, text)) << text; }
  loop::SimWorld world{1};
  loop::SimProcess& process = world.add_process("array", 1, loop::small_pools);
};

TEST_F(RecordFile, GivesBackWhatWasWrittenLast) {
  EXPECT_EQ(text(), "nothing");
  for (const char* each : {"one", "two", "a longer one", "4"}) {
    keep(each);
    EXPECT_EQ(text(), each);
  }
  const auto refused = loop::run_story(process.loop(0), write, std::string(max_record_bytes + 1, 'x'));
  EXPECT_EQ(refused.error().code, ErrorCode::exhausted);
  EXPECT_EQ(text(), "4");
  keep(std::string(max_record_bytes, 'x'));
  EXPECT_EQ(text().size(), max_record_bytes);
}

TEST_F(RecordFile, ABrokenHalfLeavesTheOther) {
  keep("one");  // half 1; half 0 holds the empty beginning
  keep("two");  // half 0
  loop::run_story(process.loop(0), overwrite, uint64_t{25}, std::string("?"));
  EXPECT_EQ(text(), "one");
  keep("three");
  EXPECT_EQ(text(), "three");
}

TEST_F(RecordFile, WithoutAWholeHalfItIsLostAndNotNothing) {
  keep("one");
  loop::run_story(process.loop(0), overwrite, uint64_t{3}, std::string("?"));
  loop::run_story(process.loop(0), overwrite, max_record_bytes + 30, std::string("?"));
  EXPECT_EQ(text(), "error: holds no record that is whole: what was kept in it is lost");
  keep("replaced");
  EXPECT_EQ(text(), "replaced");
}

// Power goes at any moment of a write: what is found is the text of before or the new one, and after an answer the new one.
RC_GTEST_PROP(RecordFilePower, LosesNothingThatWasAnswered, ()) {
  loop::SimWorld world(*rc::gen::arbitrary<uint64_t>());
  loop::SimMachine& machine = world.machine("array");
  std::string answered = "nothing", wanted = "nothing";
  for (size_t life = 0; life < 6; ++life) {
    loop::SimProcess& process = world.add_process("array", machine, 1, loop::small_pools);
    const auto found = loop::run_story(process.loop(0), read);
    RC_ASSERT(found.has_value());
    answered = found->value_or("nothing") == wanted ? wanted : answered;
    RC_ASSERT(found->value_or("nothing") == answered);
    wanted = fmt::format("text {} {}", life, std::string(life * 700, 'y'));
    std::optional<loop::Task<Result<void>>> writing;
    process.loop(0).enter([&] { writing.emplace(write(wanted)); });
    world.run_for(loop::microseconds(*rc::gen::inRange(0, 3000)));
    const bool done = writing->done();
    if (done && writing->take()) answered = wanted;
    world.power_off(machine);
    CHECK(world.run_until([&] { return writing->done(); }, loop::seconds(10)));
    world.power_on(machine);
  }
}

// A disk that fails: what is to be on stable storage gets as far as the page cache.
class FailingFile final : public loop::File {
 public:
  FailingFile(std::unique_ptr<loop::File> file, const bool& failing)
      : file_(std::move(file)), failing_(failing) {}
  const Traits& traits() const override { return file_->traits(); }
  uint64_t size() const override { return file_->size(); }
  void submit(loop::FileOperation& operation) override {
    const bool to_disk = operation.verb == loop::FileVerb::write && operation.durable;
    if (!failing_ || !to_disk) return file_->submit(operation);
    write_.failed = &operation;
    write_.verb = operation.verb;
    write_.parts = operation.parts;
    write_.offset = operation.offset;
    write_.length = operation.length;
    file_->submit(write_);
  }
  std::unique_ptr<loop::File> on(loop::Loop& shard) override { return file_->on(shard); }
  loop::Task<Result<void>> resize(uint64_t bytes, bool allocate) override {
    return file_->resize(bytes, allocate);
  }

 private:
  class Write final : public loop::FileOperation {
   public:
    void run() override {
      failed->result = -EIO;
      failed->run();
    }
    loop::FileOperation* failed = nullptr;
  };
  std::unique_ptr<loop::File> file_;
  const bool& failing_;
  Write write_;
};

// The write after one that failed must not begin with the half that alone is on the disk.
void fail_one_then_cut_the_next(uint64_t seed) {
  bool failing = false;
  loop::SimWorld world(seed);
  world.interpose_file = [&failing](std::unique_ptr<loop::File> file, loop::SimLoop&, const std::string&) {
    return std::make_unique<FailingFile>(std::move(file), failing);
  };
  loop::SimMachine& machine = world.machine("array");
  loop::SimProcess& process = world.add_process("array", machine, 1, loop::small_pools);
  const std::string last(9000, 'l'), next(9000, 'n');
  for (const std::string& each : {std::string("first"), last})
    ASSERT_TRUE(loop::run_story(process.loop(0), write, each));
  failing = true;
  ASSERT_FALSE(loop::run_story(process.loop(0), write, std::string("refused")));
  failing = false;
  std::optional<loop::Task<Result<void>>> writing;
  process.loop(0).enter([&] { writing.emplace(write(next)); });
  world.run_for(loop::microseconds(static_cast<int64_t>(world.random().below(1200))));
  world.power_off(machine);
  ASSERT_TRUE(world.run_until([&] { return writing->done(); }, loop::seconds(10)));
  world.power_on(machine);
  loop::SimProcess& successor = world.add_process("array", machine, 1, loop::small_pools);
  const auto found = loop::run_story(successor.loop(0), read);
  ASSERT_TRUE(found) << found.error().text();
  const std::string text = found->value_or("nothing");
  EXPECT_TRUE(text == last || text == next || text == "refused") << text.substr(0, 10);
}

TEST(RecordFilePower, AWriteThatFailedCostsNothingLater) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE(seed);
    fail_one_then_cut_the_next(seed);
  }
}

unit::Reservations some() {
  unit::Reservations some;
  some.generation = 7;
  some.registrations = {{.nexus = {"a,i,0x1", 1, "t,t,0x0001"}, .key = 0xffffffffffffffff},
                        {.nexus = {"b,i,0x1", 2, "t,t,0x0002"}, .key = 1, .all_target_ports = true}};
  some.type = unit::ReservationType::write_exclusive;
  some.holder = some.registrations[1].nexus;
  return some;
}

TEST(ReservationsText, ComesBack) {
  EXPECT_EQ(parse_reservations(reservations_text(some(), "boot"), "boot"), some());
  const unit::Reservations none;
  EXPECT_EQ(parse_reservations(reservations_text(none, "boot"), "boot"), none);
}

// SPC-4 5.12.5.
TEST(ReservationsText, AnotherBootEndsWhatWasNotToPersist) {
  EXPECT_EQ(parse_reservations(reservations_text(some(), "one"), "two"), unit::Reservations());
  unit::Reservations persistent = some();
  persistent.persist = true;
  const auto kept = parse_reservations(reservations_text(persistent, "one"), "two");
  persistent.generation = 0;
  EXPECT_EQ(kept, persistent);
}

TEST(ReservationsText, WhatIsNoneIsRefusedWithItsPlace) {
  const auto refusal = [](std::string from, const std::string& to) {
    std::string text = reservations_text(some(), "b");
    text.replace(text.find(from), from.size(), to);
    return parse_reservations(text, "b").error().text();
  };
  EXPECT_EQ(refusal("0xffffffffffffffff", "0x0"), "key: '0x0' is no reservation key (invalid_argument)");
  EXPECT_EQ(refusal("0xffffffffffffffff", "17"), "key: '17' is no reservation key (invalid_argument)");
  EXPECT_EQ(refusal("\"type\":1", "\"type\":2"), "type: 2 is no reservation type (invalid_argument)");
}

loop::Task<unit::Recalled> recall(UnitRecords* records, Uuid unit) {
  auto recalling = records->recall(unit);
  co_return co_await recalling;
}
loop::Task<Result<void>> keep(UnitRecords* records, Uuid unit) {
  auto keeping = records->keep(unit, std::make_shared<const unit::Reservations>(some()));
  co_return co_await keeping;
}
using KeepText = loop::Task<Result<void>> (UnitRecords::*)(Uuid, std::string);
loop::Task<Result<void>> keep_text(UnitRecords* records, KeepText keep, Uuid unit, std::string text) {
  auto keeping = (records->*keep)(unit, std::move(text));
  co_return co_await keeping;
}
/// The records of a unit that are texts: how each is kept, and as what it is recalled.
constexpr std::pair<KeepText, std::string unit::Recalled::*> texts[] = {
    {&UnitRecords::keep_mode_parameters, &unit::Recalled::mode_parameters},
    {&UnitRecords::keep_rewrite, &unit::Recalled::rewrite},
    {&UnitRecords::keep_identifying_information, &unit::Recalled::identifying_information}};

TEST(UnitRecords, ATextIsRecalledBesideTheOthersUntilItIsOver) {
  loop::SimWorld world(1);
  loop::SimProcess& process = world.add_process("array", 1, loop::small_pools);
  UnitRecords records("/srv", "boot");
  const Uuid one{1};
  const auto recalled = [&](std::string unit::Recalled::* text) {
    return loop::run_story(process.loop(0), recall, &records, one).*text;
  };
  const auto text_of = [](size_t i) { return fmt::format("text {}", i); };
  for (size_t i = 0; i < std::size(texts); ++i) {
    EXPECT_EQ(recalled(texts[i].second), "") << i;
    EXPECT_TRUE(loop::run_story(process.loop(0), keep_text, &records, texts[i].first, one, text_of(i))) << i;
  }
  for (size_t i = 0; i < std::size(texts); ++i) {
    EXPECT_EQ(recalled(texts[i].second), text_of(i));
    EXPECT_TRUE(loop::run_story(process.loop(0), keep_text, &records, texts[i].first, one, std::string()));
    EXPECT_EQ(recalled(texts[i].second), "") << i;
  }
}

loop::Task<Result<void>> forget(UnitRecords* records, Uuid unit) {
  auto forgetting = records->forget(unit);
  co_return co_await forgetting;
}

TEST(UnitRecords, AreForgottenOneUnitAtATime) {
  loop::SimWorld world(1);
  loop::SimProcess& process = world.add_process("array", 1, loop::small_pools);
  UnitRecords records("/srv", "boot");
  const Uuid one{1}, two{2};
  for (const Uuid& each : {one, two}) {
    EXPECT_TRUE(loop::run_story(process.loop(0), keep, &records, each));
    for (const auto& [keep_one, recalled] : texts)
      EXPECT_TRUE(
          loop::run_story(process.loop(0), keep_text, &records, keep_one, each, std::string("a text")));
  }
  EXPECT_TRUE(loop::run_story(process.loop(0), forget, &records, one));
  EXPECT_TRUE(loop::run_story(process.loop(0), forget, &records, one)) << "as after a crash in the middle";
  const unit::Recalled of_one = loop::run_story(process.loop(0), recall, &records, one);
  EXPECT_EQ(of_one.reservations, unit::Reservations());
  for (const auto& [keep_one, recalled] : texts) EXPECT_EQ(of_one.*recalled, "");
  const unit::Recalled of_two = loop::run_story(process.loop(0), recall, &records, two);
  EXPECT_EQ(of_two.reservations, some());
  for (const auto& [keep_one, recalled] : texts) EXPECT_EQ(of_two.*recalled, "a text");
}

TEST(UnitRecords, AreOneAUnit) {
  loop::SimWorld world(1);
  loop::SimProcess& process = world.add_process("array", 1, loop::small_pools);
  UnitRecords records("/srv", "boot");
  const Uuid one{1}, two{2};
  EXPECT_TRUE(loop::run_story(process.loop(0), keep, &records, one));
  EXPECT_TRUE(loop::run_story(process.loop(0), keep_text, &records, &UnitRecords::keep_mode_parameters, two,
                              std::string("write_cache=1")));
  const unit::Recalled of_one = loop::run_story(process.loop(0), recall, &records, one);
  EXPECT_EQ(of_one.reservations, some());
  EXPECT_EQ(of_one.mode_parameters, "");
  const unit::Recalled of_two = loop::run_story(process.loop(0), recall, &records, two);
  EXPECT_EQ(of_two.reservations, unit::Reservations());
  EXPECT_EQ(of_two.mode_parameters, "write_cache=1");
}

}  // namespace
}  // namespace ashlar::engine
