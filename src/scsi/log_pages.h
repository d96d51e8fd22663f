// Log pages (SPC-4 7.3, SBC-3 6.4): their bytes, made of numbers that are true.
#pragma once

#include <cstdint>
#include <vector>

#include "scsi/application_log.h"
#include "unit/logical_unit.h"

namespace ashlar::scsi {

/// A threshold set of thin provisioning holds this many bytes: what THRESHOLD EXPONENT of VPD page B2h says in blocks.
constexpr uint64_t threshold_set_bytes = 1u << 20;

namespace log_page {
constexpr uint8_t supported = 0x00;
constexpr uint8_t write_errors = 0x02;
constexpr uint8_t read_errors = 0x03;
constexpr uint8_t verify_errors = 0x05;
constexpr uint8_t provisioning = 0x0c;
constexpr uint8_t temperature = 0x0d;
constexpr uint8_t application_client = 0x0f;
constexpr uint8_t self_test_results = 0x10;
constexpr uint8_t background_scan = 0x15;
constexpr uint8_t target_ports = 0x18;
constexpr uint8_t statistics = 0x19;
constexpr uint8_t informational_exceptions = 0x2f;
constexpr uint8_t performance = 0x30;  ///< our own: docs/scsi.md has its parameters
constexpr uint8_t all_subpages = 0xff;
}  // namespace log_page

/// What the pages are made of. The references outlive it.
struct LogFacts {
  const unit::UnitTally& tally;
  const ApplicationLog& application_log;
  uint32_t block_bytes = 512;
  bool thin = false;
  unit::PoolFigures pool;
  unit::WorkTime work;            ///< for pages that needs_work_time() alone
  uint64_t served_ns = 0;         ///< since its first host came
  std::vector<uint16_t> ports{};  ///< relative target ports of the target that was asked, ascending
};

/// SPC-4 6.6: PC of LOG SENSE.
enum class LogControl : uint8_t { thresholds, cumulative, default_thresholds, default_cumulative };

struct LogParameter {
  uint16_t code = 0;
  uint8_t control = 0;
  std::vector<uint8_t> value;
};

/// How long it had surely nothing to do: all of the time but what its requests took one after the other. Where they overlap it
/// was longer.
uint64_t idle_ns(uint64_t served_ns, const unit::WorkTime& work);

/// It tells how long the device has worked, which has to be asked for.
bool needs_work_time(uint8_t page);
bool has_log_page(uint8_t page, uint8_t subpage, const LogFacts& facts);
/// All parameters of a page that has_log_page(), by ascending code; none for the lists of pages.
std::vector<LogParameter> log_parameters(uint8_t page, const LogFacts& facts, LogControl control);
/// The page with its parameters from `pointer` on.
std::vector<uint8_t> log_page_bytes(uint8_t page, uint8_t subpage, const LogFacts& facts, LogControl control,
                                    uint16_t pointer);

}  // namespace ashlar::scsi
