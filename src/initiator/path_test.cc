// A path and its time: it ends when it is told to, whatever the other side does not answer, and it is not up before all is known.
#include "initiator/path.h"

#include <algorithm>

#include "initiator/fake_target_test.h"
#include "initiator/iscsi_path.h"
#include "initiator/nvme_path.h"

namespace ashlar::initiator {
namespace {

using block::Operation;

/// What the unit of the target says, and what it does not answer.
struct UnitScript {
  std::vector<uint8_t> silent;  ///< opcodes
  bool answers_logout = true;
  uint32_t block_bytes = 512;
  bool write_cache = false, force_unit_access = false;
  uint32_t most_discard_blocks = 0;
  bool asks_to_leave = false;  ///< before it tells its capacity
  std::vector<uint8_t> heard;  ///< opcodes
  std::vector<Pdu> unanswered;

  bool is_silent(uint8_t opcode) const { return std::ranges::find(silent, opcode) != silent.end(); }
  std::vector<uint8_t> page(const std::array<uint8_t, 16>& cdb) const;
};

std::vector<uint8_t> UnitScript::page(const std::array<uint8_t, 16>& cdb) const {
  std::vector<uint8_t> data;
  if (cdb[0] == 0x12 && cdb[1] == 0) {
    data.resize(36, ' ');
    std::fill_n(data.begin(), 8, uint8_t{0});
  } else if (cdb[0] == 0x12) {
    data.resize(64);
    data[1] = cdb[2];
    store_be16(&data[2], 60);
    if (cdb[2] == 0x83) {
      data = {0, 0x83, 0, 12, 0x01, 0x03, 0, 8, 0x30, 1, 2, 3, 4, 5, 6, 7};
    } else if (cdb[2] == 0xb0) {
      store_be32(&data[20], most_discard_blocks);
      store_be32(&data[24], most_discard_blocks == 0 ? 0 : 1);
    } else if (cdb[2] == 0xb2) {
      data[5] = 0x80;
    }
  } else if (cdb[0] == 0x5a) {
    data.resize(28);
    data[3] = force_unit_access ? 0x10 : 0;
    data[8] = 0x08;
    data[9] = 18;
    data[10] = write_cache ? 0x04 : 0;
  } else if (cdb[0] == 0x9e) {
    data.resize(32);
    store_be64(data.data(), 2047);
    store_be32(&data[8], block_bytes);
  } else if (cdb[0] == 0x88) {
    data.resize(size_t{load_be32(&cdb[10])} * 512);
  }
  return data;
}

void answer_for(FakeTarget& target, UnitScript& unit, const Pdu& pdu) {
  const auto command = pdu.as<iscsi::ScsiCommand>();
  std::vector<uint8_t> data = unit.page(command.cdb);
  if (!command.read) return target.send(target.response(pdu.tag()));
  data.resize(std::min<size_t>(data.size(), command.expected_data_transfer_length));
  iscsi::DataIn in = target.with_status(target.data_in(pdu.tag(), 0, 0, true));
  in.residual_count = command.expected_data_transfer_length - static_cast<uint32_t>(data.size());
  in.underflow = in.residual_count != 0;
  target.send(in, data);
}

void take_command(FakeTarget& target, UnitScript& unit, const Pdu& pdu) {
  const auto command = pdu.as<iscsi::ScsiCommand>();
  if (!command.immediate) target.exp_cmd_sn = command.cmd_sn + 1;
  const uint8_t opcode = command.cdb[0];
  unit.heard.push_back(opcode);
  if (opcode == 0x9e && unit.asks_to_leave) {
    iscsi::AsyncMessage message;
    message.event = iscsi::AsyncEvent::logout_request;
    message.numbers = target.numbers();
    ++target.stat_sn;
    target.send(message);
  }
  if (unit.is_silent(opcode)) {
    unit.unanswered.push_back(pdu);
  } else {
    answer_for(target, unit, pdu);
  }
}

/// Of one session, to its end. Pings are answered always: it is the unit that says nothing.
Task<void> serve_unit(FakeTarget& target, UnitScript& unit) {
  co_await target.log_in();
  while (!target.ended) {
    const Pdu pdu = co_await target.next();
    if (target.ended) break;
    if (pdu.name() == "SCSI Command") {
      take_command(target, unit, pdu);
    } else if (pdu.name() == "NOP-Out") {
      iscsi::NopIn pong;
      pong.initiator_task_tag = pdu.tag();
      pong.numbers = target.numbers();
      ++target.stat_sn;
      target.send(pong);
    } else if (pdu.name() == "Logout Request" && unit.answers_logout) {
      iscsi::LogoutResponse bye;
      bye.initiator_task_tag = pdu.tag();
      bye.numbers = target.numbers();
      target.send(bye);
    }
  }
  target.close();
}

struct PathNotes final : PathWatcher {
  Result<void> check(const Findings& /*findings*/) override { return {}; }
  void path_up(Path& /*path*/, bool /*attached*/) override { ++ups; }
  void path_down(Path& /*path*/, const Error& /*reason*/) override { ++downs; }
  void path_failed(Path& /*path*/, const Error& /*reason*/) override {}
  int ups = 0, downs = 0;
};

struct Carried final : PathCommand {
  Carried(Operation what, uint32_t count) {
    operation = what;
    blocks = count;
    done = [](PathCommand& command) { static_cast<Carried&>(command).over = true; };
  }
  bool over = false;
};

// Far less than anything that a path waits for.
constexpr loop::Nanoseconds at_once = loop::milliseconds(50);

class PathTest : public testing::Test {
 protected:
  ~PathTest() override {
    if (path) stop_within(loop::seconds(60));
    world.run_for(loop::seconds(1));
    CHECK(!serving || serving->done(), "the target goes on");
    target_loop().enter([&] { target.reset(); });
  }
  loop::SimLoop& target_loop() { return target_process.loop(0); }
  loop::SimLoop& host_loop() { return host_process.loop(0); }

