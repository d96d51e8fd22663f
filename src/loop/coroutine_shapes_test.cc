// The shapes of coroutine code that compilers have got wrong (destroyed twice, or not at all). Each counts what it makes and
// what is destroyed; under the sanitizers a frame used after its end is seen too. New code may use these and no others
// without a second thought.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "loop/bare_loop.h"

namespace ashlar::loop {
namespace {

using test::BareLoop;
using test::finish;

/// Alive instances; a double destruction makes it negative.
int alive = 0;

struct Counted {
  std::string text = "longer than the small string buffer, so that it owns memory";
  Counted() { ++alive; }
  explicit Counted(std::string given) : text(std::move(given)) { ++alive; }
  Counted(const Counted& other) : text(other.text) { ++alive; }
  Counted(Counted&& other) noexcept : text(std::move(other.text)) { ++alive; }
  Counted& operator=(const Counted&) = default;
  Counted& operator=(Counted&&) = default;
  ~Counted() { --alive; }
};

struct Aggregate {
  Counted member;
  int number = 0;
};

/// Suspends once, through the ready list.
Task<void> pause() {
  Event event;
  event.set();
  event.reset();
  class Wake final : public Ready {
   public:
    explicit Wake(Event& target) : target_(target) {}
    void run() override { target_.set(); }

   private:
    Event& target_;
  };
  Wake wake(event);
  post_to_current(wake);
  co_await event;
}

Task<size_t> take_value(Counted counted) {
  co_await pause();
  co_return counted.text.size();
}
Task<size_t> take_reference(const Counted& counted) {
  co_await pause();
  co_return counted.text.size();
}
Task<size_t> take_aggregate(Aggregate aggregate) {
  co_await pause();
  co_return aggregate.member.text.size() + static_cast<size_t>(aggregate.number);
}
Task<size_t> take_function(std::function<size_t()> function) {
  co_await pause();
  co_return function();
}
Task<Counted> give_counted() {
  co_await pause();
  co_return Counted{};
}
Task<std::vector<Counted>> give_vector() {
  co_await pause();
  co_return std::vector<Counted>(3);
}
Task<Result<Counted>> give_result(bool well) {
  co_await pause();
  if (!well) co_return fail(ErrorCode::io_error, "there", "broken");
  co_return Counted{};
}

class CoroutineShapes : public testing::Test {
 protected:
  void SetUp() override { alive = 0; }
  void TearDown() override { EXPECT_EQ(alive, 0) << "something was destroyed twice or never"; }
  BareLoop loop_;
};

const size_t length = Counted().text.size();

#define SHAPE(name, body)                                           \
  Task<size_t> shape_##name(){body} TEST_F(CoroutineShapes, name) { \
    EXPECT_EQ(finish(loop_, shape_##name()), length);               \
  }                                                                 \
  static_assert(true)

SHAPE(ConstructorTemporary, co_return co_await take_value(Counted()););
SHAPE(TemporaryBoundToReference, co_return co_await take_reference(Counted()););
SHAPE(NamedThenMoved, Counted counted; co_return co_await take_value(std::move(counted)););
SHAPE(NamedThenCopied, const Counted counted; co_return co_await take_value(counted););
SHAPE(NamedAggregate, Aggregate aggregate{.number = 0};
      co_return co_await take_aggregate(std::move(aggregate)););
SHAPE(
    NamedLambda, const Counted counted; auto work = [counted] { return counted.text.size(); };
    co_return co_await take_function(std::move(work)););
SHAPE(TaskOnItsOwnLine, Aggregate aggregate; Task<size_t> task = take_aggregate(std::move(aggregate));
      co_return co_await task;);
SHAPE(ValueInInitializer, const Counted counted = co_await give_counted(); co_return counted.text.size(););
SHAPE(ValueInExpression, co_return (co_await give_counted()).text.size(););
SHAPE(ValueAsArgument, co_return co_await take_value(co_await give_counted()););
SHAPE(IfWithInitializer, if (const auto result = co_await give_result(true)) co_return result->text.size();
      co_return 0;);
SHAPE(ConditionalOperator, const bool yes = alive == 0;
      const Counted counted = yes ? co_await give_counted() : Counted("no"); co_return counted.text.size(););
SHAPE(TwoInOneExpression, co_return (co_await give_counted()).text.size() / 2 +
                              (co_await give_counted()).text.size() - length / 2;);
SHAPE(
    RangeFor, const std::vector<Counted> all = co_await give_vector(); size_t sum = 0;
    for (const Counted& one : all) {
      co_await pause();
      sum += one.text.size();
    } co_return sum /
    3;);
SHAPE(
    EarlyReturnFromLoop, for (int i = 0;; ++i) {
      const Counted local;
      co_await pause();
      if (i == 3) co_return local.text.size();
    });
SHAPE(UniquePointerAcross, const auto owned = std::make_unique<Counted>(); co_await pause();
      co_return owned->text.size(););
SHAPE(SharedPointerArgument, const auto shared = std::make_shared<Counted>();
      co_return co_await take_reference(*shared););
SHAPE(ErrorPath, const Result<Counted> failed = co_await give_result(false); co_return failed ? 0 : length;);
SHAPE(
    TryAssign, auto got = co_await give_result(true);
    const auto size_of = [](Result<Counted> result) -> Result<size_t> {
      TRY_ASSIGN(const Counted counted, std::move(result));
      return counted.text.size();
    };
    co_return size_of(std::move(got)).value_or(0););
SHAPE(ParametersDieAfterTheBody, Task<size_t> first = take_value(Counted());
      Task<size_t> second = take_value(Counted()); const size_t a = co_await first;
      const size_t b = co_await second; co_return (a + b) / 2;);

struct Witness {
  std::string& order;
  char name;
  ~Witness() { order += name; }
};

Task<void> destroys_in_order(std::string& order) {
  const Witness a{order, 'a'};
  const Witness b{order, 'b'};
  co_await pause();
  {
    const Witness c{order, 'c'};
    co_await pause();
  }
  order += '-';
}

TEST_F(CoroutineShapes, LocalsDieInReverseOrder) {
  std::string order;
  finish(loop_, destroys_in_order(order));
  EXPECT_EQ(order, "c-ba");
}

Task<int> one_at_once() { co_return 1; }

Task<int> one_later() {
  co_await pause();
  co_return 1;
}

Task<int> count_to(int limit, bool suspending) {
  int count = 0;
  while (count < limit) count += suspending ? co_await one_later() : co_await one_at_once();
  co_return count;
}

// A million turns must not grow the stack: neither when the awaited task is done already, nor when it suspends.
TEST_F(CoroutineShapes, MillionAwaitsOfFinishedTasks) {
  EXPECT_EQ(finish(loop_, count_to(1'000'000, false)), 1'000'000);
}
TEST_F(CoroutineShapes, MillionAwaitsOfSuspendedTasks) {
  EXPECT_EQ(finish(loop_, count_to(1'000'000, true)), 1'000'000);
}

Task<int> deep(int levels) {
  if (levels == 0) {
    co_await pause();
    co_return 0;
  }
  const int below = co_await deep(levels - 1);
  co_return below + 1;
}

// Coming back through many levels goes by the ready list, one frame at a time. (Going down is ordinary recursion.)
TEST_F(CoroutineShapes, DeepChainReturnsWithoutRecursion) { EXPECT_EQ(finish(loop_, deep(1000)), 1000); }

}  // namespace
}  // namespace ashlar::loop
