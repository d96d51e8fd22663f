#include "state/generations.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "state/generation_text.h"
#include "state/generations_world_test.h"
#include "state/sha256.h"

namespace ashlar::state {
namespace {

class Generations : public testing::Test {
 protected:
  GenerationStore open() {
    auto store = GenerationStore::open(files_, "config");
    EXPECT_TRUE(store) << store.error().text();
    return std::move(*store);
  }
  void damage(const std::string& path, size_t at) {
    std::string bytes = *files_.read(path);
    bytes[at % bytes.size()] ^= 1;
    ASSERT_TRUE(files_.write(path, bytes, 0600));
  }
  CrashFileSystem files_;
};

TEST_F(Generations, ANewStoreIsEmpty) {
  const auto store = open();
  EXPECT_EQ(store.current().info.number, 0u);
  EXPECT_EQ(store.current().configuration, api::Configuration{});
  EXPECT_FALSE(store.unfinished());
  EXPECT_TRUE(store.list()->empty());
  EXPECT_TRUE(store.damaged().empty());
  EXPECT_TRUE(store.settled());
  EXPECT_EQ(store.read(1).error().code, ErrorCode::not_found);
}

TEST_F(Generations, RoundTrip) {
  auto store = open();
  const auto info = store.prepare(generation_of("a", {created("x")}, {deletion("y")}));
  ASSERT_TRUE(info) << info.error().text();
  EXPECT_EQ(info->number, 1u);
  EXPECT_EQ(info->hash.size(), 64u);
  EXPECT_EQ(store.current().info.number, 0u);
  EXPECT_EQ(open().unfinished()->before, (std::vector<Forework>{created("x")}));
  ASSERT_TRUE(store.commit());
  ASSERT_TRUE(change(store, generation_of("b")));
  const auto again = open();
  EXPECT_EQ(again.current().info.number, 2u);
  EXPECT_EQ(again.current().configuration, generation_of("b").configuration);
  EXPECT_EQ(again.current().info, store.current().info);
  EXPECT_EQ(again.list()->size(), 2u);
  EXPECT_EQ(again.list()->front().comment, "b");
  const auto first = again.read(1);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->info, *info);
  EXPECT_EQ(label_of(*first), "a");
  EXPECT_EQ(first->after, (std::vector<Afterwork>{deletion("y")}));
  EXPECT_TRUE(again.damaged().empty());
}

TEST_F(Generations, OneChangeAtATime) {
  auto store = open();
  EXPECT_EQ(store.commit().error().code, ErrorCode::not_found);
  EXPECT_EQ(store.abandon().error().code, ErrorCode::not_found);
  ASSERT_TRUE(store.prepare(generation_of("a")));
  EXPECT_EQ(store.prepare(generation_of("b")).error().code, ErrorCode::busy);
  ASSERT_TRUE(store.abandon());
  EXPECT_FALSE(open().unfinished());
  ASSERT_TRUE(change(store, generation_of("b")));
  EXPECT_EQ(label_of(open().current()), "b");
}

TEST_F(Generations, AfterworkIsDoneAtLeastOnce) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a", {}, {deletion("x")})));
  EXPECT_EQ(open().afterwork(), (std::vector<Afterwork>{deletion("x")}));
  // Not done when the next change comes: carried over.
  ASSERT_TRUE(change(store, generation_of("b", {}, {deletion("y")})));
  EXPECT_EQ(open().afterwork(), (std::vector<Afterwork>{deletion("x"), deletion("y")}));
  ASSERT_TRUE(store.afterwork_done());
  EXPECT_TRUE(store.afterwork().empty());
  EXPECT_TRUE(open().afterwork().empty());
  ASSERT_TRUE(change(store, generation_of("c", {}, {deletion("z")})));
  EXPECT_EQ(open().afterwork(), (std::vector<Afterwork>{deletion("z")}));
}

