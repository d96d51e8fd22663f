#include "http/worker_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <latch>
#include <stdexcept>

#include "base/log.h"

namespace ashlar::http {
namespace {

TEST(WorkerPool, RunsWhatWaitsBeforeItEnds) {
  std::atomic<int> done = 0;
  WorkerPool pool(3, 1000);
  for (int job = 0; job < 200; ++job) EXPECT_TRUE(pool.submit([&] { ++done; }));
  pool.stop();
  EXPECT_EQ(done, 200);
  EXPECT_FALSE(pool.submit([&] { ++done; }));
  pool.stop();
  EXPECT_EQ(done, 200);
}

TEST(WorkerPool, IsBounded) {
  std::latch started(1);
  std::latch go_on(1);
  WorkerPool pool(1, 2);
  EXPECT_TRUE(pool.submit([&] {
    started.count_down();
    go_on.wait();
  }));
  started.wait();
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_TRUE(pool.submit([] {}));
  EXPECT_FALSE(pool.submit([] {}));
  go_on.count_down();
}

TEST(WorkerPool, SurvivesWhatAJobThrows) {
  set_log_level(LogLevel::error);
  set_log_sink([](LogLevel, std::string_view, std::string_view) {});
  std::atomic<int> done = 0;
  {
    WorkerPool pool(1, 10);
    EXPECT_TRUE(pool.submit([] { throw std::runtime_error("no"); }));
    EXPECT_TRUE(pool.submit([] { throw 7; }));
    EXPECT_TRUE(pool.submit([&] { ++done; }));
  }
  set_log_sink(nullptr);
  set_log_level(LogLevel::info);
  EXPECT_EQ(done, 1);
}

}  // namespace
}  // namespace ashlar::http
