// The contract of the waist as a test suite. Every store, every layer and stacks of them must pass it, behind the
// gatekeeper as in production. Include it in one *_test.cc of a room and instantiate `Contract` with the room's subjects.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <numeric>

#include "block/gatekeeper.h"
#include "block/worlds_test.h"

namespace ashlar::block {

/// A way to make a device, and the world it lives in.
struct Subject {
  using Open =
      std::function<loop::Task<Result<std::shared_ptr<Store>>>(uint64_t size_bytes, uint32_t block_bytes)>;
  std::string name;
  std::function<std::unique_ptr<World>()> make_world;
  Open open;               ///< a new, empty device each time, without a gatekeeper
  bool keeps_data = true;  ///< false: reads are zeroes whatever was written (null)
  uint32_t block_bytes = 512;
  bool resizes = true;
};
inline void PrintTo(const Subject& subject, std::ostream* out) { *out << subject.name; }

/// A step of a random story. Ranges are in blocks and fit the device.
struct Step {
  Operation operation = Operation::read;
  uint64_t block = 0;
  uint64_t count = 1;
  bool flag = false;      ///< durable or may_discard
  uint32_t misalign = 0;  ///< bytes by which memory misses its page
  uint8_t fill = 0;
};
inline std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << name_of(step.operation) << " " << step.count << " blocks at " << step.block
             << (step.flag ? " flag" : "") << " memory+" << step.misalign << " fill " << int{step.fill};
}

// with_device() and on_shard() hold the closure of a story until it has ended.
// NOLINTBEGIN(cppcoreguidelines-avoid-capturing-lambda-coroutines)
class Contract : public testing::TestWithParam<Subject> {
 protected:
  static constexpr uint64_t device_blocks = 512;

  uint32_t block() const { return GetParam().block_bytes; }
  uint64_t size() const { return device_blocks * block(); }

  /// A device with a channel for each shard.
  struct Device {
    std::shared_ptr<Store> store;
    std::vector<std::unique_ptr<BlockDevice>> channels;
    BlockDevice& operator*() { return *channels[0]; }
  };
  loop::Task<Device> open() {
    auto opening = GetParam().open(size(), block());
    auto opened = co_await opening;
    CHECK(opened, "{}", opened.error().text());
    Device device{guard(std::move(*opened), "contract"), {}};
    loop::Shards& shards = loop::Loop::current().shards();
    for (uint32_t i = 0; i < shards.count(); ++i)
      device.channels.push_back(device.store->open_channel(shards.at(i)));
    co_return device;
  }
  static loop::Task<void> close(Device device) {
    for (uint32_t i = 0; i < device.channels.size(); ++i) {
      Story ending = [&device, i]() -> loop::Task<void> {
        device.channels[i]->close();
        device.channels[i].reset();
        co_return;
      };
      co_await on_shard(i, ending);
    }
  }
  /// Opens a device, tells the story with it, closes it.
  void with_device(std::function<loop::Task<void>(Device&)> story) {
    Story whole = [&]() -> loop::Task<void> {
      auto opening = open();
      Device device = co_await opening;
      auto telling = story(device);
      co_await telling;
      auto closing = close(std::move(device));
      co_await closing;
    };
    world_->run(whole);
  }

  std::vector<uint8_t> pattern(uint64_t bytes, uint32_t seed) const {
    std::vector<uint8_t> made(bytes);
    for (uint64_t i = 0; i < bytes; ++i)
      made[i] = static_cast<uint8_t>(seed * 131 + i * 7 + i / 512 * 13 + 1);
    return made;
  }
  std::vector<uint8_t> kept(std::vector<uint8_t> written) const {
    if (!GetParam().keeps_data) std::memset(written.data(), 0, written.size());
    return written;
  }
  static loop::Task<std::vector<uint8_t>> read(BlockDevice& device, uint64_t offset, uint64_t bytes) {
    std::vector<uint8_t> data(bytes, 0xee);
    auto reading = perform(device, Operation::read, offset, data);
    const Status status = co_await reading;
    EXPECT_EQ(status, Status::ok);
    co_return data;
  }

  /// What the device must read as. After a discard that promises nothing a block is unknown until it is written again.
  struct Model {
    std::vector<uint8_t> data;
    std::vector<bool> known;
  };
  void apply(const Step& step, ConstBytes written, bool discard_zeroes, Model& model) const;
  std::string difference(const Step& step, ConstBytes read, const Model& model) const;
  /// Tells a random story to a device and to a plain vector; the first difference, or nothing.
  loop::Task<std::string> compare(Device& device, const std::vector<Step>& steps);
  loop::Task<std::string> step_differs(Device& device, const Step& step, Model& model);

  std::unique_ptr<World> world_ = GetParam().make_world();
};

