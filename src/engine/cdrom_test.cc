// A CD-ROM drive of the engine: its medium is a change of the document that no session notices but by what hosts are told.
#include <gmock/gmock.h>

#include "engine/engine_world_test.h"
#include "loop/awaited_file.h"

namespace ashlar::engine {
namespace {

using initiator::Answer;
using initiator::BlockUnit;
using initiator::Session;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr uint32_t cd_block = 2048;

rpc::VolumeDocument drive(const std::string& name, const std::string& medium) {
  rpc::VolumeDocument volume;
  volume.name = name;
  volume.block_bytes = cd_block;
  volume.store.kind = "cdrom";
  if (!medium.empty()) volume.store.options["path"] = medium;
  return volume;
}

initiator::Cdb read_10(uint32_t lba, uint16_t blocks) {
  initiator::Cdb cdb{0x28};
  store_be32(&cdb[2], lba);
  store_be16(&cdb[7], blocks);
  return cdb;
}

loop::Task<Answer> execute(Session& session, initiator::Cdb cdb, std::vector<uint8_t>* data) {
  BlockUnit unit(session, 0);
  auto executing = unit.execute(cdb, {}, data == nullptr ? Bytes() : Bytes(*data));
  co_return co_await executing;
}

// Every byte of an image is `fill`, so that a read tells which medium it came from.
loop::Task<bool> write_image(std::string path, uint64_t blocks, uint8_t fill) {
  loop::OpenOptions options;
  options.create = true;
  options.prefer_direct = false;
  options.exclusive = false;
  auto opening = loop::Loop::current().open(path, options);
  auto file = co_await opening;
  if (!file) co_return false;
  std::vector<uint8_t> content(blocks * cd_block, fill);
  auto sizing = (*file)->resize(content.size(), false);
  const Result<void> sized = co_await sizing;
  if (!sized) co_return false;
  auto writing = loop::transfer(**file, loop::FileVerb::write, 0, content);
  co_return co_await writing == static_cast<int64_t>(content.size());
}

class Cdrom : public testing::TestWithParam<uint32_t> {
 protected:
  Cdrom() {
    for (const auto& [path, blocks, fill] :
         {std::tuple{"/srv/a.iso", 100, 0xaa}, std::tuple{"/srv/b.iso", 50, 0xbb},
          std::tuple{"/srv/small.iso", 0, 0}})
      EXPECT_TRUE(world.run(
          [&] { return write_image(path, static_cast<uint64_t>(blocks), static_cast<uint8_t>(fill)); }));
    document = demo_document();
    document.volumes = {drive("demo", "a.iso")};
    apply();
    session = log_in();
  }
  ~Cdrom() override { world.leave(std::move(session)); }
  std::unique_ptr<Session> log_in() {
    auto opened = world.log_in();
    EXPECT_TRUE(opened) << opened.error().text();
    std::unique_ptr<Session> out = std::move(*opened);
    EXPECT_EQ(ending(*out, {}), "6/2900");
    return out;
  }
  Result<rpc::ApplyReport> try_medium(const std::string& path) {
    document.volumes[0] = drive("demo", path);
    return world.apply(document);
  }
  void apply() {
    const auto report = world.apply(document);
    ASSERT_TRUE(report) << report.error().text();
  }
  void insert(const std::string& path) {
    const auto report = try_medium(path);
    ASSERT_TRUE(report) << report.error().text();
  }
  /// "GOOD", or key and code.
  std::string ending(Session& by, initiator::Cdb cdb, std::vector<uint8_t>* data = nullptr) {
    const Answer answer = world.run_as_host([&] { return execute(by, cdb, data); });
    if (answer.good()) return "GOOD";
    return fmt::format("{:x}/{:04x}", answer.sense_key(), answer.additional_code());
  }
  std::string ending(initiator::Cdb cdb) { return ending(*session, cdb); }
  std::string ready() { return ending({}); }
  uint8_t first_byte() {
    std::vector<uint8_t> data(cd_block);
    EXPECT_EQ(ending(*session, read_10(0, 1), &data), "GOOD");
    return data[0];
  }
  rpc::VolumeStatus status() { return world.status().volumes.at(0); }

