// Task management functions (SAM-5 clause 7): answered only when every task they end has really ended on its shard.
#include <algorithm>
#include <memory>
#include <span>

#include "base/log.h"
#include "scsi/allegiance.h"
#include "scsi/handling.h"
#include "scsi/mode_parameters.h"
#include "scsi/nexus_impl.h"
#include "scsi/pass_through.h"

namespace ashlar::scsi {
namespace {

using Answer = std::move_only_function<void(TaskManagementResponse)>;

// The answer, once, from the ready list; a closing nexus waits for it.
void answer_later(NexusState::Impl& impl, Answer answer, TaskManagementResponse response) {
  post_function(impl.domain.loop(), [&impl, answer = std::move(answer), response]() mutable {
    --impl.managing;
    answer(response);
    impl.maybe_closed();
  });
}

auto complete_later(NexusState::Impl& impl, Answer answer) {
  return [&impl, answer = std::move(answer)]() mutable {
    answer_later(impl, std::move(answer), TaskManagementResponse::complete);
  };
}

void abort_tasks(NexusState::Impl& impl, std::vector<Task*> tasks, Answer answer) {
  impl.domain.impl().abort({.tasks = std::move(tasks), .told = {}, .copies = {}},
                           complete_later(impl, std::move(answer)));
}

void abort_task(NexusState::Impl& impl, LunState& lun, uint64_t tag, Answer answer) {
  Task* task = lun.tasks.find(tag);
  if (task == nullptr)
    return answer_later(impl, std::move(answer), TaskManagementResponse::task_does_not_exist);
  abort_tasks(impl, {task}, std::move(answer));
}

// SAM-5 7.4: as ABORT TASK of the task with the ACA attribute, and then its end. Where this nexus has established none there is
// nothing to clear.
void clear_allegiance(NexusState::Impl& impl, LunState& lun, Answer answer) {
  if (!lun.is_faulted()) return answer_later(impl, std::move(answer), TaskManagementResponse::complete);
  std::vector<Task*> tasks;
  for (Task& task : lun.tasks.tasks()) {
    if (task.attribute == TaskAttribute::aca) tasks.push_back(&task);
  }
  auto end = [&impl, number = lun.lun, answer = std::move(answer)]() mutable {
    LunState* const found =
        impl.find(number);  // it may have been unmapped meanwhile, which ends the condition too
    if (found == nullptr) return complete_later(impl, std::move(answer))();
    end_allegiance(impl.domain.impl(), *found, complete_later(impl, std::move(answer)));
  };
  impl.domain.impl().abort({.tasks = std::move(tasks), .told = {}, .copies = {}}, std::move(end));
}

void abort_task_set(NexusState::Impl& impl, LunState& lun, Answer answer) {
  std::vector<Task*> tasks;
  NexusState::Impl::collect(lun, tasks);
  abort_tasks(impl, std::move(tasks), std::move(answer));
}

// A unit that is reset: mode parameters go back to what was saved, and it is started; an ejected medium stays out (SAM-5 6.3.3).
struct ResetUnit {
  std::shared_ptr<unit::LogicalUnit> unit;
  std::shared_ptr<UnitState> state;
};

// When its tasks have ended, as TAS said until then.
Answer restore_first(std::vector<ResetUnit> units, Answer answer) {
  return [units = std::move(units), answer = std::move(answer)](TaskManagementResponse response) mutable {
    for (const ResetUnit& each : units) {
      set_mode_parameters(*each.unit, *each.state, saved_mode_parameters(*each.unit, *each.state));
      each.state->stopped = false;
    }
    answer(response);
  };
}

// What the nexus that asks has sent to these until now. RFC 7143 4.2.3.3: its function covers no later commands, however long the other
// shards take; nobody would answer those.
std::vector<Task*> own_tasks(NexusState::Impl& impl, std::span<const std::string> volumes) {
  std::vector<Task*> tasks;
  const auto concerned = [&](const LunState& lun) {
    return std::ranges::find(volumes, lun.volume) != volumes.end();
  };
  for (auto& [number, state] : impl.luns)
    if (concerned(*state)) NexusState::Impl::collect(*state, tasks);
  for (auto& state : impl.retired)
    if (concerned(*state)) NexusState::Impl::collect(*state, tasks);
  return tasks;
}

// SPC-2 5.5.1: a reset ends RESERVE(6) first, so that nobody finds it after the answer. Rare, so commands of others that come
// meanwhile may be cleared with the rest.
loop::Task<void> end_and_clear(NexusState::Impl& impl, std::vector<std::string> volumes, Clearing how,
                               std::move_only_function<void()> done) {
  Domain::Impl& domain = impl.domain.impl();
  auto ending = domain.end_unit_reservations(volumes);
  co_await ending;
  domain.clear_everywhere(std::move(volumes), how, &impl.self.nexus(), std::move(done));
}

void clear(NexusState::Impl& impl, std::vector<std::string> volumes, Clearing how, Answer answer) {
  Domain::Impl& domain = impl.domain.impl();
  struct Parts {
    int left = 2;
    std::move_only_function<void()> done;
  };
  const auto parts = std::make_shared<Parts>(Parts{.done = complete_later(impl, std::move(answer))});
  const auto part_done = [parts] {
    if (--parts->left == 0) parts->done();
  };
  domain.abort({.tasks = own_tasks(impl, volumes), .told = {}, .copies = {}}, part_done);
  const bool reserved = std::ranges::any_of(volumes, [&domain](const std::string& volume) {
    const auto state = domain.unit_states().find(volume);
    return state != nullptr && state->reservations()->unit_holder.has_value();
  });
  if (reserved && how != Clearing::task_set)
    return end_and_clear(impl, std::move(volumes), how, part_done).detach();
  domain.clear_everywhere(std::move(volumes), how, &impl.self.nexus(), part_done);
}

// The device first: what it ends by its reset need not be waited for. What was done of it is answered with.
loop::Task<void> reset_device_and_clear(NexusState::Impl& impl, ResetUnit reset, std::string volume,
                                        Answer answer) {
  auto resetting = reset_device(reset.unit, impl.domain.loop());
  const int error = co_await resetting;
  if (error != 0) log_warning("scsi", "the device of volume {} was not reset: errno {}", volume, error);
  Answer told = [error, answer = std::move(answer)](TaskManagementResponse response) mutable {
    answer(error == 0 ? response : TaskManagementResponse::rejected);
  };
  std::vector<ResetUnit> units = {std::move(reset)};
  clear(impl, {volume}, Clearing::unit_reset, restore_first(std::move(units), std::move(told)));
}

void reset_device_unit(NexusState::Impl& impl, LunState& lun, Answer answer) {
  block::Passthrough* const device = lun.unit->passthrough();
  if (device == nullptr || !device->traits().resets)
    return answer_later(impl, std::move(answer), TaskManagementResponse::not_supported);
  reset_device_and_clear(impl, {lun.unit, lun.state}, lun.volume, std::move(answer)).detach();
}

// Devices that cannot be reset are waited for like others.
loop::Task<void> reset_devices(NexusState::Impl& impl,
                               std::vector<std::shared_ptr<unit::LogicalUnit>> devices,
                               std::vector<std::string> volumes, Answer answer) {
  for (const std::shared_ptr<unit::LogicalUnit>& each : devices) {
    auto resetting = reset_device(each, impl.domain.loop());
    const int error = co_await resetting;
    if (error != 0) log_warning("scsi", "a device was not reset: errno {}", error);
  }
  clear(impl, std::move(volumes), Clearing::target_reset, std::move(answer));
}

void reset_target(NexusState::Impl& impl, Answer answer) {
  std::vector<std::string> volumes;
  std::vector<ResetUnit> units;
  for (auto& [number, state] : impl.luns) {
    units.push_back({state->unit, state->state});
    volumes.push_back(state->volume);
  }
  std::vector<std::shared_ptr<unit::LogicalUnit>> devices;
  for (const ResetUnit& each : units) {
    if (each.unit->passthrough() != nullptr) devices.push_back(each.unit);
  }
  Answer restoring = restore_first(std::move(units), std::move(answer));
  if (!devices.empty())
    return reset_devices(impl, std::move(devices), std::move(volumes), std::move(restoring)).detach();
  clear(impl, std::move(volumes), Clearing::target_reset, std::move(restoring));
}

}  // namespace

void NexusState::manage(TaskManagement function, const std::array<uint8_t, 8>& lun_bytes, uint64_t tag,
                        Answer answer) {
  ++impl_->managing;
  if (function == TaskManagement::target_warm_reset || function == TaskManagement::target_cold_reset) {
    return reset_target(*impl_, std::move(answer));
  }
  LunState& lun = impl_->address(lun_bytes);
  if (&lun == &impl_->nowhere)
    return answer_later(*impl_, std::move(answer), TaskManagementResponse::lun_does_not_exist);
  switch (function) {
    case TaskManagement::abort_task: return abort_task(*impl_, lun, tag, std::move(answer));
    case TaskManagement::abort_task_set: return abort_task_set(*impl_, lun, std::move(answer));
    case TaskManagement::clear_task_set:
    case TaskManagement::logical_unit_reset:
      if (lun.unit == nullptr)
        return abort_task_set(*impl_, lun, std::move(answer));  // well known: this nexus's alone
      if (function == TaskManagement::clear_task_set) {
        // SAM-5 7.5: with a task set of its own a nexus clears that.
        if (lun.state->separate_task_sets) return abort_task_set(*impl_, lun, std::move(answer));
        return clear(*impl_, {lun.volume}, Clearing::task_set, std::move(answer));
      }
      if (lun.is_device) return reset_device_unit(*impl_, lun, std::move(answer));
      return clear(*impl_, {lun.volume}, Clearing::unit_reset,
                   restore_first({{lun.unit, lun.state}}, std::move(answer)));
    default: return clear_allegiance(*impl_, lun, std::move(answer));
  }
}

}  // namespace ashlar::scsi
