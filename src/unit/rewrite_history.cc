#include "unit/rewrite_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "unit/rewrite_record.h"

namespace ashlar::unit {
namespace {

using Kind = RewriteEvent::Kind;
using Step = RewriteEvent::Step;

// As words that stay what they are, in the order of the enumerations.
constexpr std::string_view kind_words[] = {"format", "sanitize"};
constexpr std::string_view step_words[] = {"began", "ended", "failed", "cut_short"};
constexpr char nobody[] = "-";

SanitizeOutcome outcome_of(Step step) {
  switch (step) {
    case Step::began: return SanitizeOutcome::running;
    case Step::ended: return SanitizeOutcome::succeeded;
    case Step::failed:
    case Step::cut_short: return SanitizeOutcome::failed;
  }
  return SanitizeOutcome::failed;
}

// A name is one word of a line, whatever a host calls itself.
std::string one_word(std::string_view name) {
  std::string word(name.empty() ? nobody : name);
  for (char& each : word) {
    if (static_cast<unsigned char>(each) <= ' ' || each == 0x7f) each = '_';
  }
  return word;
}

std::string one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string_view take_word(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

template <typename Number>
bool take_number(std::string_view& text, Number& number) {
  const std::string_view word = take_word(text);
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  return error == std::errc() && end == word.data() + word.size();
}

template <typename Word, size_t count>
bool take_one_of(std::string_view& text, const std::string_view (&words)[count], Word& found) {
  const auto at = std::ranges::find(words, take_word(text));
  if (at == std::end(words)) return false;
  found = static_cast<Word>(at - std::begin(words));
  return true;
}

std::string line_of(const RewriteEvent& event) {
  const SanitizeRecord& record = event.sanitized;
  return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {}", kind_words[static_cast<size_t>(event.kind)],
                     step_words[static_cast<size_t>(event.step)], event.milliseconds,
                     static_cast<unsigned>(record.action), record.passes, record.passes_done,
                     flags_of(record), event.secure_erase, event.pattern, event.progress,
                     one_word(event.asker.initiator), one_word(event.asker.host), one_line(event.reason));
}

std::optional<RewriteEvent> event_in(std::string_view line) {
  RewriteEvent event;
  SanitizeRecord& record = event.sanitized;
  uint8_t action = 0, flags = 0;
  const bool understood = take_one_of(line, kind_words, event.kind) &&
                          take_one_of(line, step_words, event.step) &&
                          take_number(line, event.milliseconds) && take_number(line, action) &&
                          take_number(line, record.passes) && take_number(line, record.passes_done) &&
                          take_number(line, flags) && take_number(line, event.secure_erase) &&
                          take_number(line, event.pattern) && take_number(line, event.progress);
  if (!understood) return std::nullopt;
  if (event.kind == Kind::sanitize) {
    record.outcome = outcome_of(event.step);
    record.action = static_cast<SanitizeAction>(action);
    put_flags(record, flags);
  }
  const std::string_view initiator = take_word(line), host = take_word(line);
  if (initiator != nobody) event.asker.initiator = initiator;
  if (host != nobody) event.asker.host = host;
  event.reason = line;
  return event;
}

}  // namespace

std::string_view name_of(Kind kind) { return kind_words[static_cast<size_t>(kind)]; }

std::string_view name_of(SanitizeAction action) {
  switch (action) {
    case SanitizeAction::none: return "";
    case SanitizeAction::block_erase: return "block erase";
    case SanitizeAction::overwrite: return "overwrite";
    case SanitizeAction::cryptographic_erase: return "cryptographic erase";
  }
  return "";
}

std::vector<RewriteEvent> with_event(std::vector<RewriteEvent> events, RewriteEvent event) {
  events.push_back(std::move(event));
  if (events.size() > most_rewrite_events) events.erase(events.begin());
  return events;
}

std::string with_history(std::string state, const std::vector<RewriteEvent>& events) {
  for (const RewriteEvent& each : events) state += "\n" + line_of(each);
  return state;
}

std::vector<RewriteEvent> history_in(std::string_view record) {
  std::vector<RewriteEvent> events;
  for (size_t end = record.find('\n'); end != std::string_view::npos; end = record.find('\n')) {
    record.remove_prefix(end + 1);
    std::optional<RewriteEvent> event = event_in(record.substr(0, record.find('\n')));
    if (event) events = with_event(std::move(events), std::move(*event));
  }
  return events;
}

std::optional<CutShort> cut_short(std::string_view record, uint64_t now_milliseconds) {
  std::vector<RewriteEvent> events = history_in(record);
  if (events.empty() || events.back().step != Step::began) return std::nullopt;
  CutShort cut;
  cut.event = events.back();
  cut.event.step = Step::cut_short;
  cut.event.milliseconds = now_milliseconds;
  if (cut.event.kind == Kind::sanitize) cut.event.sanitized.outcome = SanitizeOutcome::failed;
  cut.event.reason = "the engine ended before it did, or the volume was closed";
  events = with_event(std::move(events), cut.event);
  cut.record = with_history(std::string(record.substr(0, record.find('\n'))), events);
  return cut;
}

}  // namespace ashlar::unit
