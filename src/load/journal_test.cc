#include "load/journal.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace ashlar::load {
namespace {

class JournalTest : public testing::Test {
 protected:
  ~JournalTest() override { std::filesystem::remove(path); }
  const std::string path = testing::TempDir() + "ashlar-journal-" + std::to_string(getpid());
  const Journal::Header header{"iscsi://127.0.0.1:3260/iqn.2026-11.io.ashlar:demo/0", 4096, 8192, 1 << 20, 7};
};

TEST_F(JournalTest, TheLastWriteOfAPlaceCounts) {
  {
    auto journal = Journal::create(path, header);
    ASSERT_TRUE(journal) << journal.error().text();
    (*journal)->acknowledge(3, 1);
    (*journal)->acknowledge(255, 2);
    (*journal)->acknowledge(3, 9);
    EXPECT_TRUE((*journal)->flush());
  }
  const auto again = Journal::read_header(path);
  ASSERT_TRUE(again);
  EXPECT_EQ(again->url, header.url);
  EXPECT_EQ(again->block_bytes, 4096u);
  EXPECT_EQ(again->offset_bytes, 8192u);
  EXPECT_EQ(again->size_bytes, 1u << 20);
  EXPECT_EQ(again->seed, 7u);
  auto generations = Journal::read(path);
  ASSERT_TRUE(generations);
  ASSERT_EQ(generations->size(), 256u);
  EXPECT_EQ((*generations)[3], 9u);
  EXPECT_EQ((*generations)[255], 2u);
  EXPECT_EQ((*generations)[0], 0u);
  // A record that is cut short was never promised.
  std::filesystem::resize_file(path, std::filesystem::file_size(path) - 1);
  generations = Journal::read(path);
  ASSERT_TRUE(generations);
  EXPECT_EQ((*generations)[3], 1u);
}

TEST_F(JournalTest, NothingIsWrittenOver) {
  ASSERT_TRUE(Journal::create(path, header));
  const auto second = Journal::create(path, header);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::already_exists);
}

TEST_F(JournalTest, OtherFilesAreRefused) {
  EXPECT_EQ(Journal::read(path).error().code, ErrorCode::not_found);
  for (const char* text :
       {"", "x\n", "{}\n", "{\"ashlar_bench_journal\":2}\n",
        "{\"ashlar_bench_journal\":1,\"url\":\"u\",\"block_bytes\":0,\"size_bytes\":1}\n",
        "{\"ashlar_bench_journal\":1,\"url\":\"u\",\"block_bytes\":512,\"size_bytes\":99999999999999}\n"}) {
    std::ofstream(path, std::ios::trunc) << text;
    const auto read = Journal::read(path);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().place, path);
  }
  std::ofstream(path, std::ios::trunc)
      << "{\"ashlar_bench_journal\":1,\"url\":\"u\",\"block_bytes\":512,\"size_bytes\":1024}\n"
      << std::string(16, '\x02');
  EXPECT_FALSE(Journal::read(path));
}

TEST(VerifiedBlock, SaysWhatItIs) {
  for (const size_t bytes : {512u, 4096u}) {
    std::vector<uint8_t> block(bytes);
    fill_block(block, 7, 1234, 99);
    EXPECT_EQ(generation_of(block, 7, 1234), 99u);
    EXPECT_EQ(generation_of(block, 8, 1234), 0u);
    EXPECT_EQ(generation_of(block, 7, 1235), 0u);
    for (size_t at = 0; at < bytes; at += 61) {
      std::vector<uint8_t> bent = block;
      bent[at] ^= 0x10;
      EXPECT_EQ(generation_of(bent, 7, 1234), 0u) << at;
    }
    EXPECT_EQ(generation_of(std::vector<uint8_t>(bytes), 7, 1234), 0u);
  }
}

}  // namespace
}  // namespace ashlar::load
