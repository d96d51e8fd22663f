// LOG SELECT (SPC-4 6.5): counters begin anew, and the application client's parameters are written. The whole parameter list is
// checked before anything changes.
#include "scsi/handlers.h"
#include "scsi/log_facts.h"

namespace ashlar::scsi {
namespace {

using WrittenNotes = std::map<uint16_t, ApplicationLog::Text>;
using unit::Count;
using unit::TallyReader;

// Page 0Fh with all of its parameters; a longer list repeats itself.
constexpr uint32_t max_log_list_bytes = 4 + application_log_parameters * (4 + application_log_bytes);

Sense wrong_parameter(size_t field, int bit = -1) {
  return Sense::invalid_parameter_field(static_cast<uint16_t>(field), bit);
}

// SPC-4 6.5: every other nexus is told LOG PARAMETERS CHANGED.
void tell_others(const Handling& handling) {
  NexusState& nexus = handling.nexus();
  nexus.domain().raise_everywhere(handling.lun().volume, unit::Attention::log_parameters_changed,
                                  &nexus.nexus());
}

void reset_statistics(unit::UnitTally& tally, const LogFacts& facts) {
  for (const Count which :
       {Count::read_commands, Count::write_commands, Count::read_bytes, Count::written_bytes})
    tally.reset(TallyReader::statistics, which);
  tally.reading_before_ns = facts.work.reading_ns;
  tally.writing_before_ns = facts.work.writing_ns;
  tally.idle_before_ns = idle_ns(facts.served_ns, facts.work);
}

void reset_performance(unit::UnitTally& tally) {
  for (size_t i = 0; i < unit::count_kinds; ++i) tally.reset(TallyReader::performance, static_cast<Count>(i));
}

void reset_errors(unit::UnitTally& tally, Count bytes, Count errors) {
  tally.reset(TallyReader::errors, bytes);
  tally.reset(TallyReader::errors, errors);
}

loop::Task<void> reset_counters(Handling handling, uint8_t page) {
  const std::shared_ptr<unit::LogicalUnit> unit = handling.lun().unit;
  auto asking = unit->work_time();
  const unit::WorkTime work = co_await asking;
  if (handling.interrupted()) {
    handling.end();
    co_return;
  }
  unit::UnitTally& tally = unit->tally();
  const bool all = page == log_page::supported;
  if (all || page == log_page::write_errors) reset_errors(tally, Count::written_bytes, Count::write_errors);
  if (all || page == log_page::read_errors) reset_errors(tally, Count::read_bytes, Count::read_errors);
  if (all || page == log_page::verify_errors)
    reset_errors(tally, Count::verified_bytes, Count::verify_errors);
  if (all || page == log_page::statistics) reset_statistics(tally, log_facts(handling, work));
  if (all || page == log_page::performance) reset_performance(tally);
  if (all || page == log_page::application_client) handling.state().application_log.clear();
  tell_others(handling);
  handling.good();
}

// One parameter at `at`, which ends at or before `end`.
Sense check_log_parameter(ConstBytes list, size_t& at, size_t end, int& last_code, WrittenNotes& written) {
  if (end - at < 4) return Sense::parameter_list_length_error();
  const uint16_t code = load_be16(list.data() + at);
  if (code >= application_log_parameters || code <= last_code) return wrong_parameter(at);
  if ((list[at + 2] & 0x03) != 0x03) return wrong_parameter(at + 2, 1);  // FORMAT AND LINKING: a binary list
  if (list[at + 3] != application_log_bytes) return wrong_parameter(at + 3);
  if (end - at < 4u + application_log_bytes) return Sense::parameter_list_length_error();
  std::copy_n(list.begin() + static_cast<std::ptrdiff_t>(at + 4), application_log_bytes,
              written[code].begin());
  last_code = code;
  at += 4u + application_log_bytes;
  return {};
}

// Only page 0Fh has parameters that a host may set, so a list has this one page.
Sense check_log_list(ConstBytes list, WrittenNotes& written) {
  if (list.size() < 4) return Sense::parameter_list_length_error();
  if ((list[0] & 0x3f) != log_page::application_client) return wrong_parameter(0, 5);
  if ((list[0] & 0x40) != 0) return wrong_parameter(0, 6);
  if (list[1] != 0) return wrong_parameter(1);
  const size_t end = 4u + load_be16(list.data() + 2);
  if (end > list.size()) return Sense::parameter_list_length_error();
  int last_code = -1;
  for (size_t at = 4; at < end;) {
    const Sense sense = check_log_parameter(list, at, end, last_code, written);
    if (sense.key != SenseKey::no_sense) return sense;
  }
  return end < list.size() ? wrong_parameter(end) : Sense{};
}

loop::Task<void> select_parameters(Handling handling, uint32_t list_bytes) {
  DataOut data(handling);
  const bool arrived = co_await data;
  if (!arrived) {
    handling.end();
    co_return;
  }
  std::vector<uint8_t> list(list_bytes);
  handling.task().buffer.copy_out(0, list);
  WrittenNotes written;
  const Sense wrong = check_log_list(list, written);
  if (wrong.key != SenseKey::no_sense) {
    handling.fail(wrong);
    co_return;
  }
  if (!written.empty()) {
    handling.state().application_log.write(written);
    tell_others(handling);
  }
  handling.good();
}

// Without a list. PC 11b sets the cumulative values to their defaults, which are zero; thresholds are what they always were.
void select_nothing(Handling handling, bool counters_reset) {
  const uint8_t* cdb = handling.cdb();
  const uint8_t page = cdb[2] & 0x3f;
  const LogFacts facts = log_facts(handling, {});
  if (!has_log_page(page, 0, facts)) return handling.fail(Sense::invalid_cdb_field(2, 5));
  if (cdb[3] != 0) return handling.fail(Sense::invalid_cdb_field(3));
  const bool to_defaults = static_cast<LogControl>(cdb[2] >> 6) == LogControl::default_cumulative;
  if (counters_reset || to_defaults) return reset_counters(handling, page).detach();
  handling.good();
}

}  // namespace

void log_select(Handling handling) {
  const uint8_t* cdb = handling.cdb();
  const bool counters_reset = (cdb[1] & 0x02) != 0;  // PCR
  const uint32_t list_bytes = load_be16(cdb + 7);
  handling.task().data_out_wanted_bytes = list_bytes;
  if (list_bytes == 0) return select_nothing(handling, counters_reset);
  if (counters_reset) return handling.fail(Sense::invalid_cdb_field(7));
  // SPC-4 6.5: pages are named in the list then, and not in the CDB.
  if ((cdb[2] & 0x3f) != 0) return handling.fail(Sense::invalid_cdb_field(2, 5));
  if (cdb[3] != 0) return handling.fail(Sense::invalid_cdb_field(3));
  // Thresholds cannot be set.
  if (static_cast<LogControl>(cdb[2] >> 6) != LogControl::cumulative)
    return handling.fail(Sense::invalid_cdb_field(2, 7));
  if (handling.expect_list(list_bytes, max_log_list_bytes)) select_parameters(handling, list_bytes).detach();
}

}  // namespace ashlar::scsi
