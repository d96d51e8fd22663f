#include "scsi/access.h"

#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"
#include "scsi/pass_through.h"

namespace ashlar::scsi {
namespace {

constexpr size_t descriptor_bytes = 4;
// IMPLICIT TRANSITION TIME, seconds: hosts that are told nothing go by 60, and no takeover of ours is to last longer.
constexpr uint8_t transition_seconds = 60;
// T_SUP, O_SUP, U_SUP, S_SUP, AN_SUP, AO_SUP.
constexpr uint8_t supported_states = 0xcf;

// Not what asks for readiness, which the answer tells best at once, and not what would steer against the transition.
bool may_wait(const Opcode& opcode) {
  return opcode.handler != &test_unit_ready && !opcode.has(steers_access);
}

}  // namespace

uint8_t target_port_group_support(const unit::AccessStates& states) {
  return states.explicit_changes ? 0x30 : 0x10;
}

std::vector<uint8_t> port_groups_data(const unit::AccessStates& states, const std::vector<uint16_t>& tags,
                                      bool extended_header) {
  std::vector<uint8_t> data(4);
  if (extended_header) data.insert(data.end(), {0x10, transition_seconds, 0, 0});
  for (const uint16_t tag : tags) {
    const unit::PortGroupAccess access = states.of(tag);
    uint8_t descriptor[12] = {};
    descriptor[0] =
        static_cast<uint8_t>((access.preferred ? 0x80 : 0x00) | static_cast<uint8_t>(access.state));
    descriptor[1] = supported_states;
    store_be16(descriptor + 2, tag);
    descriptor[5] = static_cast<uint8_t>(access.changer);  // STATUS CODE
    descriptor[7] = 1;                                     // TARGET PORT COUNT
    store_be16(descriptor + 10, tag);                      // RELATIVE TARGET PORT IDENTIFIER
    data.insert(data.end(), std::begin(descriptor), std::end(descriptor));
  }
  store_be32(data.data(), static_cast<uint32_t>(data.size() - 4));
  return data;
}

std::expected<AccessWishes, Sense> parse_set_port_groups(ConstBytes list) {
  AccessWishes wishes;
  if (list.empty()) return wishes;
  if (list.size() < 4 || list.size() % descriptor_bytes != 0)
    return std::unexpected(Sense::parameter_list_length_error());
  for (size_t at = 4; at < list.size(); at += descriptor_bytes) {
    const uint8_t number = list[at] & 0x0f;
    if (!unit::is_access_state(number))
      return std::unexpected(Sense::invalid_parameter_field(static_cast<uint16_t>(at), 3));
    wishes.emplace_back(load_be16(list.data() + at + 2), static_cast<unit::AccessState>(number));
  }
  return wishes;
}

void hold_or_refuse(Handling handling) {
  LunState& lun = handling.lun();
  if (lun.access != unit::AccessState::transitioning || lun.held_too_long || !may_wait(handling.opcode()))
    return handling.fail(sense_of(lun.access));
  if (lun.tasks.held() >= most_held) return handling.fail_status(ScsiStatus::busy);
  if (lun.tasks.held() == 0) lun.hold_timer.start(handling.loop());
  lun.tasks.hold(handling.task());
}

void HoldTimer::start(loop::Loop& loop) {
  loop_ = &loop;
  if (!armed()) loop.arm_after(*this, longest_hold);
}

void HoldTimer::cancel() {
  if (armed()) loop_->cancel(*this);
}

void HoldTimer::expired() {
  lun_.held_too_long = true;
  while (Task* task = lun_.tasks.next_held()) Handling(*task).fail(sense_of(lun_.access));
}

void NexusState::Impl::go_on(LunState& lun) {
  lun.hold_timer.cancel();
  while (Task* task = lun.tasks.next_held()) {
    const Handling handling(*task);
    if (!lun.is_device || !go_on_to_device(handling)) scsi::go_on(handling);
  }
}

}  // namespace ashlar::scsi