  EngineWorld world{GetParam()};
  rpc::Document document;
  std::unique_ptr<Session> session;
};
INSTANTIATE_TEST_SUITE_P(Shards, Cdrom, testing::Values(1u, 3u));

TEST_P(Cdrom, ServesItsMedium) {
  EXPECT_EQ(first_byte(), 0xaa);
  EXPECT_EQ(ending(read_10(99, 2)), "5/2100");
  EXPECT_EQ(status().size_bytes, 100u * cd_block);
  EXPECT_TRUE(status().read_only);
  ASSERT_TRUE(status().medium.has_value());
  EXPECT_EQ(status().medium->path, "/srv/a.iso");
  EXPECT_EQ(status().medium->state, "loaded");
  EXPECT_EQ(ending({0x2a}), "5/2000") << "nothing writes";
}

TEST_P(Cdrom, InsertAndEjectTouchNoSession) {
  const uint64_t id = world.run([&] { return world.engine->sessions(); }).at(0).id;
  insert("");
  EXPECT_EQ(ready(), "2/3a01");
  EXPECT_EQ(status().medium->state, "empty");
  EXPECT_EQ(status().size_bytes, 0u);
  insert("b.iso");
  EXPECT_EQ(ready(), "6/2800");
  EXPECT_EQ(first_byte(), 0xbb);
  EXPECT_EQ(ending(read_10(50, 1)), "5/2100");
  insert("a.iso");
  EXPECT_EQ(ready(), "6/2800") << "from one to the other at once";
  EXPECT_EQ(first_byte(), 0xaa);
  EXPECT_EQ(world.run([&] { return world.engine->sessions(); }).at(0).id, id);
  EXPECT_THAT(world.event_kinds(), Not(Contains("session.dropped")));
  EXPECT_THAT(world.event_kinds(), Contains("volume.medium_changed"));
}

TEST_P(Cdrom, WhatCannotBeReadChangesNothing) {
  for (const char* path : {"gone.iso", "small.iso"}) {
    const auto refused = try_medium(path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().place, "volumes[0].store.options.path");
    EXPECT_EQ(ready(), "GOOD");
    EXPECT_EQ(first_byte(), 0xaa);
  }
  EXPECT_EQ(world.engine->document().volumes[0].store.options.at("path"), "/srv/a.iso");
}

TEST_P(Cdrom, AHostThatKeepsTheMediumIsAskedForItAndCanBeOverruled) {
  const initiator::Cdb prevent{0x1e, 0, 0, 0, 1};
  EXPECT_EQ(ending(prevent), "GOOD");
  EXPECT_TRUE(status().medium->prevented);
  const auto refused = try_medium("");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::busy);
  EXPECT_THAT(refused.error().message, HasSubstr("PREVENT"));
  EXPECT_EQ(first_byte(), 0xaa);
  std::vector<uint8_t> event(8);
  EXPECT_EQ(ending(*session, {0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8}, &event), "GOOD");
  EXPECT_EQ(event[4], 1) << "eject request";
  EXPECT_TRUE(world.run([&] { return world.engine->allow_removal("demo"); }));
  insert("");
  EXPECT_EQ(ready(), "2/3a01");
  EXPECT_EQ(ending(prevent), "GOOD");
  insert("b.iso");
  EXPECT_EQ(ready(), "6/2800") << "an empty drive that is locked takes one";
  EXPECT_FALSE(world.run([&] { return world.engine->allow_removal("none"); }));
}

TEST_P(Cdrom, AHostsEjectIsTheTrayAndTheArraysInsertClosesIt) {
  EXPECT_EQ(ending({0x1b, 0, 0, 0, 2}), "GOOD");
  EXPECT_EQ(ready(), "2/3a02");
  EXPECT_EQ(status().medium->state, "open");
  EXPECT_EQ(status().medium->path, "/srv/a.iso");
  insert("b.iso");
  EXPECT_EQ(ready(), "6/2800");
  EXPECT_EQ(first_byte(), 0xbb);
  EXPECT_EQ(status().medium->state, "loaded");
}

TEST_P(Cdrom, AChangeThatFailsLaterPutsTheOldMediumBack) {
  document.volumes[0] = drive("demo", "b.iso");
  document.volumes.push_back(file_volume("other"));
  document.volumes[1].store.options["create"] = "false";
  ASSERT_FALSE(world.apply(document)) << "the file of the other is not there";
  EXPECT_EQ(first_byte(), 0xaa);
  document.volumes.pop_back();
  document.volumes.push_back(drive("second", "a.iso"));
  document.volumes.push_back(drive("third", ""));
  apply();
  document.volumes[0] = drive("demo", "a.iso");
  document.volumes[1] = drive("second", "gone.iso");
  ASSERT_FALSE(world.apply(document));
  EXPECT_EQ(ready(), "6/2800");
  EXPECT_EQ(first_byte(), 0xbb) << "as it was";
}

TEST_P(Cdrom, WhatADiskCanAndADriveCannotIsSaid) {
  const auto resized = world.run([&] { return world.engine->resize("demo", 1 << 20, true); });
  ASSERT_FALSE(resized);
  EXPECT_EQ(resized.error().code, ErrorCode::unsupported);
  const std::vector<std::pair<std::string, std::function<void(rpc::VolumeDocument&)>>> wrong = {
      {"volumes[0].block_bytes", [](auto& v) { v.block_bytes = 512; }},
      {"volumes[0].size_bytes", [](auto& v) { v.size_bytes = cd_block; }},
      {"volumes[0].write_cache", [](auto& v) { v.write_cache = true; }},
      {"volumes[0].store.options.path",
       [this](auto& v) {
         document.volumes.push_back(file_volume("disk"));
         v.store.options["path"] = "disk.img";
       }},
  };
  for (const auto& [place, change] : wrong) {
    document.volumes = {drive("demo", "a.iso")};
    rpc::VolumeDocument changed = document.volumes[0];
    change(changed);
    document.volumes[0] = changed;
    const auto refused = world.apply(document);
    ASSERT_FALSE(refused) << place;
    EXPECT_EQ(refused.error().place, place);
  }
}

TEST_P(Cdrom, ItKeepsItsDrawnIdentityWhateverLiesInIt) {
  const std::string naa = status().identity.naa;
  rpc::Document without = document;
  without.volumes.clear();
  without.mappings.clear();
  ASSERT_TRUE(world.apply(without));
  insert("b.iso");
  EXPECT_EQ(status().identity.naa, naa);
}

// A host that reads as fast as it can while the media change; each read ends once, all of it from one medium, and from the new one
// only after the host was told.
struct Reader {
  uint64_t good = 0, told = 0, refused = 0, torn = 0, untold = 0;
  uint8_t last = 0;
  bool stop = false;
};

loop::Task<void> read_on(Session& session, Reader& reader, uint32_t lba) {
  std::vector<uint8_t> data(4 * cd_block);
  while (!reader.stop) {
    auto reading = execute(session, read_10(lba, 4), &data);
    const Answer answer = co_await reading;
    if (!answer.good()) {
      const bool attention = answer.sense_key() == 6;
      reader.told += attention ? 1 : 0;
      reader.refused += attention ? 0 : 1;
      if (attention) reader.last = 0;
      continue;
    }
    ++reader.good;
    if (std::ranges::any_of(data, [&](uint8_t byte) { return byte != data[0]; })) ++reader.torn;
    if (reader.last != 0 && reader.last != data[0]) ++reader.untold;
    reader.last = data[0];
  }
}

TEST_P(Cdrom, MediaChangeUnderReads) {
  Reader reader;
  const auto reading = [&] { return read_on(*session, reader, 3); };
  std::optional<loop::Task<void>> story;
  world.host.loop(0).enter([&] { story.emplace(reading()); });
  for (int i = 0; i < 60; ++i) {
    world.world.run_for(loop::milliseconds(3));
    insert(i % 3 == 0 ? "" : i % 3 == 1 ? "b.iso" : "a.iso");
  }
  world.world.run_for(loop::milliseconds(20));
  reader.stop = true;
  ASSERT_TRUE(world.world.run_until([&] { return story->done(); }, loop::seconds(60)));
  EXPECT_GT(reader.good, 100u);
  EXPECT_GT(reader.told, 20u);
  EXPECT_GT(reader.refused, 20u);
  EXPECT_EQ(reader.torn, 0u);
  EXPECT_EQ(reader.untold, 0u);
}

}  // namespace
}  // namespace ashlar::engine