  void serve() {
    target_loop().enter([&] { serving.emplace(serve_unit(*target, unit)); });
  }
  void start_iscsi() {
    LoginOptions login;
    login.endpoint = target_endpoint;
    login.initiator_name = "iqn.2026-11.io.ashlar:host";
    login.target_name = "iqn.2026-11.io.ashlar:target";
    host_loop().enter([&] {
      path = std::make_unique<IscsiPath>(
          host_loop(), 0, std::move(login), [] { return std::nullopt; }, 0, 4, PathTiming{}, notes);
      path->start();
    });
  }
  void start_nvme() {
    NvmeQueueOptions queue;
    queue.endpoint = target_endpoint;
    queue.subsystem = "nqn.2026-11.io.ashlar:demo";
    queue.host_name = "nqn.2026-11.io.ashlar:initiator";
    host_loop().enter([&] {
      path = std::make_unique<NvmePath>(
          host_loop(), 0, std::move(queue), [] { return NvmePath::Secrets{}; }, 1, 4, PathTiming{}, notes);
      path->start();
    });
  }
  bool becomes(Path::State state, loop::Nanoseconds span = loop::seconds(2)) {
    return world.run_until([&] { return path->state() == state; }, span);
  }
  bool hears(uint8_t opcode, size_t times = 1) {
    const auto heard = [&] { return std::ranges::count(unit.heard, opcode) >= std::ptrdiff_t(times); };
    return world.run_until(heard, loop::seconds(2));
  }
  bool hears_silently(uint8_t opcode) {
    unit.silent = {opcode};
    return hears(opcode, static_cast<size_t>(std::ranges::count(unit.heard, opcode)) + 1);
  }
  void look_again() {
    host_loop().enter([&] { path->look_again(); });
  }
  void submit(Carried& command) {
    host_loop().enter([&] { path->submit(command); });
  }
  bool ends(const Carried& command) {
    return world.run_until([&] { return command.over; }, loop::seconds(1));
  }
  void answer_what_waits() {
    unit.silent.clear();
    target_loop().enter([&] {
      for (const Pdu& pdu : std::exchange(unit.unanswered, {})) answer_for(*target, unit, pdu);
    });
  }
  void stop_within(loop::Nanoseconds span) {
    std::optional<Task<void>> stopping;
    host_loop().enter([&] { stopping.emplace(path->stop()); });
    EXPECT_TRUE(world.run_until([&] { return stopping->done(); }, span)) << "it does not stop in time";
    CHECK(world.run_until([&] { return stopping->done(); }, loop::seconds(600)), "it does not stop");
    host_loop().enter([&] { path.reset(); });
  }

