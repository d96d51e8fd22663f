#include "loop/ring.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <string>
#include <thread>

namespace ashlar::loop {
namespace {

class TestOperation final : public RingOperation {
 public:
  explicit TestOperation(std::function<void(io_uring_sqe&)> fill) : fill_(std::move(fill)) {}
  void prepare(io_uring_sqe& entry) override { fill_(entry); }
  void completed(int32_t value, bool more) override {
    result = value;
    ++(more ? mores : ends);
  }
  int32_t result = 0;
  int mores = 0;
  int ends = 0;

 private:
  std::function<void(io_uring_sqe&)> fill_;
};

/// The bell of a thing that never, or at our word, becomes readable.
class Bell {
 public:
  Bell() : descriptor_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;
  ~Bell() { ::close(descriptor_); }
  int get() const { return descriptor_; }
  void ring() const {
    const uint64_t one = 1;
    EXPECT_EQ(::write(descriptor_, &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }

 private:
  int descriptor_;
};

class RingTest : public testing::TestWithParam<bool> {
 protected:
  void open(uint32_t entries) {
    const Result<void> opened = ring_.open(entries, GetParam());
    ASSERT_TRUE(opened) << opened.error().text();
  }
  void run_to_end() {
    while (ring_.in_flight() > 0) {
      ring_.submit_and_wait(Nanoseconds::max());
      ring_.reap();
    }
  }
  Ring ring_;
};

INSTANTIATE_TEST_SUITE_P(Kernels, RingTest, testing::Bool(),
                         [](const auto& info) { return std::string(info.param ? "newest" : "old"); });

// A ring that is not enabled takes nothing: what finds its queue full must wait, and not be lost.
TEST_P(RingTest, WhatFindsTheQueueFullWaits) {
  open(8);
  std::deque<TestOperation> operations;
  for (int i = 0; i < 100; ++i) {
    operations.emplace_back([](io_uring_sqe& entry) { io_uring_prep_nop(&entry); });
    ring_.start(operations.back());
  }
  EXPECT_EQ(ring_.in_flight(), 100u);
  ASSERT_TRUE(ring_.enable());
  run_to_end();
  for (const TestOperation& operation : operations) EXPECT_EQ(operation.ends, 1);
}

TEST_P(RingTest, WhatWaitsMayBeCancelled) {
  open(8);
  const Bell bell;
  std::deque<TestOperation> operations;
  for (int i = 0; i < 30; ++i) {
    operations.emplace_back(
        [&bell](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, bell.get(), POLLIN); });
    ring_.start(operations.back());
  }
  for (TestOperation& operation : operations) ring_.cancel(operation);
  ASSERT_TRUE(ring_.enable());
  run_to_end();
  for (const TestOperation& operation : operations) {
    EXPECT_EQ(operation.ends, 1);
    EXPECT_EQ(operation.result, -ECANCELED);
  }
}

TEST_P(RingTest, MultishotSaysThatMoreComes) {
  open(8);
  ASSERT_TRUE(ring_.enable());
  if (!ring_.features().multishot_poll) return;  // as if the kernel were old
  const Bell bell;
  TestOperation operation(
      [&bell](io_uring_sqe& entry) { io_uring_prep_poll_multishot(&entry, bell.get(), POLLIN); });
  ring_.start(operation);
  for (int i = 1; i <= 3; ++i) {
    ring_.submit();
    bell.ring();
    ring_.submit_and_wait(Nanoseconds::max());
    EXPECT_EQ(ring_.reap(), 1u);
    EXPECT_EQ(operation.mores, i);
  }
  EXPECT_EQ(ring_.in_flight(), 1u);
  ring_.cancel(operation);
  run_to_end();
  EXPECT_EQ(operation.ends, 1);
}

TEST_P(RingTest, WaitsNoLongerThanAsked) {
  open(8);
  ASSERT_TRUE(ring_.enable());
  ring_.submit_and_wait(milliseconds(1));
  ring_.submit_and_wait(Nanoseconds(1));
  EXPECT_EQ(ring_.reap(), 0u);
  EXPECT_FALSE(ring_.completions_waiting());
}

TEST_P(RingTest, SaysThatCompletionsWait) {
  open(8);
  ASSERT_TRUE(ring_.enable());
  const Bell bell;
  TestOperation operation(
      [&bell](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, bell.get(), POLLIN); });
  ring_.start(operation);
  ring_.submit();
  EXPECT_FALSE(ring_.completions_waiting());
  bell.ring();
  while (!ring_.completions_waiting()) continue;
  EXPECT_EQ(ring_.reap(), 1u);
  EXPECT_EQ(operation.result, POLLIN);
}

TEST_P(RingTest, CancelAllEndsEverything) {
  open(8);
  ASSERT_TRUE(ring_.enable());
  if (!ring_.features().cancel_any) return;  // as if the kernel were old
  const Bell bell;
  std::deque<TestOperation> operations;
  for (int i = 0; i < 5; ++i) {
    operations.emplace_back(
        [&bell](io_uring_sqe& entry) { io_uring_prep_poll_add(&entry, bell.get(), POLLIN); });
    ring_.start(operations.back());
  }
  ring_.cancel_all();
  run_to_end();
  for (const TestOperation& operation : operations) EXPECT_EQ(operation.result, -ECANCELED);
}

/// The kernel's workers of the calling thread.
std::set<std::string> kernel_workers() {
  const std::string ours = fmt::format("iou-wrk-{}", gettid());
  std::set<std::string> threads;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::ifstream file(task.path() / "comm");
    std::string name;
    std::getline(file, name);
    if (name == ours) threads.insert(task.path().filename());
  }
  return threads;
}

/// A ring on a thread that may use one core only, with an operation that a worker must wait for.
void look_at_workers(bool newest) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(static_cast<size_t>(sched_getcpu()), &one);
  ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
  Ring ring;
  ASSERT_TRUE(ring.open(8, newest));
  ASSERT_TRUE(ring.enable());
  EXPECT_FALSE(ring.completions_waiting());
  const Bell bell;
  uint64_t taken = 0;
  TestOperation read([&](io_uring_sqe& entry) {
    io_uring_prep_read(&entry, bell.get(), &taken, sizeof taken, 0);
    entry.flags |= IOSQE_ASYNC;
  });
  ring.start(read);
  ring.submit();
  std::set<std::string> workers = kernel_workers();
  for (int i = 0; i < 5000 && workers.empty(); ++i) {
    usleep(1000);
    workers = kernel_workers();
  }
  EXPECT_FALSE(workers.empty());
  for (const std::string& worker : workers) {
    cpu_set_t allowed;
    if (sched_getaffinity(std::stoi(worker), sizeof allowed, &allowed) != 0) continue;  // it has ended
    EXPECT_TRUE(CPU_EQUAL(&allowed, &one)) << "worker " << worker;
  }
  bell.ring();
  while (ring.in_flight() > 0) {
    ring.submit_and_wait(Nanoseconds::max());
    ring.reap();
  }
  EXPECT_EQ(read.result, static_cast<int32_t>(sizeof taken));
}

// Under `taskset -c 0` the kernel's workers must not run, and wait, on the cores that were kept for others.
TEST_P(RingTest, TheKernelsWorkersStayOnTheCoresOfTheProcess) {
  std::thread(look_at_workers, GetParam()).join();
}

TEST(KernelFeatures, NamesWhatIsMissing) {
  KernelFeatures features;
  EXPECT_NE(features.missing().find("multishot poll (5.13), multishot accept"), std::string::npos);
  features = {.defer_taskrun = true,
              .coop_taskrun = true,
              .taskrun_flag = true,
              .multishot_poll = true,
              .multishot_accept = true,
              .cancel_any = true};
  EXPECT_EQ(features.missing(), "");
}

}  // namespace
}  // namespace ashlar::loop
