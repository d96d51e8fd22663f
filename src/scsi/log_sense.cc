// LOG SENSE (SPC-4 6.6). Nothing is saved, so SP is refused; PPC is obsolete.
#include <algorithm>

#include "scsi/handlers.h"
#include "scsi/log_facts.h"
#include "scsi/nexus_impl.h"

namespace ashlar::scsi {

namespace {

constexpr size_t most_log_ports = 200;  // that page 18h tells of, as VPD page 88h does

}  // namespace

LogFacts log_facts(const Handling& handling, unit::WorkTime work) {
  const UnitState& state = handling.state();
  const loop::Nanoseconds served = handling.loop().now() - state.since;
  LogFacts facts{handling.unit().tally(), state.application_log};
  facts.block_bytes = handling.unit().geometry().block_bytes;
  facts.thin = is_thin(handling.unit());
  facts.pool = handling.unit().pool_level().figures();
  facts.work = work;
  facts.served_ns = static_cast<uint64_t>(served.count());
  const auto& ports = handling.nexus().impl().view->target_ports;
  for (size_t i = 0; i < std::min(ports.size(), most_log_ports); ++i)
    facts.ports.push_back(ports[i].relative_target_port);
  return facts;
}

namespace {

void answer_page(Handling handling, const LogFacts& facts) {
  const uint8_t* cdb = handling.cdb();
  const uint8_t page = cdb[2] & 0x3f;
  const auto control = static_cast<LogControl>(cdb[2] >> 6);
  const uint16_t pointer = load_be16(cdb + 5);
  if (pointer != 0) {  // past the last parameter there is nothing to tell
    const std::vector<LogParameter> all = log_parameters(page, facts, control);
    if (all.empty() || pointer > all.back().code) return handling.fail(Sense::invalid_cdb_field(5));
  }
  handling.reply(log_page_bytes(page, cdb[3], facts, control, pointer), load_be16(cdb + 7));
}

loop::Task<void> sense_work_time(Handling handling) {
  const std::shared_ptr<unit::LogicalUnit> unit = handling.lun().unit;
  auto asking = unit->work_time();
  const unit::WorkTime work = co_await asking;
  if (handling.interrupted()) {
    handling.end();
    co_return;
  }
  answer_page(handling, log_facts(handling, work));
}

}  // namespace

void log_sense(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const uint8_t page = cdb[2] & 0x3f;
  const LogFacts facts = log_facts(handling, {});
  if (!has_log_page(page, 0, facts)) return handling.fail(Sense::invalid_cdb_field(2, 5));
  if (!has_log_page(page, cdb[3], facts)) return handling.fail(Sense::invalid_cdb_field(3));
  if (needs_work_time(page)) return sense_work_time(handling).detach();
  answer_page(handling, facts);
}

}  // namespace ashlar::scsi
