#include "json/sizes.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace ashlar::json {
namespace {

struct Unit {
  std::string_view name;
  uint64_t bytes;
};
constexpr std::array<Unit, 5> binary_units = {{{"KiB", 1ull << 10},
                                               {"MiB", 1ull << 20},
                                               {"GiB", 1ull << 30},
                                               {"TiB", 1ull << 40},
                                               {"PiB", 1ull << 50}}};
constexpr std::array<Unit, 6> decimal_units = {{{"kB", 1000ull},
                                                {"KB", 1000ull},
                                                {"MB", 1000'000ull},
                                                {"GB", 1000'000'000ull},
                                                {"TB", 1000'000'000'000ull},
                                                {"PB", 1000'000'000'000'000ull}}};

uint64_t bytes_of_unit(std::string_view name) {
  if (name.empty() || name == "B") return 1;
  for (const Unit& unit : binary_units) {
    if (unit.name == name) return unit.bytes;
  }
  for (const Unit& unit : decimal_units) {
    if (unit.name == name) return unit.bytes;
  }
  return 0;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text, std::string_view place) {
  const auto trim_front = [](std::string_view& view) {
    while (!view.empty() && view.front() == ' ') view.remove_prefix(1);
  };
  std::string_view rest = text;
  trim_front(rest);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
  if (problem == std::errc::result_out_of_range) {
    return fail(ErrorCode::out_of_range, std::string(place), "'{}' is more than 64 bits can count", text);
  }
  if (problem != std::errc()) {
    return fail(ErrorCode::invalid_argument, std::string(place),
                "'{}' is not a size; write for example 10GiB or a number of bytes", text);
  }
  rest.remove_prefix(static_cast<size_t>(end - rest.data()));
  trim_front(rest);
  const uint64_t unit = bytes_of_unit(rest);
  if (unit == 0) {
    if (rest.starts_with('.')) {
      return fail(ErrorCode::invalid_argument, std::string(place),
                  "'{}': only whole numbers; write 1536MiB for 1.5GiB", text);
    }
    return fail(ErrorCode::invalid_argument, std::string(place),
                "'{}': unit '{}' is not known; use KiB MiB GiB TiB PiB (x 1024) or kB MB GB TB PB (x 1000)",
                text, rest);
  }
  if (number > UINT64_MAX / unit) {
    return fail(ErrorCode::out_of_range, std::string(place), "'{}' is more than 64 bits can count", text);
  }
  return number * unit;
}

std::string print_size(uint64_t bytes) {
  const Unit* best = nullptr;
  for (const Unit& unit : binary_units) {
    if (bytes != 0 && bytes % unit.bytes == 0) best = &unit;
  }
  return best == nullptr ? fmt::format("{} B", bytes) : fmt::format("{} {}", bytes / best->bytes, best->name);
}

std::string print_size_rounded(uint64_t bytes) {
  const Unit* best = nullptr;
  for (const Unit& unit : binary_units) {
    if (bytes >= unit.bytes) best = &unit;
  }
  if (best == nullptr) return fmt::format("{} B", bytes);
  if (bytes % best->bytes == 0) return fmt::format("{} {}", bytes / best->bytes, best->name);
  const double value = static_cast<double>(bytes) / static_cast<double>(best->bytes);
  return value < 100 ? fmt::format("{:.1f} {}", value, best->name)
                     : fmt::format("{:.0f} {}", value, best->name);
}

}  // namespace ashlar::json
