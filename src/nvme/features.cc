// Get and Set Features (NVMe base 2.0 5.15, 5.27).
#include <algorithm>
#include <optional>

#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"

namespace ashlar::nvme {
namespace {

enum class FeatureId : uint8_t {
  arbitration = 0x01,
  power_management = 0x02,
  temperature_threshold = 0x04,
  error_recovery = 0x05,
  volatile_write_cache = 0x06,
  number_of_queues = 0x07,
  write_atomicity = 0x0a,
  asynchronous_events = 0x0b,
  timestamp = 0x0e,
  keep_alive_timer = 0x0f,
  host_behavior = 0x16,
  host_identifier = 0x81,
  reservation_notification_mask = 0x82,
  reservation_persistence = 0x83,
};

// SEL of Get Features.
enum class Selection : uint8_t { current = 0, default_value = 1, saved = 2, capabilities = 3 };
// Dword 0 of SEL 011b: changeable, of a namespace.
constexpr uint32_t is_changeable = 4, is_of_namespace = 2;

constexpr uint32_t host_behavior_bytes = 512;
constexpr uint32_t timestamp_bytes = 8;

struct FeatureTraits {
  FeatureId id{};
  bool changeable = false;
  bool of_namespace = false;
  bool of_discovery = false;
  uint32_t effects = 0;  // wire::nvme::Effects, beside the scope
};

// The host identifier is set at Connect (NVMe-oF 1.1 3.3); the write cache is the volume's, for hosts of every protocol.
constexpr FeatureTraits known_features[] = {
    {.id = FeatureId::arbitration, .changeable = true},
    {.id = FeatureId::power_management, .changeable = true},
    {.id = FeatureId::temperature_threshold, .changeable = true},
    {.id = FeatureId::error_recovery, .changeable = true},
    {.id = FeatureId::volatile_write_cache},
    {.id = FeatureId::number_of_queues, .changeable = true},
    {.id = FeatureId::write_atomicity, .changeable = true},
    {.id = FeatureId::asynchronous_events, .changeable = true, .of_discovery = true},
    {.id = FeatureId::timestamp, .changeable = true},
    {.id = FeatureId::keep_alive_timer, .changeable = true, .of_discovery = true},
    {.id = FeatureId::host_behavior, .changeable = true, .effects = wire::nvme::Effects::controller},
    {.id = FeatureId::host_identifier},
    {.id = FeatureId::reservation_notification_mask, .changeable = true, .of_namespace = true},
    {.id = FeatureId::reservation_persistence, .changeable = true, .of_namespace = true},
};

// Null: there is none of that id here.
const FeatureTraits* traits_of(Handling handling, FeatureId id) {
  const auto found = std::ranges::find(known_features, id, &FeatureTraits::id);
  if (found == std::end(known_features)) return nullptr;
  return handling.queue().controller().facts.discovery && !found->of_discovery ? nullptr : found;
}

Features& features_of(Handling handling) { return handling.queue().administration()->features; }

// NSQA and NCQA, from 0, in both halves.
uint32_t queues_word(uint32_t granted) { return granted == 0 ? 0 : (granted - 1) << 16 | (granted - 1); }

bool write_cache(const Queue& queue) {
  return std::ranges::any_of(queue.namespaces(),
                             [](const auto& entry) { return entry.second->unit->geometry().write_cache; });
}

bool persists(const Namespace& space) { return space.rules->reservations()->persist; }

uint64_t timestamp_now(Handling handling) {
  const Features& features = features_of(handling);
  const auto passed =
      std::chrono::duration_cast<std::chrono::milliseconds>(handling.loop().now() - features.timestamp_at);
  return features.timestamp_milliseconds + static_cast<uint64_t>(passed.count());
}

// The data structure of Get Features (figure 323): ORIGIN in bits 3:1 of byte 6.
uint64_t timestamp_word(Handling handling) {
  const uint64_t origin = features_of(handling).timestamp_set ? 2 : 0;
  return (timestamp_now(handling) & 0xffffffffffff) | origin << 48;
}

void reply_timestamp(Handling handling) {
  uint8_t data[timestamp_bytes] = {};
  store_le64(data, timestamp_word(handling));
  handling.reply(data);
}

void note_timestamp_change(Handling handling) {
  const Queue& queue = handling.queue();
  const ControllerFacts& facts = queue.controller().facts;
  const auto since_reset = std::chrono::duration_cast<std::chrono::milliseconds>(
      handling.loop().now() - queue.administration()->reset_at);
  queue.domain().host_events().add(facts.subsystem, facts.host_name,
                                   {.kind = HostEvent::Kind::timestamp_changed,
                                    .milliseconds = milliseconds_of_day(handling.loop()),
                                    .controller_id = facts.id,
                                    .port_id = facts.group_tag,
                                    .previous_timestamp = timestamp_word(handling),
                                    .milliseconds_since_reset = static_cast<uint64_t>(since_reset.count())});
}

// The value as the host sees it in DW0; features with data are replied by their own.
uint32_t current_value(Handling handling, FeatureId id, const Namespace* space) {
  Queue& queue = handling.queue();
  const Features& features = features_of(handling);
  switch (id) {
    case FeatureId::arbitration: return features.arbitration;
    case FeatureId::power_management: return features.power_state;
    case FeatureId::temperature_threshold: return features.temperature_threshold;
    case FeatureId::error_recovery: return features.error_recovery;
    case FeatureId::volatile_write_cache: return write_cache(queue) ? 1 : 0;
    case FeatureId::number_of_queues: {
      const uint32_t most = queue.controller().facts.bounds.io_queues;
      return queues_word(features.io_queues == 0 ? most : features.io_queues);
    }
    case FeatureId::write_atomicity: return features.write_atomicity;
    case FeatureId::asynchronous_events: return queue.administration()->events.configuration();
    case FeatureId::keep_alive_timer: return queue.administration()->keep_alive_milliseconds();
    case FeatureId::reservation_notification_mask: {
      const auto mask = features.reservation_masks.find(space->id);
      return mask == features.reservation_masks.end() ? 0 : mask->second;
    }
    case FeatureId::reservation_persistence: return persists(*space) ? 1 : 0;
    default: return 0;
  }
}

uint32_t default_value(Handling handling, FeatureId id) {
  switch (id) {
    case FeatureId::temperature_threshold: return Features{}.temperature_threshold;
    case FeatureId::number_of_queues:
      return queues_word(handling.queue().controller().facts.bounds.io_queues);
    default: return 0;
  }
}

void get_default(Handling handling, FeatureId id) {
  switch (id) {
    case FeatureId::timestamp: return handling.reply(std::array<uint8_t, timestamp_bytes>{});
    case FeatureId::host_behavior: return handling.reply(std::array<uint8_t, host_behavior_bytes>{});
    case FeatureId::host_identifier: return handling.reply(Uuid{});
    default: return handling.good(default_value(handling, id));
  }
}

void get_current(Handling handling, FeatureId id, const Namespace* space) {
  switch (id) {
    case FeatureId::timestamp: return reply_timestamp(handling);
    case FeatureId::host_behavior: return handling.reply(features_of(handling).host_behavior);
    case FeatureId::host_identifier:
      if ((handling.entry().word(11) & 1) == 0) return handling.fail(Status::invalid_field);  // EXHID
      return handling.reply(handling.queue().controller().facts.host_id);
    default: return handling.good(current_value(handling, id, space));
  }
}

// Null with `failed`: the command has ended.
Namespace* namespace_of(Handling handling, const FeatureTraits& traits, bool& failed) {
  const uint32_t id = handling.entry().namespace_id();
  failed = false;
  if (!traits.of_namespace) {
    // Features of the controller take none or all (5.27).
    failed = id != 0 && id != wire::nvme::every_namespace && handling.queue().find(id) == nullptr;
    if (failed) handling.fail(Status::invalid_namespace);
    return nullptr;
  }
  Namespace* space = handling.queue().find(id);
  failed = space == nullptr;
  if (failed) handling.fail(Status::invalid_namespace);
  return space;
}

void set_number_of_queues(Handling handling) {
  const uint32_t word = handling.entry().word(11);
  const uint32_t submission = (word & 0xffff) + 1, completion = (word >> 16) + 1;
  if (submission > 65535 || completion > 65535) return handling.fail(Status::invalid_field);
  // Only before there are any (5.27.1.5).
  if (handling.queue().controller().has_io_queues.load())
    return handling.fail(Status::command_sequence_error);
  // A queue of a fabric is both (NVMe-oF 1.1 2.4), so the lesser wish counts.
  const uint32_t granted =
      std::min({submission, completion, uint32_t{handling.queue().controller().facts.bounds.io_queues}});
  features_of(handling).io_queues = granted;
  handling.good(queues_word(granted));
}

loop::Task<void> set_with_data(Handling handling, FeatureId id) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  Features& features = features_of(handling);
  if (id == FeatureId::timestamp) {
    uint8_t bytes[timestamp_bytes];
    handling.command().buffer.copy_out(0, bytes);
    note_timestamp_change(handling);
    features.timestamp_milliseconds = load_le64(bytes) & 0xffffffffffff;
    features.timestamp_set = true;
    features.timestamp_at = handling.loop().now();
  } else {
    handling.command().buffer.copy_out(0, features.host_behavior);
    handling.queue().controller().take_behavior(features.host_behavior);
  }
  handling.good();
}

loop::Task<void> set_persistence(Handling handling, Namespace& space, bool wanted) {
  // PTPL is changed with a registration, too; here by whoever is registered (8.19.2).
  const auto now = space.rules->reservations();
  const unit::NexusName name = unit::name_of(handling.queue().controller().nexus);
  const unit::Registration* own = now->find(name);
  if (own == nullptr) {
    handling.fail(Status::reservation_conflict);
    co_return;
  }
  unit::ReservationRequest request;
  request.action = unit::ReservationAction::register_and_ignore_existing_key;
  request.nexus = name;
  request.new_key = own->key;
  request.persist = wanted;
  handling.set_space(space);
  auto changing =
      handling.queue().domain().governor().change_reservations(space.rules, space.volume, std::move(request));
  const unit::ReservationStatus status = co_await changing;
  handling.finish(outcome_of(status));
}

void set_of_namespace(Handling handling, FeatureId id, Namespace& space) {
  const uint32_t word = handling.entry().word(11);
  if (id == FeatureId::reservation_notification_mask) {
    features_of(handling).reservation_masks[space.id] = word & 0xe;
    return handling.good();
  }
  const bool wanted = (word & 1) != 0;
  if (wanted && !handling.queue().domain().governor().keeps()) return handling.fail(Status::invalid_field);
  set_persistence(handling, space, wanted).detach();
}

void set_word(Handling handling, FeatureId id) {
  const uint32_t word = handling.entry().word(11);
  Features& features = features_of(handling);
  switch (id) {
    case FeatureId::arbitration: features.arbitration = word; break;
    case FeatureId::power_management:
      if ((word & 0x1f) != 0) return handling.fail(Status::invalid_field);  // there is one power state
      features.power_state = word;
      break;
    case FeatureId::temperature_threshold: features.temperature_threshold = word; break;
    case FeatureId::error_recovery: features.error_recovery = word & 0xffff; break;
    case FeatureId::write_atomicity: features.write_atomicity = word & 1; break;
    case FeatureId::asynchronous_events:
      handling.queue().administration()->events.configure(word);
      handling.queue().administration()->tell();
      break;
    case FeatureId::keep_alive_timer: handling.queue().administration()->set_keep_alive(word); break;
    default: return handling.fail(Status::invalid_field);
  }
  handling.good();
}

}  // namespace

