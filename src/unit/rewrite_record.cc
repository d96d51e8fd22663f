#include "unit/rewrite_record.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace ashlar::unit {
namespace {

// What a unit is after a failure, as words that stay what they are.
constexpr std::pair<Rewriting::Phase, std::string_view> failures[] = {
    {Rewriting::Phase::sanitize_failed, "sanitize_failed"},
    {Rewriting::Phase::sanitize_failed_restricted, "sanitize_failed_restricted"},
    {Rewriting::Phase::format_corrupt, "format_corrupt"}};

// Stands before the word of a sanitize that erases the key: the next engine ends it.
constexpr std::string_view erasing_key = "erasing_key, ";
// Of one that ended well; behind it action, passes and three bits.
constexpr std::string_view sanitized_word = "sanitized";

// False: they are not three small numbers.
bool read_numbers(std::string_view text, std::array<uint8_t, 3>& numbers) {
  for (uint8_t& each : numbers) {
    if (!text.starts_with(' ')) return false;
    text.remove_prefix(1);
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), each);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
  }
  return text.empty();
}

bool read_sanitized(std::string_view text, SanitizeRecord& record) {
  std::array<uint8_t, 3> numbers{};
  if (!text.starts_with(sanitized_word) || !read_numbers(text.substr(sanitized_word.size()), numbers))
    return false;
  record.outcome = SanitizeOutcome::succeeded;
  record.action = static_cast<SanitizeAction>(numbers[0]);
  record.passes = record.passes_done = numbers[1];
  put_flags(record, numbers[2]);
  return true;
}

}  // namespace

uint8_t flags_of(const SanitizeRecord& record) {
  return static_cast<uint8_t>((record.invert ? 1 : 0) | (record.unrestricted_exit ? 2 : 0) |
                              (record.keeps_allocation ? 4 : 0));
}

void put_flags(SanitizeRecord& record, uint8_t flags) {
  record.invert = (flags & 1) != 0;
  record.unrestricted_exit = (flags & 2) != 0;
  record.keeps_allocation = (flags & 4) != 0;
}

std::string_view word_of(Rewriting::Phase phase) {
  const auto found = std::ranges::find(failures, phase, [](const auto& each) { return each.first; });
  return found == std::end(failures) ? "" : found->second;
}

std::string record_of_beginning(Rewriting::Phase after_failure, bool erases_key) {
  return fmt::format("{}{}", erases_key ? erasing_key : "", word_of(after_failure));
}

std::string record_of_end(const SanitizeRecord& sanitized) {
  if (sanitized.outcome != SanitizeOutcome::succeeded) return "";
  return fmt::format("{} {} {} {}", sanitized_word, static_cast<unsigned>(sanitized.action), sanitized.passes,
                     flags_of(sanitized));
}

RecalledRewrite parse_rewrite_record(std::string_view text) {
  RecalledRewrite recalled;
  text = text.substr(0, text.find('\n'));
  if (text.empty() || read_sanitized(text, recalled.sanitized)) return recalled;
  recalled.erases_key = text.starts_with(erasing_key);
  if (recalled.erases_key) text.remove_prefix(erasing_key.size());
  const auto found = std::ranges::find(failures, text, [](const auto& each) { return each.second; });
  recalled.phase = found == std::end(failures) ? Rewriting::Phase::sanitize_failed : found->first;
  if (recalled.phase != Rewriting::Phase::format_corrupt)
    recalled.sanitized.outcome = SanitizeOutcome::failed;
  return recalled;
}

}  // namespace ashlar::unit
