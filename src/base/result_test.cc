#include "base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>

#include "base/check.h"

namespace ashlar {
namespace {

Result<int> half_of(int number) {
  if (number % 2 != 0) return fail(ErrorCode::invalid_argument, "number", "{} is odd", number);
  return number / 2;
}

Result<int> quarter_of(int number) {
  TRY_ASSIGN(const int half, half_of(number));
  TRY_ASSIGN(const int quarter, half_of(half));
  return quarter;
}

Result<void> is_even(int number, int& reached) {
  TRY(half_of(number));
  ++reached;
  return {};
}

Result<std::unique_ptr<int>> move_only(bool well) {
  TRY_ASSIGN(std::unique_ptr<int> value, well ? Result<std::unique_ptr<int>>(std::make_unique<int>(3))
                                              : fail(ErrorCode::exhausted, "pool", "empty"));
  return value;
}

TEST(Result, TryGivesTheValueOrLeaves) {
  EXPECT_EQ(*quarter_of(12), 3);
  const Result<int> failed = quarter_of(6);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(failed.error().text(), "number: 3 is odd (invalid_argument)");
  int reached = 0;
  EXPECT_TRUE(is_even(2, reached));
  EXPECT_FALSE(is_even(3, reached));
  EXPECT_EQ(reached, 1);
  EXPECT_EQ(**move_only(true), 3);
  EXPECT_EQ(move_only(false).error().code, ErrorCode::exhausted);
}

TEST(Result, EvaluatesItsExpressionOnce) {
  int calls = 0;
  const auto count = [&calls]() -> Result<int> { return ++calls; };
  const auto outer = [&]() -> Result<void> {
    TRY(count());
    TRY_ASSIGN([[maybe_unused]] const int value, count());
    return {};
  };
  EXPECT_TRUE(outer());
  EXPECT_EQ(calls, 2);
}

TEST(Error, WithoutAPlaceSaysOnlyWhat) {
  EXPECT_EQ((Error{ErrorCode::timed_out, "", "no answer"}.text()), "no answer (timed_out)");
}

TEST(Error, OfErrnoIsClassified) {
  const std::pair<int, ErrorCode> cases[] = {{ENOENT, ErrorCode::not_found},
                                             {EEXIST, ErrorCode::already_exists},
                                             {EBUSY, ErrorCode::busy},
                                             {EACCES, ErrorCode::permission_denied},
                                             {EINVAL, ErrorCode::invalid_argument},
                                             {EOPNOTSUPP, ErrorCode::unsupported},
                                             {EMFILE, ErrorCode::exhausted},
                                             {ENOSPC, ErrorCode::no_space},
                                             {ETIMEDOUT, ErrorCode::timed_out},
                                             {ECANCELED, ErrorCode::aborted},
                                             {ECONNRESET, ErrorCode::closed},
                                             {EIO, ErrorCode::io_error},
                                             {EREMOTEIO, ErrorCode::io_error}};
  for (const auto& [number, code] : cases) EXPECT_EQ(error_of_errno(number, "p", "w").code, code) << number;
  EXPECT_EQ(error_of_errno(ENOENT, "/x", "cannot open").text(),
            "/x: cannot open: No such file or directory (not_found)");
}

TEST(Error, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::closed); ++code)
    names.insert(name_of(static_cast<ErrorCode>(code)));
  EXPECT_EQ(names.size(), static_cast<size_t>(ErrorCode::closed) + 1);
  EXPECT_FALSE(names.contains("unknown"));
}

TEST(CheckDeathTest, NamesConditionPlaceAndMessage) {
  EXPECT_DEATH(CHECK(1 + 1 == 3), "CHECK failed: 1 \\+ 1 == 3 at .*result_test.cc:[0-9]+");
  EXPECT_DEATH(CHECK(false, "offset {} of {}", 5, 4), "offset 5 of 4");
  CHECK(true, "not evaluated");
}

}  // namespace
}  // namespace ashlar