std::vector<wire::nvme::FeatureEffect> feature_effects(bool discovery) {
  using wire::nvme::Effects;
  std::vector<wire::nvme::FeatureEffect> all;
  for (const FeatureTraits& each : known_features) {
    const uint32_t scope = each.of_namespace ? Effects::of_namespace : Effects::of_controller;
    if (each.of_discovery || !discovery) all.push_back({static_cast<uint8_t>(each.id), each.effects | scope});
  }
  return all;
}

void get_features(Handling handling) {
  const auto id = static_cast<FeatureId>(handling.entry().word(10) & 0xff);
  const auto selection = static_cast<Selection>(handling.entry().word(10) >> 8 & 7);
  const FeatureTraits* known = traits_of(handling, id);
  if (known == nullptr) return handling.fail(Status::invalid_field);
  const FeatureTraits& traits = *known;
  bool failed = false;
  const Namespace* space = namespace_of(handling, traits, failed);
  if (failed) return;
  switch (selection) {
    case Selection::current: return get_current(handling, id, space);
    case Selection::default_value:
    case Selection::saved: return get_default(handling, id);  // nothing is saved: the default
    case Selection::capabilities:
      return handling.good((traits.changeable ? is_changeable : 0) |
                           (traits.of_namespace ? is_of_namespace : 0));
  }
  handling.fail(Status::invalid_field);
}

void set_features(Handling handling) {
  const auto id = static_cast<FeatureId>(handling.entry().word(10) & 0xff);
  const FeatureTraits* known = traits_of(handling, id);
  if (known == nullptr) return handling.fail(Status::invalid_field);
  const FeatureTraits& traits = *known;
  if ((handling.entry().word(10) & 1u << 31) != 0) return handling.fail(Status::feature_not_saveable);
  if (id == FeatureId::host_identifier)
    return handling.fail(Status::command_sequence_error);  // a host of a fabric has one
  if (!traits.changeable) return handling.fail(Status::feature_not_changeable);
  bool failed = false;
  Namespace* space = namespace_of(handling, traits, failed);
  if (failed) return;
  if (space != nullptr) return set_of_namespace(handling, id, *space);
  switch (id) {
    case FeatureId::number_of_queues: return set_number_of_queues(handling);
    case FeatureId::timestamp:
    case FeatureId::host_behavior:
      if (handling.expect(id == FeatureId::timestamp ? timestamp_bytes : host_behavior_bytes))
        set_with_data(handling, id).detach();
      return;
    default: return set_word(handling, id);
  }
}

}  // namespace ashlar::nvme
