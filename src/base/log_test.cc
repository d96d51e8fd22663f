#include "base/log.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace ashlar {
namespace {

constexpr uint64_t second = 1'000'000'000;

TEST(LogLimiter, AllowsABurstThenCounts) {
  LogLimiter limiter(2, 10 * second);
  EXPECT_TRUE(limiter.allow(100 * second));
  EXPECT_TRUE(limiter.allow(101 * second));
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(limiter.allow(102 * second));
  EXPECT_FALSE(limiter.allow(110 * second - 1));
  EXPECT_TRUE(limiter.allow(110 * second));
  EXPECT_EQ(limiter.suppressed(), 6u) << "told once, with the next line";
  EXPECT_TRUE(limiter.allow(111 * second));
  EXPECT_EQ(limiter.suppressed(), 0u);
}

TEST(LogLimiter, TheFirstLineIsAlwaysAllowed) {
  LogLimiter limiter(1, 10 * second);
  EXPECT_TRUE(limiter.allow(0));
  EXPECT_EQ(limiter.suppressed(), 0u);
  EXPECT_FALSE(limiter.allow(1));
}

TEST(LogLimiter, ABurstOfNoneIsSilence) {
  LogLimiter limiter(0, second);
  for (uint64_t i = 0; i < 5; ++i) EXPECT_FALSE(limiter.allow(i * second));
}

std::vector<std::string> lines;
void keep(LogLevel level, std::string_view component, std::string_view line) {
  lines.push_back(fmt::format("{} {}: {}", static_cast<int>(level), component, line));
}

TEST(Log, FormatsAndFilters) {
  lines.clear();
  set_log_sink(&keep);
  set_log_level(LogLevel::warning);
  EXPECT_FALSE(log_enabled(LogLevel::info));
  log_info("test", "not {}", "seen");
  log_warning("test", "seen {}", 1);
  log_error("test", "no braces");
  set_log_level(LogLevel::info);
  log_info("test", "{{}} {}", "seen too");
  log_debug("test", "not seen");
  set_log_sink(nullptr);
  EXPECT_EQ(lines, (std::vector<std::string>{"2 test: seen 1", "3 test: no braces", "1 test: {} seen too"}));
}

}  // namespace
}  // namespace ashlar