inline void Contract::apply(const Step& step, ConstBytes written, bool discard_zeroes, Model& model) const {
  // By whole pieces here and below: byte by byte, the sanitizers look at each.
  uint8_t* const at = model.data.data() + step.block * block();
  const bool write = step.operation == Operation::write;
  if (!write && step.operation != Operation::write_zeroes && step.operation != Operation::discard) return;
  if (write && GetParam().keeps_data) {
    std::memcpy(at, written.data(), written.size());
  } else {
    std::memset(at, 0, step.count * block());
  }
  const bool known = step.operation != Operation::discard || discard_zeroes;
  std::fill_n(model.known.begin() + static_cast<ptrdiff_t>(step.block), step.count, known);
}

inline std::string Contract::difference(const Step& step, ConstBytes read, const Model& model) const {
  for (uint64_t i = 0; i < step.count; ++i) {
    const ConstBytes expected = ConstBytes(model.data).subspan((step.block + i) * block(), block());
    if (!model.known[step.block + i] || std::memcmp(&read[i * block()], expected.data(), block()) == 0)
      continue;
    return fmt::format("block {} begins with {}, not {}", step.block + i, int{read[i * block()]},
                       int{expected[0]});
  }
  return {};
}

inline loop::Task<std::string> Contract::step_differs(Device& device, const Step& step, Model& model) {
  const uint64_t length = step.count * block();
  const bool data = step.operation == Operation::read || step.operation == Operation::write;
  std::vector<uint8_t> memory(data ? length + 8192 : 0, 0xee);
  Bytes piece;
  if (data) {
    const auto address = reinterpret_cast<uintptr_t>(memory.data());
    piece = Bytes(memory).subspan((4096 - address % 4096) % 4096 + step.misalign, length);
  }
  if (step.operation == Operation::write) {
    for (uint64_t i = 0; i < step.count; ++i)
      std::memset(&piece[i * block()], static_cast<uint8_t>(step.fill + i), block());
  }
  auto performing = perform(*device, step.operation, step.block * block(), piece, length, step.flag);
  const Status status = co_await performing;
  if (status != Status::ok) co_return std::string(name_of(status));
  if (step.operation == Operation::read) co_return difference(step, piece, model);
  apply(step, piece, (*device).limits().discard_zeroes, model);
  co_return std::string();
}

inline loop::Task<std::string> Contract::compare(Device& device, const std::vector<Step>& steps) {
  Model model{std::vector<uint8_t>(size(), 0), std::vector<bool>(device_blocks, true)};
  for (size_t i = 0; i < steps.size(); ++i) {
    auto stepping = step_differs(device, steps[i], model);
    const std::string different = co_await stepping;
    if (!different.empty()) co_return fmt::format("step {}: {}", i, different);
  }
  const Step all{.count = device_blocks};
  auto reading = step_differs(device, all, model);
  co_return co_await reading;
}

inline rc::Gen<Step> any_step(uint64_t device_blocks, bool discards) {
  std::vector<Operation> operations = {Operation::read, Operation::write, Operation::write,
                                       Operation::write_zeroes, Operation::flush};
  if (discards) operations.push_back(Operation::discard);
  return rc::gen::map(
      rc::gen::tuple(rc::gen::elementOf(operations), rc::gen::inRange<uint64_t>(0, device_blocks),
                     rc::gen::inRange<uint64_t>(1, 160), rc::gen::arbitrary<bool>(),
                     rc::gen::element<uint32_t>(0, 0, 512, 4, 1), rc::gen::arbitrary<uint8_t>()),
      [device_blocks](const std::tuple<Operation, uint64_t, uint64_t, bool, uint32_t, uint8_t>& drawn) {
        Step step{std::get<0>(drawn), std::get<1>(drawn), std::get<2>(drawn),
                  std::get<3>(drawn), std::get<4>(drawn), std::get<5>(drawn)};
        step.count = std::min(step.count, device_blocks - step.block);
        return step;
      });
}

TEST_P(Contract, RandomStoriesEndLikeTheModel) {
  bool discards = false;
  with_device([&](Device& device) -> loop::Task<void> {
    discards = (*device).limits().discard_granularity_bytes != 0;
    co_return;
  });
  EXPECT_TRUE(rc::check("a device remembers", [&] {
    const auto steps = *rc::gen::container<std::vector<Step>>(any_step(device_blocks, discards));
    std::string difference;
    with_device([&](Device& device) -> loop::Task<void> {
      auto comparing = compare(device, steps);
      difference = co_await comparing;
    });
    if (!difference.empty()) RC_FAIL(difference);
  }));
}

