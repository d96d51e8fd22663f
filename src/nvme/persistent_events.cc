// The Persistent Event log page (NVMe base 2.0 5.16.1.14). What is told, what is not, and for how long, says
// docs/decisions/0018-persistent-events.md.
#include <algorithm>
#include <map>
#include <ranges>
#include <set>

#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "wire/nvme_identify.h"
#include "wire/nvme_persistent_events.h"

namespace ashlar::nvme {
namespace {

using wire::nvme::LogRequest;
using wire::nvme::PersistentEvent;
using wire::nvme::PersistentEventAction;
using wire::nvme::PersistentEventKind;
using EraseKind = unit::RewriteEvent::Kind;
using EraseStep = unit::RewriteEvent::Step;

// Newest ones that a host is told: the longest event is 68 bytes.
constexpr size_t most_events = 512;
static_assert(wire::nvme::persistent_header_bytes + most_events * 68 <=
              persistent_log_units * wire::nvme::persistent_log_unit_bytes);

PersistentEvent format_event(const unit::RewriteEvent& event, const Namespace& space) {
  PersistentEvent told{.milliseconds = event.milliseconds};
  if (event.step == EraseStep::began) {
    const uint8_t attributes = wire::nvme::format_attributes(space.unit->limits().erasable_key);
    told.kind = PersistentEventKind::format_start;
    told.data = wire::nvme::format_start_data(space.id, attributes, uint32_t{event.secure_erase} << 9);
    return told;
  }
  wire::nvme::FormatCompletion completion{.namespace_id = space.id};
  if (event.step != EraseStep::ended) {
    completion.remaining_percent = static_cast<uint8_t>(100 - event.progress * 100u / 65536);
    completion.incomplete = true;
    completion.error = event.step == EraseStep::failed;
    // FORMAT UNIT of SCSI, and what the engine did not live to see, had no completion here.
    const bool was_answered = completion.error && event.asker.initiator.starts_with("nqn.");
    if (was_answered) completion.outcome = refusal(Status::namespace_not_ready);
  }
  told.kind = PersistentEventKind::format_completion;
  told.data = wire::nvme::format_completion_data(completion);
  return told;
}

PersistentEvent sanitize_event(const unit::RewriteEvent& event, uint32_t capabilities) {
  PersistentEvent told{.milliseconds = event.milliseconds};
  if (event.step == EraseStep::began) {
    told.kind = PersistentEventKind::sanitize_start;
    told.data = wire::nvme::sanitize_start_data(capabilities, sanitize_word(event.sanitized), event.pattern);
    return told;
  }
  const wire::nvme::SanitizeStatus status{.outcome = static_cast<uint8_t>(event.sanitized.outcome),
                                          .passes_done = event.sanitized.passes_done};
  told.kind = PersistentEventKind::sanitize_completion;
  told.data = wire::nvme::sanitize_completion_data(status.progress, status.status_field());
  return told;
}

// Of the volumes that this host has. A sanitize is one of the subsystem where page 81h says so, and nowhere else.
void add_erasures(const Queue& queue, std::vector<PersistentEvent>& events) {
  std::set<std::string_view> volumes;
  const Namespace* const sole = sole_namespace(queue);
  for (const auto& [id, space] : queue.namespaces()) {
    if (!volumes.insert(space->volume).second) continue;
    for (const unit::RewriteEvent& each : space->rules->rewrite_history.events()) {
      if (each.kind == EraseKind::format) {
        events.push_back(format_event(each, *space));
      } else if (sole != nullptr) {
        events.push_back(sanitize_event(each, sanitize_capabilities(queue)));
      }
    }
  }
}

void add_power_ons(const PowerOns& power_ons, std::vector<PersistentEvent>& events) {
  const uint64_t forgotten = power_ons.count - power_ons.milliseconds.size();
  for (size_t i = 0; i < power_ons.milliseconds.size(); ++i) {
    const uint64_t at = power_ons.milliseconds[i];
    const wire::nvme::ResetInformation information{.firmware = std::string(firmware_revision),
                                                   .power_cycle = static_cast<uint32_t>(forgotten + i + 1),
                                                   .timestamp_milliseconds = at};
    events.push_back({.kind = PersistentEventKind::power_on_or_reset,
                      .milliseconds = at,
                      .data = wire::nvme::reset_data(information)});
  }
}

PersistentEvent told_of(const HostEvent& event, const PowerOns& power_ons) {
  PersistentEvent told{
      .controller_id = event.controller_id, .port_id = event.port_id, .milliseconds = event.milliseconds};
  if (event.kind == HostEvent::Kind::timestamp_changed) {
    told.kind = PersistentEventKind::timestamp_change;
    told.data = wire::nvme::timestamp_change_data(event.previous_timestamp, event.milliseconds_since_reset);
    return told;
  }
  const uint64_t on = power_ons.milliseconds.empty() ? event.milliseconds : power_ons.milliseconds.back();
  told.kind = PersistentEventKind::power_on_or_reset;
  told.data = wire::nvme::reset_data({.firmware = std::string(firmware_revision),
                                      .controller_id = event.controller_id,
                                      .power_cycle = static_cast<uint32_t>(power_ons.count),
                                      .power_on_milliseconds = std::max(on, event.milliseconds) - on,
                                      .timestamp_milliseconds = event.milliseconds});
  return told;
}

// Of those of one time the one that was told of last is the newer one.
std::vector<PersistentEvent> newest_first(std::vector<PersistentEvent> events) {
  std::multimap<uint64_t, PersistentEvent> by_time;
  for (PersistentEvent& each : events) by_time.emplace(each.milliseconds, std::move(each));
  events.clear();
  for (auto& [time, event] : std::views::reverse(by_time)) {
    if (events.size() == most_events) break;
    events.push_back(std::move(event));
  }
  return events;
}

// What there is now, for this host: what happens from here on is not in the context.
std::vector<uint8_t> page_of_now(Queue& queue) {
  Domain& domain = queue.domain();
  const ControllerFacts& facts = queue.controller().facts;
  const PowerOns& power_ons = domain.settings().power_ons;
  wire::nvme::PersistentLog log{.milliseconds = milliseconds_of_day(domain.loop()),
                                .power_cycles = power_ons.count,
                                .serial = serial_of(facts.subsystem),
                                .model = std::string(model_number),
                                .subsystem = facts.subsystem,
                                .generation = domain.controllers().next_event_generation(),
                                .events = {}};
  add_power_ons(power_ons, log.events);
  for (const HostEvent& each : domain.host_events().of(facts.subsystem, facts.host_name))
    log.events.push_back(told_of(each, power_ons));
  add_erasures(queue, log.events);
  log.events = newest_first(std::move(log.events));
  return encode(log);
}

}  // namespace

uint64_t milliseconds_of_day(loop::Loop& loop) {
  return static_cast<uint64_t>(loop.wall_clock().count() / 1'000'000);
}

void get_persistent_events(Handling handling, const LogRequest& request) {
  Queue& queue = handling.queue();
  const ControllerFacts& facts = queue.controller().facts;
  std::vector<uint8_t>& context = queue.administration()->event_context;
  const auto action = static_cast<PersistentEventAction>(request.specific & 3);
  // Nothing is transferred, whatever room there is: it is well, too, when there is no context.
  if (action == PersistentEventAction::release) {
    context.clear();
    return handling.good();
  }
  LogRequest part = request;
  const bool header_alone = action == PersistentEventAction::establish_and_read_header;
  if (header_alone) {
    part.offset = 0;
    part.bytes = wire::nvme::persistent_header_bytes;
    if (handling.entry().data().length < part.bytes) return handling.fail(Status::data_length_invalid);
    if (!handling.allocate(wire::nvme::persistent_header_bytes)) return;
  } else if (!admit_log_length(handling, request)) {
    return;
  }
  const bool existed = !context.empty();
  if (action == PersistentEventAction::read && !existed) return handling.fail(Status::command_sequence_error);
  if (action == PersistentEventAction::establish_and_read && existed)
    return handling.fail(Status::command_sequence_error);
  if (!existed) context = page_of_now(queue);
  const std::optional<uint16_t> port = existed ? std::optional(facts.group_tag) : std::nullopt;
  wire::nvme::put_request_fields(context, power_on_hours(queue), port);
  reply_log_part(handling, part, context);
}

}  // namespace ashlar::nvme