  loop::SimWorld world{1};
  loop::SimProcess& target_process = world.add_process("target", 1, loop::small_pools);
  loop::SimProcess& host_process = world.add_process("host", 1, loop::small_pools);
  std::unique_ptr<FakeTarget> target = std::make_unique<FakeTarget>(target_loop());
  UnitScript unit;
  std::optional<Task<void>> serving;
  PathNotes notes;
  std::unique_ptr<Path> path;
};

TEST_F(PathTest, StopsWhileNobodyAnswersItsConnect) {
  world.network().block(target_endpoint, true, true);
  for (const bool nvme : {false, true}) {
    nvme ? start_nvme() : start_iscsi();
    world.run_for(loop::seconds(1));
    EXPECT_EQ(path->state(), Path::State::connecting);
    stop_within(at_once);
  }
}

TEST_F(PathTest, StopsWhileNobodyLetsItIn) {
  for (const bool nvme : {false, true}) {
    nvme ? start_nvme() : start_iscsi();
    world.run_for(loop::seconds(1));
    EXPECT_EQ(path->state(), Path::State::connecting);
    stop_within(at_once);
    world.run_for(loop::seconds(1));
    EXPECT_TRUE(target->ended) << "the connection goes with it";
    target->ended = false;
  }
}

TEST_F(PathTest, StopsInAnyMomentOfItsAttempt) {
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  const loop::Nanoseconds whole = world.now() - loop::Instant();
  stop_within(at_once);
  for (int step = 0; step <= 60; ++step) {
    world.run_for(loop::seconds(1));
    target_loop().enter([&] { target.reset(); });
    target = std::make_unique<FakeTarget>(target_loop());
    serve();
    start_iscsi();
    world.run_for(whole * step / 50);
    stop_within(at_once);
    // One that was given up before it connected leaves the target waiting.
    target_loop().enter([&] { target->end(); });
    ASSERT_TRUE(world.run_until([&] { return serving->done(); }, loop::seconds(1)));
  }
}

TEST_F(PathTest, StopsWhileTheUnitDoesNotAnswer) {
  unit.silent = {0x12};
  serve();
  start_iscsi();
  ASSERT_TRUE(hears(0x12));
  stop_within(at_once);
}

TEST_F(PathTest, StopsWhileItIsLookedAt) {
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  look_again();
  ASSERT_TRUE(hears_silently(0x00));
  stop_within(at_once);
}

TEST_F(PathTest, ALogoutThatIsNotAnsweredHasItsTime) {
  unit.answers_logout = false;
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  stop_within(PathTiming{}.connect_timeout + at_once);
}

TEST_F(PathTest, AnAttemptHasItsTime) {
  unit.silent = {0x12};
  serve();
  start_iscsi();
  EXPECT_FALSE(becomes(Path::State::waiting, PathTiming{}.question_timeout - loop::seconds(1)));
  EXPECT_TRUE(becomes(Path::State::waiting, loop::seconds(2)));
  ASSERT_TRUE(path->last_error());
  EXPECT_EQ(path->counters().attached, 0u);
  EXPECT_EQ(notes.ups, 0);
}

TEST_F(PathTest, ALookHasItsTime) {
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  look_again();
  ASSERT_TRUE(hears_silently(0x00));
  EXPECT_FALSE(becomes(Path::State::waiting, PathTiming{}.question_timeout - loop::seconds(1)));
  EXPECT_TRUE(becomes(Path::State::waiting, loop::seconds(2)));
  EXPECT_EQ(notes.downs, 1);
}

TEST_F(PathTest, IsNotUpWhenTheTargetAskedItToLeaveBeforeAllWasKnown) {
  unit.asks_to_leave = true;
  serve();
  start_iscsi();
  EXPECT_TRUE(becomes(Path::State::waiting));
  EXPECT_EQ(notes.ups, 0);
  ASSERT_TRUE(path->last_error());
  EXPECT_EQ(path->last_error()->message, "the target asks us to leave");
}

TEST_F(PathTest, AUnitThatTellsNoBlockSizeIsRefused) {
  unit.block_bytes = 0;
  serve();
  start_iscsi();
  EXPECT_TRUE(becomes(Path::State::waiting));
  EXPECT_EQ(notes.ups, 0);
  ASSERT_TRUE(path->last_error());
  EXPECT_EQ(path->last_error()->message, "READ CAPACITY tells no size of blocks");
}

// The unit has learnt FUA when the write is answered: that one did not carry it.
TEST_F(PathTest, ADurableWriteIsFlushedAsTheUnitWasWhenItBegan) {
  unit.write_cache = true;
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  std::array<uint8_t, 512> data{};
  const iovec part{data.data(), data.size()};
  Carried write(Operation::write, 1);
  write.durable = true;
  write.parts = {&part, 1};
  unit.silent = {0x8a};
  submit(write);
  ASSERT_TRUE(hears(0x8a));
  unit.force_unit_access = true;
  look_again();
  ASSERT_TRUE(world.run_until([&] { return path->findings().force_unit_access; }, loop::seconds(1)));
  EXPECT_FALSE(write.over);
  answer_what_waits();
  EXPECT_TRUE(ends(write));
  EXPECT_TRUE(write.disposition.done());
  EXPECT_EQ(std::ranges::count(unit.heard, 0x91), 1);
}

TEST_F(PathTest, AReadIsMeasuredByTheBlocksThatTheUnitHadWhenItBegan) {
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  std::array<uint8_t, 1024> data{};
  const iovec part{data.data(), data.size()};
  Carried read(Operation::read, 2);
  read.parts = {&part, 1};
  unit.silent = {0x88};
  submit(read);
  ASSERT_TRUE(hears(0x88));
  unit.block_bytes = 4096;
  look_again();
  ASSERT_TRUE(world.run_until([&] { return path->findings().block_bytes == 4096; }, loop::seconds(1)));
  answer_what_waits();
  EXPECT_TRUE(ends(read));
  EXPECT_TRUE(read.disposition.done()) << read.disposition.cause;
}

// A volume was opened by another path, which takes more at once. A discard is a hint.
TEST_F(PathTest, ADiscardThatIsMoreThanThePathTakesIsLeftOut) {
  unit.most_discard_blocks = 8;
  serve();
  start_iscsi();
  ASSERT_TRUE(becomes(Path::State::up));
  Carried small(Operation::discard, 8), large(Operation::discard, 9);
  submit(large);
  EXPECT_TRUE(ends(large));
  EXPECT_TRUE(large.disposition.done());
  EXPECT_EQ(std::ranges::count(unit.heard, 0x42), 0);
  submit(small);
  EXPECT_TRUE(ends(small));
  EXPECT_EQ(std::ranges::count(unit.heard, 0x42), 1);
}

}  // namespace
}  // namespace ashlar::initiator