TEST_P(Contract, NewDevicesAreZeroes) {
  with_device([&](Device& device) -> loop::Task<void> {
    EXPECT_EQ((*device).limits().size_bytes, size());
    EXPECT_EQ((*device).limits().block_bytes, block());
    auto reading = read(*device, 0, size());
    const std::vector<uint8_t> data = co_await reading;
    EXPECT_TRUE(std::ranges::all_of(data, [](uint8_t byte) { return byte == 0; }));
  });
}

TEST_P(Contract, CompletionNeverRunsInsideSubmit) {
  with_device([&](Device& device) -> loop::Task<void> {
    for (const Operation operation :
         {Operation::read, Operation::write, Operation::flush, Operation::write_zeroes}) {
      std::vector<uint8_t> data(block());
      const iovec part{data.data(), data.size()};
      Waiting waiting;
      waiting.request.operation = operation;
      waiting.request.length = block();
      if (operation == Operation::read || operation == Operation::write) waiting.request.parts = {&part, 1};
      waiting.submit(*device);
      EXPECT_FALSE(waiting.over.is_set()) << name_of(operation);
      EXPECT_TRUE(waiting.request.in_flight()) << name_of(operation);
      co_await waiting.over;
      EXPECT_EQ(waiting.request.status, Status::ok) << name_of(operation);
    }
  });
}

TEST_P(Contract, ManyInFlightEachFindItsPlace) {
  constexpr uint64_t many = 400;  // more than a store may take at once
  with_device([&](Device& device) -> loop::Task<void> {
    for (const Operation operation : {Operation::write, Operation::read}) {
      std::vector<std::vector<uint8_t>> data;
      std::vector<iovec> parts(many);
      std::vector<std::unique_ptr<Waiting>> waiting;
      for (uint64_t i = 0; i < many; ++i) {
        data.push_back(operation == Operation::write ? pattern(block(), static_cast<uint32_t>(i))
                                                     : std::vector<uint8_t>(block(), 0xee));
        parts[i] = {data[i].data(), block()};
        waiting.push_back(std::make_unique<Waiting>());
        Request& request = waiting[i]->request;
        request.operation = operation;
        request.offset = i * 5 % device_blocks * block();
        request.length = block();
        request.parts = {&parts[i], 1};
        waiting[i]->submit(*device);
      }
      for (uint64_t i = 0; i < many; ++i) {
        co_await waiting[i]->over;
        EXPECT_EQ(waiting[i]->request.status, Status::ok);
        if (operation == Operation::read)
          EXPECT_EQ(data[i], kept(pattern(block(), static_cast<uint32_t>(i)))) << i;
      }
    }
  });
}

TEST_P(Contract, PiecesOfAnyShapeAreJoined) {
  with_device([&](Device& device) -> loop::Task<void> {
    const std::vector<uint8_t> written = pattern(4 * block(), 9);
    std::vector<uint8_t> source = written;
    std::vector<uint8_t> target(written.size(), 0xee);
    for (const Operation operation : {Operation::write, Operation::read}) {
      uint8_t* memory = operation == Operation::write ? source.data() : target.data();
      std::vector<iovec> parts;
      for (size_t from = 0, length = 1; from < written.size();
           from += parts.back().iov_len, length = length * 3 + 1) {
        parts.push_back({memory + from, std::min(length, written.size() - from)});
      }
      Waiting waiting;
      waiting.request.operation = operation;
      waiting.request.offset = 3 * block();
      waiting.request.length = written.size();
      waiting.request.parts = parts;
      waiting.submit(*device);
      co_await waiting.over;
      EXPECT_EQ(waiting.request.status, Status::ok);
    }
    EXPECT_EQ(target, kept(written));
  });
}

TEST_P(Contract, WhatBreaksTheContractIsRefusedAndChangesNothing) {
  with_device([&](Device& device) -> loop::Task<void> {
    struct Case {
      Operation operation;
      uint64_t offset, length;
      Status expected;
    };
    const uint64_t b = block();
    std::vector<Case> cases;
    for (const Operation operation : {Operation::read, Operation::write, Operation::write_zeroes}) {
      cases.push_back({operation, size(), b, Status::out_of_range});
      cases.push_back({operation, size() - b, 2 * b, Status::out_of_range});
      cases.push_back({operation, UINT64_MAX - b + 1, b, Status::out_of_range});
      cases.push_back({operation, UINT64_MAX / b * b, 2 * b, Status::out_of_range});
      cases.push_back({operation, 1, b, Status::misaligned});
      cases.push_back({operation, 0, b + 1, Status::misaligned});
      cases.push_back({operation, size(), 0, Status::ok});  // nothing, at the end: allowed
    }
    std::vector<uint8_t> memory(2 * b, 0x5a);
    for (const Case& each : cases) {
      const bool data = each.operation != Operation::write_zeroes;
      auto performing = perform(*device, each.operation, each.offset,
                                data ? Bytes(memory).first(each.length) : Bytes(), each.length);
      const Status status = co_await performing;
      EXPECT_EQ(status, each.expected)
          << name_of(each.operation) << " " << each.length << " at " << each.offset;
    }
    auto reading = read(*device, 0, size());
    const std::vector<uint8_t> data = co_await reading;
    EXPECT_TRUE(std::ranges::all_of(data, [](uint8_t byte) { return byte == 0; }));
  });
}

