#include "scsi/log_pages.h"

#include <algorithm>

#include "base/check.h"

namespace ashlar::scsi {
namespace {

using unit::Count;
using unit::TallyReader;

constexpr uint8_t log_pages[] = {
    log_page::supported,          log_page::write_errors,      log_page::read_errors,
    log_page::verify_errors,      log_page::provisioning,      log_page::temperature,
    log_page::application_client, log_page::self_test_results, log_page::background_scan,
    log_page::target_ports,       log_page::statistics,        log_page::informational_exceptions,
    log_page::performance};

// SPC-4 7.3.2.2.2: TSD, since nothing is saved by itself, and the format.
constexpr uint8_t bounded_counter = 0x20;
constexpr uint8_t unbounded_counter = 0x22;
constexpr uint8_t binary_list = 0x23;
constexpr uint8_t unknown_temperature = 0xff;

bool is_counter(const LogParameter& parameter) { return (parameter.control & 0x01) == 0; }

std::vector<uint8_t> big_endian(std::initializer_list<uint64_t> numbers) {
  std::vector<uint8_t> out(numbers.size() * 8);
  size_t at = 0;
  for (const uint64_t number : numbers) {
    store_be64(out.data() + at, number);
    at += 8;
  }
  return out;
}

// SPC-4 7.3.7, 7.3.15, 7.3.19. What the storage below has mended is not known here, so errors that were corrected (0000h to 0004h)
// are not told of; bytes and uncorrected errors are.
std::vector<LogParameter> errors(const LogFacts& facts, Count bytes, Count errors) {
  return {{0x0005, bounded_counter, big_endian({facts.tally.sum(TallyReader::errors, bytes)})},
          {0x0006, bounded_counter, big_endian({facts.tally.sum(TallyReader::errors, errors)})}};
}

// SBC-3 6.4.4: a count of threshold sets; the pool serves other units, too (SCOPE 10b), but what this one uses is its own.
LogParameter resources(uint16_t code, uint64_t bytes, uint8_t scope) {
  LogParameter out{code, binary_list, std::vector<uint8_t>(8)};
  const uint64_t sets = std::min<uint64_t>(bytes / threshold_set_bytes, UINT32_MAX);
  store_be32(out.value.data(), static_cast<uint32_t>(sets));
  out.value[4] = scope;
  return out;
}

std::vector<LogParameter> provisioning_resources(const LogFacts& facts) {
  std::vector<LogParameter> out{resources(0x0001, facts.pool.available_bytes, 0x02)};
  if (facts.pool.used_known) out.push_back(resources(0x0002, facts.pool.used_bytes, 0x01));
  return out;
}

std::vector<LogParameter> application_client(const LogFacts& facts) {
  std::vector<LogParameter> out;
  for (uint16_t code = 0; code < application_log_parameters; ++code) {
    const ApplicationLog::Text text = facts.application_log.read(code);
    out.push_back({code, binary_list, {text.begin(), text.end()}});
  }
  return out;
}

// SPC-4 7.3.16: the last twenty, of which none was ever made.
std::vector<LogParameter> self_tests() {
  std::vector<LogParameter> out;
  for (uint16_t code = 1; code <= 20; ++code) out.push_back({code, binary_list, std::vector<uint8_t>(16)});
  return out;
}

// SBC-3 6.4.2: minutes it has been served; no background scan is active, nor ever was.
std::vector<LogParameter> background_scan(const LogFacts& facts) {
  LogParameter status{0x0000, binary_list, std::vector<uint8_t>(12)};
  store_be32(status.value.data(), static_cast<uint32_t>(facts.served_ns / 60'000'000'000));
  return {status};
}

uint64_t microseconds_since(uint64_t now_ns, uint64_t before_ns) {
  return now_ns > before_ns ? (now_ns - before_ns) / 1000 : 0;
}

// SPC-4 7.3.13: a parameter for each port. RFC 7143 has nothing to tell of one but its protocol.
std::vector<LogParameter> target_ports(const LogFacts& facts) {
  constexpr uint8_t iscsi_protocol = 0x05;
  std::vector<LogParameter> out;
  for (const uint16_t port : facts.ports) out.push_back({port, binary_list, {iscsi_protocol, 0, 0, 0}});
  return out;
}

// Counters by `Count` from parameter 0001h on, then the microseconds that the device worked since the volume was opened.
std::vector<LogParameter> performance(const LogFacts& facts) {
  std::vector<LogParameter> out;
  uint16_t code = 1;
  for (size_t i = 0; i < unit::count_kinds; ++i)
    out.push_back({code++, unbounded_counter,
                   big_endian({facts.tally.sum(TallyReader::performance, static_cast<Count>(i))})});
  out.push_back({code++, binary_list, big_endian({facts.work.reading_ns / 1000})});
  out.push_back({code, binary_list, big_endian({facts.work.writing_ns / 1000})});
  return out;
}

// SPC-4 7.3.9. Intervals are microseconds of the device's work; nothing is weighted, since there is no command priority.
std::vector<LogParameter> statistics(const LogFacts& facts) {
  const auto sum = [&facts](Count which) { return facts.tally.sum(TallyReader::statistics, which); };
  const unit::UnitTally& tally = facts.tally;
  LogParameter access{
      0x0001, unbounded_counter,
      big_endian({sum(Count::read_commands), sum(Count::write_commands),
                  sum(Count::written_bytes) / facts.block_bytes, sum(Count::read_bytes) / facts.block_bytes,
                  microseconds_since(facts.work.reading_ns, tally.reading_before_ns),
                  microseconds_since(facts.work.writing_ns, tally.writing_before_ns), 0, 0})};
  const uint64_t idle = idle_ns(facts.served_ns, facts.work);
  LogParameter idle_time{0x0002, unbounded_counter,
                         big_endian({microseconds_since(idle, tally.idle_before_ns)})};
  LogParameter interval{0x0003, binary_list, std::vector<uint8_t>(8)};
  store_be32(interval.value.data(), 6);  // EXPONENT: 10 to the power of -6 seconds
  store_be32(interval.value.data() + 4, 1);
  return {std::move(access), std::move(idle_time), std::move(interval)};
}

std::vector<LogParameter> cumulative(uint8_t page, const LogFacts& facts) {
  switch (page) {
    case log_page::write_errors: return errors(facts, Count::written_bytes, Count::write_errors);
    case log_page::read_errors: return errors(facts, Count::read_bytes, Count::read_errors);
    case log_page::verify_errors: return errors(facts, Count::verified_bytes, Count::verify_errors);
    case log_page::provisioning: return provisioning_resources(facts);
    case log_page::temperature: return {{0x0000, binary_list, {0, unknown_temperature}}};
    case log_page::application_client: return application_client(facts);
    case log_page::self_test_results: return self_tests();
    case log_page::background_scan: return background_scan(facts);
    case log_page::target_ports: return target_ports(facts);
    case log_page::statistics: return statistics(facts);
    case log_page::performance: return performance(facts);
    case log_page::informational_exceptions:  // SPC-4 7.3.10: none, as mode page 1Ch says
      return {{0x0000, binary_list, {0, 0, unknown_temperature, 0}}};
    default: return {};
  }
}

void append_page_codes(uint8_t subpage, const LogFacts& facts, std::vector<uint8_t>& out) {
  for (const uint8_t page : log_pages) {
    if (!has_log_page(page, 0, facts)) continue;
    out.push_back(page);
    if (subpage == log_page::all_subpages) out.push_back(0);
  }
}

}  // namespace

uint64_t idle_ns(uint64_t served_ns, const unit::WorkTime& work) {
  const uint64_t busy_ns = work.reading_ns + work.writing_ns;
  return served_ns > busy_ns ? served_ns - busy_ns : 0;
}

bool needs_work_time(uint8_t page) { return page == log_page::statistics || page == log_page::performance; }

bool has_log_page(uint8_t page, uint8_t subpage, const LogFacts& facts) {
  if (subpage == log_page::all_subpages) return page == log_page::supported;
  if (subpage != 0 || std::ranges::find(log_pages, page) == std::end(log_pages)) return false;
  return page != log_page::provisioning || (facts.thin && facts.pool.known());
}

std::vector<LogParameter> log_parameters(uint8_t page, const LogFacts& facts, LogControl control) {
  std::vector<LogParameter> out = cumulative(page, facts);
  if (control == LogControl::cumulative) return out;
  // Counters begin at nothing. No threshold is ever met (ETC is zero): the largest number is as good as none.
  const uint8_t fill = control == LogControl::default_cumulative ? 0x00 : 0xff;
  for (LogParameter& parameter : out) {
    if (is_counter(parameter)) std::ranges::fill(parameter.value, fill);
  }
  return out;
}

std::vector<uint8_t> log_page_bytes(uint8_t page, uint8_t subpage, const LogFacts& facts, LogControl control,
                                    uint16_t pointer) {
  const auto spf = static_cast<uint8_t>(subpage != 0 ? 0x40 : 0);
  std::vector<uint8_t> out = {static_cast<uint8_t>(page | spf), subpage, 0, 0};
  if (page == log_page::supported) append_page_codes(subpage, facts, out);
  for (const LogParameter& parameter : log_parameters(page, facts, control)) {
    if (parameter.code < pointer) continue;
    uint8_t header[4] = {0, 0, parameter.control, static_cast<uint8_t>(parameter.value.size())};
    store_be16(header, parameter.code);
    out.insert(out.end(), std::begin(header), std::end(header));
    out.insert(out.end(), parameter.value.begin(), parameter.value.end());
  }
  CHECK(out.size() - 4 <= UINT16_MAX, "log page {:02x} of {} bytes", page, out.size());
  store_be16(out.data() + 2, static_cast<uint16_t>(out.size() - 4));
  return out;
}

}  // namespace ashlar::scsi
