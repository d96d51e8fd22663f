#include "engine/rewrite_events.h"

#include "base/log.h"
#include "engine/engine.h"

namespace ashlar::engine {
namespace {

using RewriteStep = unit::RewriteEvent::Step;

constexpr uint8_t erases_the_key = 2;  // SES

const char* word_of(RewriteStep step) {
  switch (step) {
    case RewriteStep::began: return "started";
    case RewriteStep::ended: return "completed";
    case RewriteStep::failed:
    case RewriteStep::cut_short: return "failed";
  }
  return "failed";
}

std::string_view method_of(const unit::RewriteEvent& event) {
  if (event.kind == unit::RewriteEvent::Kind::sanitize) return name_of(event.sanitized.action);
  return event.secure_erase == erases_the_key ? name_of(unit::SanitizeAction::cryptographic_erase) : "";
}

}  // namespace

std::string kind_of(const unit::RewriteEvent& event) {
  return fmt::format("volume.{}_{}", name_of(event.kind), word_of(event.step));
}

std::map<std::string, std::string> fields_of(const std::string& volume, const unit::RewriteEvent& event) {
  std::map<std::string, std::string> fields = {{"volume", volume}};
  const auto add = [&fields](const char* name, std::string_view value) {
    if (!value.empty()) fields.emplace(name, value);
  };
  add("host", event.asker.host);
  add("initiator", event.asker.initiator);
  add("method", method_of(event));
  add("error", event.reason);
  return fields;
}

// The record of a unit that is opened again. What had begun and was not heard of gets its end, so that it is told of once.
loop::Task<std::string> Engine::end_cut_short(std::string volume, Uuid unit, std::string record) {
  const auto now = static_cast<uint64_t>(loop::Loop::current().wall_clock().count() / 1'000'000);
  std::optional<unit::CutShort> cut = unit::cut_short(record, now);
  if (!cut) co_return record;
  auto keeping = records_->keep_rewrite(unit, cut->record);
  const Result<void> kept = co_await keeping;
  if (!kept)
    log_warning("engine", "that a {} was cut short is not written down: {}", name_of(cut->event.kind),
                kept.error().text());
  tell(kind_of(cut->event), fields_of(volume, cut->event));
  co_return std::move(cut->record);
}

}  // namespace ashlar::engine
