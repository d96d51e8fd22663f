#include "load/options.h"

#include <gtest/gtest.h>

namespace ashlar::load {
namespace {

constexpr const char* nvme_url = "nvme-tcp://127.0.0.1/nqn.2026-11.io.ashlar:demo/1";

ParsedOptions parse(std::vector<const char*> words) {
  words.insert(words.begin(), "ashlar-bench");
  return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(BenchOptions, WhatIsNotSaid) {
  const auto parsed = parse({nvme_url});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(parsed.options->url.text(), "nvme-tcp://127.0.0.1:4420/nqn.2026-11.io.ashlar:demo/1");
  EXPECT_EQ(pattern_name(*parsed.options), "randread");
  EXPECT_EQ(parsed.options->block_bytes, 4096u);
  EXPECT_EQ(parsed.options->in_flight(), 1u);
  EXPECT_FALSE(parsed.options->spin);
}

TEST(BenchOptions, FiosWords) {
  const auto parsed = parse({nvme_url, "--rw=randrw", "--rwmixread=70", "--bs=128k", "--iodepth=32",
                             "--connections", "4", "--rate=1000", "--runtime=2.5", "--size=1g", "--offset=1m",
                             "--digests=both", "--spin", "--json", "--overwrite"});
  ASSERT_TRUE(parsed.options);
  EXPECT_EQ(pattern_name(*parsed.options), "randrw");
  EXPECT_EQ(parsed.options->read_percent, 70u);
  EXPECT_EQ(parsed.options->block_bytes, 131072u);
  EXPECT_EQ(parsed.options->in_flight(), 128u);
  EXPECT_EQ(parsed.options->rate, 1000u);
  EXPECT_EQ(parsed.options->runtime_seconds, 2.5);
  EXPECT_EQ(parsed.options->size_bytes, 1u << 30);
  EXPECT_EQ(parsed.options->offset_bytes, 1u << 20);
  EXPECT_TRUE(parsed.options->header_digest && parsed.options->data_digest);
}

TEST(BenchOptions, WhatDoesNotFitIsRefused) {
  const std::vector<std::vector<const char*>> lines = {
      {},
      {"nvme-tcp://127.0.0.1"},
      {nvme_url, "--rw=trim"},
      {nvme_url, "--bs=1000"},
      {nvme_url, "--bs=32m"},
      {nvme_url, "--iodepth=0"},
      {nvme_url, "--rwmixread=101"},
      {nvme_url, "--once"},
      {nvme_url, "--verify=/tmp/j"},
      {"iscsi://me@127.0.0.1/iqn.x/0"},
      {nvme_url, "--rw=write"},
      {nvme_url, "--rw=randwrite"},
      {nvme_url, "--rw=rw"},
      {nvme_url, "--rw=randrw", "--verify=/tmp/j"},
      {nvme_url, "--verify-only=/nowhere/at/all"},
      {nvme_url, "--spin", "--wait"},
  };
  for (const auto& line : lines) {
    const auto parsed = parse(line);
    EXPECT_FALSE(parsed.options) << (line.empty() ? "" : line.back());
    EXPECT_EQ(parsed.exit_code, 1);
  }
  EXPECT_EQ(parse({"--help"}).exit_code, 0);
  EXPECT_TRUE(parse({nvme_url, "--rw=randwrite", "--overwrite"}).options);
  EXPECT_TRUE(parse({nvme_url, "--rw=randrw", "--rwmixread=100"}).options) << "nothing is written";
}

}  // namespace
}  // namespace ashlar::load