TEST_F(Generations, TheNewest200AreKept) {
  auto store = open();
  for (int i = 1; i <= 205; ++i)
    ASSERT_TRUE(change(store, generation_of(fmt::format("g{}", i), {}, {deletion("x")})) &&
                store.afterwork_done());
  for (const GenerationStore* each : {&store}) {
    EXPECT_EQ(each->list()->size(), GenerationStore::kept);
    EXPECT_EQ(each->list()->back().number, 6u);
    EXPECT_EQ(each->read(5).error().code, ErrorCode::not_found);
  }
  EXPECT_EQ(files_.list("config")->size(), 2 * GenerationStore::kept + 1);
  EXPECT_EQ(open().list()->size(), GenerationStore::kept);
}

TEST_F(Generations, TooBigIsRefusedBeforeItIsWritten) {
  auto store = open();
  Generation big = generation_of("a");
  big.configuration.pools[0].comment.assign(17u << 20, 'x');
  EXPECT_EQ(store.prepare(big).error().code, ErrorCode::out_of_range);
  EXPECT_FALSE(store.unfinished());
  EXPECT_TRUE(change(store, generation_of("b")));
}

TEST_F(Generations, DamageAnywhereInAnOldOneIsFound) {
  auto store = open();
  for (const char* label : {"a", "b", "c"}) ASSERT_TRUE(change(store, generation_of(label)));
  const DiskImage whole = files_.view();
  const size_t length = files_.read("config/000002.json")->size();
  for (size_t at = 0; at < length; at += 7) {
    files_ = CrashFileSystem(whole);
    damage("config/000002.json", at);
    EXPECT_FALSE(store.read(2));
    const auto again = open();
    EXPECT_EQ(label_of(again.current()), "c");
    EXPECT_EQ(again.list()->size(), 2u);
    ASSERT_EQ(again.damaged().size(), 1u);
    EXPECT_TRUE(again.damaged()[0].contains("000002.json")) << again.damaged()[0];
    EXPECT_TRUE(files_.exists("config/000002.json.damaged"));
    EXPECT_TRUE(open().damaged().empty()) << "told once";
  }
}

TEST_F(Generations, ADamagedCurrentOneFallsBack) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a", {}, {deletion("x")})));
  ASSERT_TRUE(change(store, generation_of("b", {}, {deletion("y")})));
  damage("config/000002.json", 200);
  auto again = open();
  EXPECT_EQ(label_of(again.current()), "a");
  EXPECT_EQ(again.afterwork(), (std::vector<Afterwork>{deletion("x")})) << "it was in force for sure";
  EXPECT_EQ(again.damaged().size(), 2u);
  ASSERT_TRUE(change(again, generation_of("c", {}, {deletion("z")})));
  EXPECT_EQ(label_of(open().current()), "c");
  EXPECT_EQ(open().afterwork(), (std::vector<Afterwork>{deletion("x"), deletion("z")}));
}

TEST_F(Generations, ADoneMarkOfALostGenerationDoesNotCount) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a")));
  ASSERT_TRUE(change(store, generation_of("b", {}, {deletion("y")})));
  ASSERT_TRUE(store.afterwork_done());
  damage("config/000002.json", 200);
  auto again = open();
  ASSERT_TRUE(change(again, generation_of("c", {}, {deletion("z")})));
  EXPECT_EQ(again.current().info.number, 2u);
  EXPECT_EQ(open().afterwork(), (std::vector<Afterwork>{deletion("z")}));
}

TEST_F(Generations, WhatWasPreparedAfterADamagedOneNeverComesIntoForce) {
  auto store = open();
  for (const char* label : {"a", "b"}) ASSERT_TRUE(change(store, generation_of(label)));
  ASSERT_TRUE(store.prepare(generation_of("c", {created("x")})));
  damage("config/000002.json", 200);
  for (int start = 0; start < 3; ++start) {
    const auto again = open();
    EXPECT_EQ(label_of(again.current()), "a");
    ASSERT_TRUE(again.unfinished());
    EXPECT_EQ(again.unfinished()->before, (std::vector<Forework>{created("x")}));
  }
  auto again = open();
  ASSERT_TRUE(again.abandon());
  ASSERT_TRUE(change(again, generation_of("d")));
  EXPECT_EQ(label_of(open().current()), "d");
}

