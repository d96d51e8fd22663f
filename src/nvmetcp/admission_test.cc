// What strangers may cost: connections whose hosts have not said Connect.
#include <gtest/gtest.h>

#include <algorithm>

#include "nvmetcp/raw_host_test.h"

namespace ashlar::nvmetcp::test {
namespace {

// Raw hosts, each at the array's door from an address of its own choice; hung up on the loop that they live on.
class Crowd {
 public:
  explicit Crowd(Array& array) : array_(array) {}
  ~Crowd() {
    for (auto& [process, host] : hosts_) process->loop(0).enter([&host] { host.reset(); });
  }
  RawHost& comes_from(loop::SimProcess& process) {
    hosts_.emplace_back(&process, run_story(process.loop(0), knock));
    array_.world.run_for(loop::milliseconds(10));
    return *hosts_.back().second;
  }

 private:
  static Task<std::unique_ptr<RawHost>> knock() {
    auto connecting = loop::Loop::current().connect(endpoint, loop::seconds(1));
    auto stream = co_await connecting;
    CHECK(stream.has_value(), "{}", stream.error().text());
    co_return std::make_unique<RawHost>(std::move(*stream));
  }
  Array& array_;
  std::vector<std::pair<loop::SimProcess*, std::unique_ptr<RawHost>>> hosts_;
};

Task<bool> reads(Array* array) {
  auto attaching = attach(array->options());
  const auto controller = co_await attaching;
  auto reading = read_blocks(controller->io(), 0, 1);
  const auto data = co_await reading;
  co_return data.size() == 512;
}

TEST(NvmeAdmission, TheBusiestSourceMakesRoom) {
  Array array;
  array.settings.most_half_open = 10;
  array.publish(array.directory());
  loop::SimProcess& other = array.world.add_process("other-host", 1, Array::sizes);
  Crowd crowd(array);
  RawHost& honest = crowd.comes_from(other);
  const RawHost& first = crowd.comes_from(array.host);
  for (int i = 0; i < 30; ++i) crowd.comes_from(array.host);
  EXPECT_EQ(array.servers[0]->impl().half_open, 10u);
  EXPECT_TRUE(first.ended);
  EXPECT_FALSE(honest.ended) << "the oldest of all, but not of the flood";
  other.loop(0).enter([&] { honest.send(initialization()); });
  array.world.run_for(loop::milliseconds(10));
  EXPECT_EQ(honest.received.size(), wire::nvme::most_header_bytes) << "it was answered";
  EXPECT_TRUE(run_story(other.loop(0), reads, &array)) << "others come in beside the flood";
}

TEST(NvmeAdmission, ASourceHasItsBound) {
  Array array;
  array.settings.most_half_open_per_source = 4;
  array.publish(array.directory());
  loop::SimProcess& other = array.world.add_process("other-host", 1, Array::sizes);
  Crowd crowd(array);
  const RawHost& honest = crowd.comes_from(other);
  for (int i = 0; i < 20; ++i) crowd.comes_from(array.host);
  EXPECT_EQ(array.servers[0]->impl().half_open, 4u + 1u);
  EXPECT_FALSE(honest.ended);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(crowd.comes_from(other).ended) << "others have theirs";
  EXPECT_EQ(array.servers[0]->impl().half_open, 4u + 4u);
}

TEST(NvmeAdmission, AFloodDoesNotTouchQueuesThatAreThere) {
  Array array;
  EXPECT_LT(array.settings.most_half_open_per_source, array.settings.most_half_open)
      << "one address is not all";
  array.run([](Array* the_array) -> Task<void> {
    const nvme::Settings& settings = the_array->settings;
    auto attaching = attach(the_array->options());
    const auto controller = co_await attaching;
    std::vector<std::unique_ptr<RawHost>> flood;
    for (uint32_t i = 0; i < settings.most_half_open + 100; ++i) {
      auto connecting = loop::Loop::current().connect(endpoint, loop::seconds(1));
      auto stream = co_await connecting;
      flood.push_back(std::make_unique<RawHost>(std::move(*stream)));
    }
    EXPECT_EQ(the_array->connections(), 2u + settings.most_half_open_per_source);
    auto reading = read_blocks(controller->io(), 0, 1);
    const auto data = co_await reading;
    EXPECT_EQ(data.size(), 512u);
    co_await loop::sleep_for(loop::seconds(settings.connect_timeout_seconds + 1));
    EXPECT_EQ(the_array->connections(), 2u) << "what is left of it goes with the deadline";
    EXPECT_EQ(the_array->servers[0]->impl().half_open, 0u);
    EXPECT_EQ(the_array->servers[0]->impl().sources.size(), 0u);
  });
}

// A host that opens the connections of all I/O queues, and says ICReq on each, before the first says Connect.
TEST(NvmeAdmission, AHostMayOpenAllQueuesOfAControllerAtOnce) {
  constexpr uint32_t most_io_queues = 256;
  Array array;
  Crowd crowd(array);
  std::vector<RawHost*> queues;
  queues.reserve(most_io_queues);
  for (uint32_t i = 0; i < most_io_queues; ++i) queues.push_back(&crowd.comes_from(array.host));
  EXPECT_TRUE(std::ranges::none_of(queues, &RawHost::ended));
  EXPECT_EQ(array.servers[0]->impl().half_open, most_io_queues);
}

}  // namespace
}  // namespace ashlar::nvmetcp::test