TEST_P(Contract, ExtentsCoverTheDeviceAndTellOfData) {
  with_device([&](Device& device) -> loop::Task<void> {
    if (!(*device).limits().find_extent) co_return;
    std::vector<uint8_t> data(block(), 7);
    const uint64_t written = size() / 2;
    auto writing = perform(*device, Operation::write, written, data);
    EXPECT_EQ(co_await writing, Status::ok);
    bool told = false;
    for (uint64_t at = 0; at < size();) {
      Waiting waiting;
      waiting.request.operation = Operation::find_extent;
      waiting.request.offset = at;
      waiting.submit(*device);
      co_await waiting.over;
      EXPECT_EQ(waiting.request.status, Status::ok);
      const uint64_t length = waiting.request.extent_length;
      if (length == 0 || length > size() - at) {
        ADD_FAILURE() << "extent of " << length << " at " << at;
        co_return;
      }
      if (at <= written && written < at + length) told = waiting.request.extent_allocated;
      at += length;
    }
    EXPECT_EQ(told, GetParam().keeps_data);
  });
}

TEST_P(Contract, AllShardsSeeOneDevice) {
  with_device([&](Device& device) -> loop::Task<void> {
    for (uint32_t round = 0; round < 8; ++round) {
      const std::vector<uint8_t> there = pattern(block(), round);
      Story writing_there = [&]() -> loop::Task<void> {
        std::vector<uint8_t> copy = there;
        auto writing = perform(*device.channels[1], Operation::write, round * block(), copy);
        const Status status = co_await writing;
        EXPECT_EQ(status, Status::ok);
      };
      co_await on_shard(1, writing_there);
      auto reading = read(*device, round * block(), block());
      const std::vector<uint8_t> here = co_await reading;
      EXPECT_EQ(here, kept(there)) << "round " << round;
    }
  });
}

TEST_P(Contract, GrowsAndShrinks) {
  if (!GetParam().resizes) GTEST_SKIP() << "does not resize";
  with_device([&](Device& device) -> loop::Task<void> {
    std::vector<uint8_t> data = pattern(block(), 1);
    auto writing = perform(*device, Operation::write, size() - block(), data);
    EXPECT_EQ(co_await writing, Status::ok);
    auto growing = device.store->resize(2 * size());
    EXPECT_TRUE((co_await growing).has_value());
    for (auto& channel : device.channels) EXPECT_EQ(channel->limits().size_bytes, 2 * size());
    EXPECT_EQ(device.store->limits().size_bytes, 2 * size());
    auto reading = read(*device, size() - block(), 2 * block());
    std::vector<uint8_t> expected = kept(data);
    expected.resize(2 * block(), 0);
    EXPECT_EQ(co_await reading, expected);

    auto shrinking = device.store->resize(size() / 2);
    EXPECT_TRUE((co_await shrinking).has_value());
    std::vector<uint8_t> scratch(block());
    auto past = perform(*device, Operation::read, size() / 2, scratch);
    EXPECT_EQ(co_await past, Status::out_of_range);
    // What was cut off must not come back.
    auto growing_again = device.store->resize(size());
    EXPECT_TRUE((co_await growing_again).has_value());
    auto reading_again = read(*device, size() - block(), block());
    EXPECT_EQ(co_await reading_again, std::vector<uint8_t>(block(), 0));
  });
}

TEST_P(Contract, ChannelsOpenAgainOnTheSameData) {
  with_device([&](Device& device) -> loop::Task<void> {
    std::vector<uint8_t> data = pattern(block(), 3);
    auto writing = perform(*device, Operation::write, 0, data, 0, true);
    EXPECT_EQ(co_await writing, Status::ok);
    auto flushing = perform(*device, Operation::flush, 0, {});
    EXPECT_EQ(co_await flushing, Status::ok);
    device.channels[0]->close();
    device.channels[0] = device.store->open_channel(loop::Loop::current());
    auto reading = read(*device, 0, block());
    EXPECT_EQ(co_await reading, kept(data));
  });
}

// NOLINTEND(cppcoreguidelines-avoid-capturing-lambda-coroutines)

inline std::string subject_name(const testing::TestParamInfo<Subject>& info) { return info.param.name; }

}  // namespace ashlar::block
