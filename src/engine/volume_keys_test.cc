#include "engine/volume_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "engine/record_file.h"
#include "loop/sim_test.h"

namespace ashlar::engine {
namespace {

using layers::DataKey;
using Found = Result<std::optional<DataKey>>;
using testing::HasSubstr;

constexpr Uuid one{1}, two{2};
constexpr char path_of_one[] = "/srv/keys/01000000-0000-0000-0000-000000000000";

DataKey some_key(uint8_t seed) {
  DataKey key;
  for (size_t i = 0; i < DataKey::size; ++i) key.bytes()[i] = static_cast<uint8_t>(seed + i);
  return key;
}

loop::Task<Found> find(VolumeKeys* keys, Uuid id) {
  auto finding = keys->find(id);
  co_return co_await finding;
}
/// None, too, where it cannot be read.
std::optional<DataKey> found(loop::SimProcess& process, VolumeKeys& keys, Uuid id) {
  const Found key = loop::run_story(process.loop(0), find, &keys, id);
  EXPECT_TRUE(key.has_value());
  return key ? *key : std::nullopt;
}
loop::Task<Result<DataKey>> renew(VolumeKeys* keys, Uuid id) {
  auto renewing = keys->renew(id);
  co_return co_await renewing;
}
loop::Task<Result<void>> destroy(VolumeKeys* keys, Uuid id) {
  auto destroying = keys->destroy(id);
  co_return co_await destroying;
}

std::string content(loop::SimMachine& machine) {
  const auto inode = machine.disk.find(path_of_one);
  if (inode == nullptr) return "";
  std::string bytes(inode->content.current().size(), '\0');
  inode->content.current().read(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  return bytes;
}

TEST(KeyText, ComesBack) {
  const std::string text = key_text(one, some_key(3));
  EXPECT_EQ(*parse_key(text, one), some_key(3));
  EXPECT_EQ(text.size(), key_text(two, some_key(4)).size()) << "one covers the other";
}

TEST(KeyText, WhatIsNotTheKeyIsRefusedAndNotRepeated) {
  const std::string text = key_text(one, some_key(3));
  const auto refusal = [](const std::string& of, const Uuid& id) { return parse_key(of, id).error().text(); };
  EXPECT_THAT(refusal(text, two), HasSubstr("check: does not fit"));
  std::string other = text;
  other.replace(other.find("0304"), 4, "0305");
  EXPECT_THAT(refusal(other, one), HasSubstr("check: does not fit"));
  other.replace(other.find("0305"), 4, "zzzz");
  EXPECT_EQ(refusal(other, one), "key: is not 128 hexadecimal digits (invalid_argument)");
  std::string cipher = text;
  cipher.replace(cipher.find("aes-256"), 7, "rot-013");
  EXPECT_THAT(refusal(cipher, one), HasSubstr("cipher: 'rot-013-xts-plain64' is not known"));
}

TEST(VolumeKeys, AreFoundUnderTheirIdUntilTheyAreDestroyed) {
  loop::SimWorld world(1);
  loop::SimMachine& machine = world.machine("array");
  loop::SimProcess& process = world.add_process("array", machine, 1, loop::small_pools);
  VolumeKeys keys("/srv");
  EXPECT_EQ(found(process, keys, one), std::nullopt);
  const Result<DataKey> first = loop::run_story(process.loop(0), renew, &keys, one);
  const Result<DataKey> other = loop::run_story(process.loop(0), renew, &keys, two);
  ASSERT_TRUE(first && other);
  EXPECT_NE(*first, *other);
  EXPECT_EQ(found(process, keys, one), *first);
  EXPECT_EQ(found(process, keys, two), *other);
  EXPECT_TRUE(loop::run_story(process.loop(0), destroy, &keys, one));
  EXPECT_TRUE(loop::run_story(process.loop(0), destroy, &keys, one)) << "it is gone already";
  EXPECT_EQ(machine.disk.find(path_of_one), nullptr);
  EXPECT_EQ(found(process, keys, one), std::nullopt);
}

TEST(VolumeKeys, NothingOfTheKeyBeforeIsLeftInEitherHalf) {
  loop::SimWorld world(1);
  loop::SimMachine& machine = world.machine("array");
  loop::SimProcess& process = world.add_process("array", machine, 1, loop::small_pools);
  VolumeKeys keys("/srv");
  std::string before;
  for (int life = 0; life < 5; ++life) {
    const Result<DataKey> key = loop::run_story(process.loop(0), renew, &keys, one);
    ASSERT_TRUE(key);
    const std::string now = hex_of(key->bytes());
    const std::string bytes = content(machine);
    const size_t first = bytes.find(now);
    ASSERT_NE(first, std::string::npos);
    EXPECT_NE(bytes.find(now, first + 1), std::string::npos) << "in both halves";
    if (!before.empty()) EXPECT_EQ(bytes.find(before), std::string::npos);
    before = now;
  }
  // What is overwritten before the file goes: an unlinked file's blocks keep what was in them.
  const auto inode = machine.disk.find(path_of_one);
  ASSERT_TRUE(loop::run_story(process.loop(0), destroy, &keys, one));
  std::string bytes(inode->content.current().size(), '\0');
  inode->content.current().read(0, {reinterpret_cast<uint8_t*>(bytes.data()), bytes.size()});
  EXPECT_EQ(bytes.find(before), std::string::npos);
}

TEST(VolumeKeys, WhoLooksForAKeyThatIsBeingRenewedFindsTheNewOne) {
  loop::SimWorld world(1);
  loop::SimProcess& process = world.add_process("array", 1, loop::small_pools);
  VolumeKeys keys("/srv");
  ASSERT_TRUE(loop::run_story(process.loop(0), renew, &keys, one));
  std::optional<loop::Task<Result<DataKey>>> renewing;
  process.loop(0).enter([&] { renewing.emplace(renew(&keys, one)); });
  const std::optional<DataKey> seen = found(process, keys, one);
  ASSERT_TRUE(world.run_until([&] { return renewing->done(); }, loop::seconds(10)));
  const Result<DataKey> renewed = renewing->take();
  ASSERT_TRUE(renewed);
  EXPECT_EQ(seen, *renewed);
}

// At every crash point one of the two keys is there, and after an answer the new one alone.
void renew_until_power_fails(uint64_t seed) {
  loop::SimWorld world(seed);
  loop::SimMachine& machine = world.machine("array");
  VolumeKeys keys("/srv");
  std::optional<DataKey> kept;
  for (int life = 0; life < 4; ++life) {
    loop::SimProcess& process = world.add_process("array", machine, 1, loop::small_pools);
    std::optional<loop::Task<Result<DataKey>>> renewing;
    process.loop(0).enter([&] { renewing.emplace(renew(&keys, one)); });
    world.run_for(loop::microseconds(static_cast<int64_t>(world.random().below(4000))));
    const bool answered = renewing->done();
    world.power_off(machine);
    ASSERT_TRUE(world.run_until([&] { return renewing->done(); }, loop::seconds(10)));
    const Result<DataKey> drawn = renewing->take();
    world.power_on(machine);
    loop::SimProcess& successor = world.add_process("array", machine, 1, loop::small_pools);
    const Found now = loop::run_story(successor.loop(0), find, &keys, one);
    ASSERT_TRUE(now) << now.error().text();
    if (answered) {
      ASSERT_TRUE(drawn);
      ASSERT_EQ(*now, *drawn);
      if (kept) ASSERT_EQ(content(machine).find(hex_of(kept->bytes())), std::string::npos);
    } else if (kept) {
      ASSERT_TRUE(now->has_value()) << "never without a key";
    }
    kept = *now;
  }
}

TEST(VolumeKeysPower, ACutLeavesTheOldKeyOrTheNewOne) {
  for (uint64_t seed = 1; seed <= 1000; ++seed) {
    SCOPED_TRACE(seed);
    renew_until_power_fails(seed);
  }
}

}  // namespace
}  // namespace ashlar::engine
