// The tray of a CD-ROM drive: START STOP UNIT, GET EVENT STATUS NOTIFICATION and MECHANISM STATUS (MMC-6 6.42, 6.7, 6.14), and the
// array's own hand on it.
#include <array>
#include <functional>
#include <optional>

#include "scsi/cd_medium.h"
#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

// Notification classes, MMC-6 6.7.2.2: the more urgent ones have the smaller numbers.
enum class EventClass : uint8_t { operational_change = 1, media = 4, device_busy = 6 };
constexpr EventClass event_classes[] = {EventClass::operational_change, EventClass::media,
                                        EventClass::device_busy};

constexpr uint8_t bit_of(EventClass of) { return static_cast<uint8_t>(1u << static_cast<uint8_t>(of)); }

void note_event(LunState& lun, MediaEvent event) {
  // A medium that came or went says all that the request for it could.
  if (event == MediaEvent::eject_request && lun.media_event != MediaEvent::none) return;
  lun.media_event = event;
}

void on_luns_here(Domain::Impl& domain, const std::string& volume,
                  const std::function<void(LunState&)>& work) {
  for (NexusState& nexus : domain.nexuses) {
    for (auto& [number, lun] : nexus.impl().luns) {
      if (lun->volume == volume) work(*lun);
    }
  }
}

// What waits for a way to the unit was meant for the medium that goes.
void refuse_held(LunState& lun) {
  lun.hold_timer.cancel();
  while (Task* task = lun.tasks.next_held()) Handling(*task).fail(readiness(*lun.state));
}

// On the home shard; when it is done every nexus of every shard knows.
loop::Task<void> on_every_lun(Domain::Group& group, std::string volume, std::function<void(LunState&)> work) {
  std::function<void(loop::Loop&)> there = [&](loop::Loop& loop) {
    on_luns_here(group[loop.index()]->impl(), volume, work);
  };
  auto telling = loop::on_every_shard(group.front()->loop().shards(), std::move(there));
  co_await telling;
}

// From any shard, and without waiting: a host has moved the tray.
void tell_event(Handling handling, MediaEvent event) {
  Domain& domain = handling.nexus().domain();
  const std::string volume = handling.lun().volume;
  for (const auto& each : domain.impl().group) {
    domain.loop().shards().send(each->loop().index(), [there = &each->impl(), volume, event] {
      on_luns_here(*there, volume, [event](LunState& lun) { note_event(lun, event); });
    });
  }
}

void open_tray(Handling handling) {
  UnitState& state = handling.state();
  if (state.prevents > 0) {
    const bool there = has_medium(state);
    return handling.fail(Sense::of(there ? SenseKey::illegal_request : SenseKey::not_ready,
                                   0x5302));  // MEDIUM REMOVAL PREVENTED
  }
  const bool had_medium = has_medium(state);
  state.ejected = true;
  if (had_medium) tell_event(handling, MediaEvent::media_removal);
  handling.good();
}

void close_tray(Handling handling) {
  UnitState& state = handling.state();
  if (state.ejected.exchange(false) && has_medium(state)) {
    tell_medium_changed(handling);
    tell_event(handling, MediaEvent::new_media);
  }
  handling.good();
}

// MMC-6 6.7.3.5: Door Open, and Media Present.
uint8_t media_status(const UnitState& state) {
  if (state.ejected.load(std::memory_order_relaxed)) return 0x01;
  return state.no_medium.load(std::memory_order_relaxed) ? 0x00 : 0x02;
}

// The class of which this host is told now: one with an event, else the first that it asks for.
std::optional<EventClass> class_to_tell(const LunState& lun, uint8_t asked) {
  if (lun.media_event != MediaEvent::none && (asked & bit_of(EventClass::media)) != 0)
    return EventClass::media;
  for (const EventClass each : event_classes) {
    if ((asked & bit_of(each)) != 0) return each;
  }
  return std::nullopt;
}

}  // namespace

