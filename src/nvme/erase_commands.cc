// Format NVM and Sanitize (NVMe base 2.0 5.14, 5.24): both run on when the command, its queue and its host are gone. What is offered,
// and why, says docs/decisions/0016-sanitize-of-a-subsystem.md.
#include <algorithm>
#include <set>

#include "nvme/administration.h"
#include "nvme/domain.h"
#include "nvme/handlers.h"
#include "unit/rewriter.h"
#include "wire/nvme_identify.h"

namespace ashlar::nvme {
namespace {

using RewritePhase = unit::Rewriting::Phase;
using unit::SanitizeAction;

constexpr uint32_t cryptographic_erase = 2;  // SES; 0 and 1 erase all the same
constexpr uint32_t exit_failure_mode = 1;    // SANACT
constexpr uint32_t most_passes = 16;

// What a host would be kept from writing. False: the command has ended.
bool admit(Handling handling, Namespace& space) {
  if (!unit::is_active(space.access)) {
    handling.fail(outcome_of(space.access));
    return false;
  }
  if (space.kept_from_writing || space.kept_out_wholly) {
    handling.fail(Status::reservation_conflict);
    return false;
  }
  if (space.read_only || space.unit->geometry().read_only || space.rules->write_protected()) {
    handling.fail(Status::namespace_write_protected);
    return false;
  }
  return true;
}

// The command is held until the work says that it has begun, or ended.
void begin(Handling handling, Namespace& space, unit::Rewrite rewrite, bool immediate) {
  Domain& domain = handling.queue().domain();
  auto what = domain.governor().rewritten(space.rules, space.volume, space.unit);
  const ControllerFacts& facts = handling.queue().controller().facts;
  const unit::RewriteClaim claim = claim_rewrite(handling.loop().buffers(), std::move(what),
                                                 std::move(rewrite), {facts.host_name, facts.host});
  switch (claim.refusal) {
    case unit::RewriteRefusal::none: break;
    case unit::RewriteRefusal::no_memory: return handling.fail_memory();
    case unit::RewriteRefusal::not_now: return handling.fail(rewrite_outcome(*space.rules));
  }
  handling.set_space(space);
  handling.wait();
  const auto held = handling.queue().administration()->hold_answer(handling.command());
  carry_out(claim.run, immediate, [held, rules = space.rules](unit::RewriteEnd end) {
    if (held->command == nullptr) return;
    const Handling late(*held->command);
    if (!late.waiting()) return;
    late.go_on();
    switch (end) {
      case unit::RewriteEnd::good: return late.good();
      case unit::RewriteEnd::failed: return late.fail(rewrite_outcome(*rules));
      case unit::RewriteEnd::not_written_down: return late.fail(Status::internal_error);
    }
  });
}

// Phases in which a sanitize or a format may begin. False: the command has ended.
bool may_begin(Handling handling, const Namespace& space, bool sanitize) {
  const RewritePhase phase = space.rules->rewrite.phase();
  const bool failed =
      phase == RewritePhase::sanitize_failed || phase == RewritePhase::sanitize_failed_restricted;
  if (!unit::Rewriting::is_running(phase) && (sanitize || !failed)) return true;
  handling.fail(rewrite_outcome(*space.rules));
  return false;
}

unit::Rewrite sanitize_of(Handling handling, Namespace& space, SanitizeAction action) {
  const uint32_t word = handling.entry().word(10);
  unit::Rewrite rewrite;
  rewrite.phase = RewritePhase::sanitizing;
  rewrite.after_failure =
      (word & 1u << 3) != 0 ? RewritePhase::sanitize_failed : RewritePhase::sanitize_failed_restricted;
  rewrite.erase_key = action == SanitizeAction::cryptographic_erase;
  rewrite.keeps_allocation = (word & 1u << 9) != 0;  // NDAS
  rewrite.may_discard = !rewrite.keeps_allocation && unit::erases_by_discard(*space.unit);
  if (action != SanitizeAction::overwrite) return rewrite;
  rewrite.may_discard = false;
  rewrite.passes = static_cast<uint8_t>(word >> 4 & 0xf);
  if (rewrite.passes == 0) rewrite.passes = most_passes;
  rewrite.invert = (word & 1u << 8) != 0;
  rewrite.pattern.resize(4);
  store_le32(rewrite.pattern.data(), handling.entry().word(11));
  return rewrite;
}

loop::Task<void> leave_failure(Handling handling, Namespace& space) {
  auto what = handling.queue().domain().governor().rewritten(space.rules, space.volume, space.unit);
  handling.set_space(space);
  const auto rules = space.rules;
  auto leaving = leave_sanitize_failure(std::move(what));
  const unit::RewriteEnd end = co_await leaving;
  switch (end) {
    case unit::RewriteEnd::good: handling.good(); co_return;
    case unit::RewriteEnd::failed: handling.finish(rewrite_outcome(*rules)); co_return;
    case unit::RewriteEnd::not_written_down: handling.fail(Status::internal_error); co_return;
  }
}

// A failure in the restricted completion mode is left by success alone (8.21).
void leave(Handling handling, Namespace& space) {
  const RewritePhase phase = space.rules->rewrite.phase();
  if (phase == RewritePhase::sanitize_failed) return leave_failure(handling, space).detach();
  if (phase == RewritePhase::idle || phase == RewritePhase::format_corrupt) return handling.good();
  handling.fail(rewrite_outcome(*space.rules));
}

}  // namespace

Namespace* sole_namespace(const Queue& queue) {
  const auto found = queue.domain().directory().subsystems.find(queue.controller().facts.subsystem);
  if (found == queue.domain().directory().subsystems.end()) return nullptr;
  std::set<std::string_view> volumes;
  const auto add = [&volumes](const std::shared_ptr<const unit::HostView>& view) {
    if (view == nullptr) return;
    for (const auto& [lun, mapping] : view->luns) volumes.insert(mapping.volume);
  };
  for (const auto& [name, view] : found->second->hosts) add(view);
  add(found->second->any_host);
  if (volumes.size() != 1) return nullptr;
  for (const auto& [id, space] : queue.namespaces()) {
    if (!space->read_only && space->volume == *volumes.begin()) return space.get();
  }
  return nullptr;
}

void format_nvm(Handling handling) {
  const uint32_t word = handling.entry().word(10);
  const uint32_t id = handling.entry().namespace_id();
  // FNA bit 3: one namespace at a time.
  if (id == wire::nvme::every_namespace) return handling.fail(Status::invalid_field);
  Namespace* space = handling.queue().find(id);
  if (space == nullptr) return handling.fail(Status::invalid_namespace);
  const uint32_t format = (word & 0xf) | (word >> 12 & 3) << 4, secure_erase = word >> 9 & 7;
  // There is one format, without metadata and protection information.
  if (format != 0 || (word >> 4 & 0x1f) != 0) return handling.fail(Status::invalid_format);
  const bool erases_key = secure_erase == cryptographic_erase;
  if (secure_erase > cryptographic_erase || (erases_key && !space->unit->limits().erasable_key))
    return handling.fail(Status::invalid_field);
  if (!admit(handling, *space) || !may_begin(handling, *space, false)) return;
  unit::Rewrite rewrite;
  rewrite.phase = RewritePhase::formatting;
  rewrite.after_failure = RewritePhase::format_corrupt;
  rewrite.erase_key = erases_key;
  rewrite.secure_erase = static_cast<uint8_t>(secure_erase);
  rewrite.may_discard = unit::erases_by_discard(*space->unit);
  begin(handling, *space, std::move(rewrite), false);
}

void sanitize(Handling handling) {
  Namespace* space = sole_namespace(handling.queue());
  if (space == nullptr) return handling.fail(Status::invalid_opcode);  // SANICAP is zero
  const uint32_t word = handling.entry().word(10), number = word & 7;
  if (!admit(handling, *space)) return;
  if (number == exit_failure_mode) return leave(handling, *space);
  const auto action = static_cast<SanitizeAction>(number);
  const bool erases_key = action == SanitizeAction::cryptographic_erase;
  const bool known = action == SanitizeAction::block_erase || action == SanitizeAction::overwrite ||
                     (erases_key && space->unit->limits().erasable_key);
  if (!known) return handling.fail(Status::invalid_field);
  if (!may_begin(handling, *space, true)) return;
  const bool unrestricted = (word & 1u << 3) != 0;
  if (unrestricted && space->rules->rewrite.phase() == RewritePhase::sanitize_failed_restricted)
    return handling.fail(rewrite_outcome(*space->rules));
  begin(handling, *space, sanitize_of(handling, *space, action), true);
}

uint32_t sanitize_capabilities(const Queue& queue) {
  const Namespace* space = sole_namespace(queue);
  if (space == nullptr) return 0;
  using wire::nvme::SanitizeSupport;
  return SanitizeSupport::block_erase | SanitizeSupport::overwrite | SanitizeSupport::media_not_modified |
         (space->unit->limits().erasable_key ? SanitizeSupport::cryptographic_erase : 0);
}

uint32_t sanitize_word(const unit::SanitizeRecord& record) {
  return static_cast<uint32_t>(record.action) | (record.unrestricted_exit ? 1u << 3 : 0) |
         (record.passes & 0xfu) << 4 | (record.invert ? 1u << 8 : 0) |
         (record.keeps_allocation ? 1u << 9 : 0);
}

std::vector<uint8_t> sanitize_status(const Queue& queue) {
  wire::nvme::SanitizeStatus status;
  const Namespace* space = sole_namespace(queue);
  if (space == nullptr) return encode(status);
  const unit::Rewriting& rewriting = space->rules->rewrite;
  const unit::SanitizeRecord record = rewriting.sanitized();
  if (record.outcome == unit::SanitizeOutcome::running) status.progress = rewriting.progress();
  status.outcome = static_cast<uint8_t>(record.outcome);
  status.passes_done = record.passes_done;
  status.command = sanitize_word(record);
  return encode(status);
}

}  // namespace ashlar::nvme