TEST_F(Generations, ADamagedOrMissingMarkFallsBackAndDeletesNothing) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a")));
  ASSERT_TRUE(change(store, generation_of("b", {}, {deletion("y")})));
  const DiskImage whole = files_.view();
  for (const std::string& mark : {std::string("gone"), std::string(), std::string("{\"number\":2}"),
                                  std::string("{\"number\":1,\"hash\":\"ab\"}"), std::string(16, '\0')}) {
    files_ = CrashFileSystem(whole);
    ASSERT_TRUE(mark == "gone" ? files_.remove("config/current")
                               : files_.write("config/current", mark, 0600));
    for (int start = 0; start < 2; ++start) {
      const auto again = open();
      EXPECT_EQ(label_of(again.current()), "b") << mark;
      EXPECT_EQ(again.damaged().empty(), start == 1) << mark;
      EXPECT_TRUE(again.afterwork().empty()) << "whether it was committed is not known";
      EXPECT_FALSE(again.unfinished());
    }
  }
}

TEST_F(Generations, AnOldCopyOfTheMarkTakesNothingBack) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a")));
  const std::string old = *files_.read("config/current");
  ASSERT_TRUE(change(store, generation_of("b", {created("x")})));
  ASSERT_TRUE(change(store, generation_of("c", {created("y")})));
  ASSERT_TRUE(files_.write("config/current", old, 0600));
  const auto again = open();
  EXPECT_EQ(label_of(again.current()), "c");
  EXPECT_FALSE(again.unfinished());
  EXPECT_EQ(again.damaged().size(), 1u);
}

TEST_F(Generations, AnArrayDoesNotForgetAllItsVolumesByItself) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a")));
  damage("config/000001.json", 100);
  for (int start = 0; start < 2; ++start) {
    const auto again = GenerationStore::open(files_, "config");
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code, ErrorCode::io_error);
  }
}

TEST_F(Generations, ANewerVersionsConfigurationIsNotDamage) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a")));
  ASSERT_TRUE(change(store, generation_of("b")));
  // A kind of resource that this version does not know; its hash and its checksum are right.
  json::Json document = *json::parse_json(*files_.read("config/000002.json"));
  document.erase("checksum");
  document["configuration"]["wormholes"] = json::Json::array();
  const std::string hash = sha256_hex(json::print_json(document["configuration"]));
  document["info"]["hash"] = hash;
  const std::string rest = json::print_json(document, 2).substr(2) + "\n";
  ASSERT_TRUE(files_.write("config/000002.json",
                           fmt::format("{{\n  \"checksum\": \"{}\",\n{}", sha256_hex(rest), rest), 0600));
  ASSERT_TRUE(files_.write("config/current", print_mark({2, hash, 0}), 0600));
  const auto again = GenerationStore::open(files_, "config");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(files_.exists("config/000002.json")) << "left where it is";
}

TEST_F(Generations, LitterOfAPowerCutIsNotDamage) {
  auto store = open();
  ASSERT_TRUE(change(store, generation_of("a")));
  ASSERT_TRUE(files_.write("config/000001.json.new", "torn", 0600));
  const auto again = open();
  EXPECT_TRUE(again.damaged().empty());
  EXPECT_FALSE(files_.exists("config/000001.json.new"));
}

TEST(GenerationsOnDisk, TheRealFileSystemDoesToo) {
  const std::string folder = fmt::format("{}/ashlar_generations_{}", testing::TempDir(), ::getpid());
  std::filesystem::remove_all(folder);
  const auto files = make_file_system();
  auto store = GenerationStore::open(*files, folder);
  ASSERT_TRUE(store) << store.error().text();
  ASSERT_TRUE(change(*store, generation_of("a", {}, {deletion("x")})));
  ASSERT_TRUE(store->prepare(generation_of("b")));
  const auto again = GenerationStore::open(*files, folder);
  ASSERT_TRUE(again);
  EXPECT_EQ(label_of(again->current()), "a");
  EXPECT_EQ(label_of(*again->unfinished()), "b");
  EXPECT_EQ(again->afterwork().size(), 1u);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace ashlar::state
