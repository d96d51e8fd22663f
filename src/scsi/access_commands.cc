// REPORT TARGET PORT GROUPS and SET TARGET PORT GROUPS (SPC-4 6.37, 6.45) as commands.
#include <algorithm>

#include "scsi/access.h"
#include "scsi/handlers.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {
namespace {

constexpr uint32_t most_list_bytes = 4 + 4 * unit::AccessStates::most_port_groups;

void finish_change(Handling handling, const unit::AccessOutcome& outcome) {
  using Status = unit::AccessStatus;
  const auto descriptor = static_cast<uint16_t>(4 + 4 * outcome.wrong);
  switch (outcome.status) {
    case Status::good: return handling.good();
    case Status::not_allowed:  // it was, when the command came
      return handling.fail(Sense::of(SenseKey::illegal_request, 0x2000));
    case Status::unknown_group:
      return handling.fail(Sense::invalid_parameter_field(static_cast<uint16_t>(descriptor + 2)));
    case Status::invalid_state:
    case Status::invalid_combination: return handling.fail(Sense::invalid_parameter_field(descriptor, 3));
    case Status::failed:  // SET TARGET PORT GROUPS COMMAND FAILED
      return handling.fail(Sense::of(SenseKey::hardware_error, 0x670a));
  }
}

loop::Task<void> set_states(Handling handling, uint32_t list_bytes) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> list(list_bytes);
  handling.task().buffer.copy_out(0, list);
  auto wishes = parse_set_port_groups(list);
  if (!wishes) {
    handling.fail(wishes.error());
    co_return;
  }
  const unit::Nexus& nexus = handling.nexus().nexus();
  unit::HostAccessChange change{nexus.initiator_port, std::move(*wishes), port_group_tags(handling)};
  auto changing = change_access(handling.nexus().domain(), handling.lun().state, std::move(change), &nexus);
  const unit::AccessOutcome outcome = co_await changing;
  if (handling.interrupted()) {
    handling.end();
    co_return;
  }
  finish_change(handling, outcome);
}

}  // namespace

std::vector<uint16_t> port_group_tags(Handling handling) {
  std::vector<uint16_t> tags;
  for (const unit::TargetPortName& port : handling.nexus().impl().view->target_ports)
    tags.push_back(port.relative_target_port);
  const uint16_t own = handling.nexus().nexus().relative_target_port;
  const auto at = std::ranges::lower_bound(tags, own);
  if (at == tags.end() || *at != own) tags.insert(at, own);
  return tags;
}

void report_target_port_groups(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool extended_header = (cdb[1] & 0xe0) == 0x20;
  const auto data = port_groups_data(*handling.state().access(), port_group_tags(handling), extended_header);
  handling.reply(data, load_be32(cdb + 6));
}

void set_target_port_groups(Handling handling) {
  const uint32_t list_bytes = load_be32(handling.cdb() + 6);
  if (list_bytes == 0) return handling.good();  // SPC-4 6.45: nothing to change, and no error
  if (list_bytes > most_list_bytes) return handling.fail(Sense::invalid_cdb_field(6));
  if (handling.expect_list(list_bytes)) set_states(handling, list_bytes).detach();
}

}  // namespace ashlar::scsi
