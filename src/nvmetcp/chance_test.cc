// Scripts of chance, the same ones each time.
#include <gtest/gtest.h>

#include <random>

#include "nvmetcp/entry_script_test.h"
#include "nvmetcp/script_test.h"

namespace ashlar::nvmetcp::test {
namespace {

TEST(NvmeTcpChance, AHostileHostLeavesNothing) {
  set_log_level(LogLevel::error);
  {
    Array array(2);
    std::mt19937 random(5);
    for (int round = 0; round < 150; ++round) {
      std::vector<uint8_t> script(random() % 1200 + 1);
      for (uint8_t& byte : script) byte = static_cast<uint8_t>(random());
      play_and_check(array, script);
    }
  }
  set_log_level(LogLevel::info);
}

TEST(NvmeTcpChance, AnyEntriesAreAnswered) {
  set_log_level(LogLevel::error);
  {
    Array array(2);
    std::mt19937 random(6);
    for (int round = 0; round < 150; ++round) {
      std::vector<uint8_t> script(random() % 2000 + 1);
      for (uint8_t& byte : script) byte = static_cast<uint8_t>(random());
      play_entries_and_check(array, script);
    }
  }
  set_log_level(LogLevel::info);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