void start_stop_tray(Handling handling) {
  const uint8_t flags = handling.cdb()[4];
  const bool load_or_eject = (flags & 0x02) != 0;
  const bool start = (flags & 0x01) != 0;
  const bool power_condition = (flags & 0xf0) != 0;
  // As for disks (SBC-3 table 13): starting is for everybody.
  if ((!start || power_condition) && refuse_reserved(handling)) return;
  // Nothing turns here: each power condition is as good as active, and a disc that is stopped turns again for the next READ.
  if (power_condition || !load_or_eject) return handling.good();
  if (start) return close_tray(handling);
  open_tray(handling);
}

void get_event_status(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  if ((cdb[1] & 0x01) == 0)
    return handling.fail(Sense::invalid_cdb_field(1, 0));  // POLLED: no asynchronous events
  LunState& lun = handling.lun();
  uint8_t data[8] = {};
  for (const EventClass each : event_classes) data[3] |= bit_of(each);
  const std::optional<EventClass> of = class_to_tell(lun, cdb[4]);
  const uint16_t length = of ? 8 : 4;
  store_be16(data, length - 2);  // what follows; hosts count the rest of the header in (as drives do)
  data[2] = of ? static_cast<uint8_t>(*of) : 0x80;  // NEA: no class of these is there
  if (of == EventClass::media) {
    data[4] = static_cast<uint8_t>(lun.media_event);
    data[5] = media_status(*lun.state);
    // MMC-6 6.7.1.2: an event is gone once the host had room for it.
    if (load_be16(cdb + 7) >= length) lun.media_event = MediaEvent::none;
  }
  handling.reply(ConstBytes(data).first(length), load_be16(cdb + 7));
}

void mechanism_status(Handling handling) {
  std::array<uint8_t, 8> data{};
  if (handling.state().ejected.load(std::memory_order_relaxed))
    data[1] = 0x10;  // DOOR OPEN; idle, no changer
  data[5] = 1;       // slots
  handling.reply(data, load_be16(handling.cdb() + 8));
}

Domain::Tray Domain::tray_of(const std::string& volume) {
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  if (state == nullptr) return {};
  return {.open = state->ejected, .prevented = state->prevents > 0};
}

loop::Task<void> Domain::request_eject(std::string volume) {
  std::function<void(LunState&)> note = [](LunState& lun) { note_event(lun, MediaEvent::eject_request); };
  auto telling = on_every_lun(group_, std::move(volume), std::move(note));
  co_await telling;
}

loop::Task<void> Domain::allow_removal(std::string volume) {
  std::function<void(LunState&)> allow = [](LunState& lun) { lun.allow_removal(); };
  auto telling = on_every_lun(group_, std::move(volume), std::move(allow));
  co_await telling;
}

loop::Task<void> Domain::withdraw_medium(std::string volume) {
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  if (state == nullptr) co_return;
  const bool was_there = has_medium(*state);
  state->no_medium = true;
  std::function<void(LunState&)> note = [was_there](LunState& lun) {
    if (was_there) note_event(lun, MediaEvent::media_removal);
    refuse_held(lun);
  };
  auto telling = on_every_lun(group_, std::move(volume), std::move(note));
  co_await telling;
}

loop::Task<void> Domain::offer_medium(std::string volume, bool present) {
  const std::shared_ptr<UnitState> state = impl_->unit_states().find(volume);
  if (state == nullptr) co_return;
  if (present) {  // they are told before the first command can reach it
    std::function<void(LunState&)> tell = [](LunState& lun) {
      note_event(lun, MediaEvent::new_media);
      lun.attentions.raise(unit::Attention::medium_changed);
    };
    auto telling = on_every_lun(group_, volume, std::move(tell));
    co_await telling;
  }
  state->no_medium = !present;
  state->ejected = false;
}

}  // namespace ashlar::scsi
