#include "scsi/saved_mode_pages.h"

#include <algorithm>
#include <charconv>
#include <memory>

#include "scsi/nexus_impl.h"
#include "unit/keeping.h"

namespace ashlar::scsi {
namespace {

struct Flag {
  std::string_view name;
  bool ModeParameters::* member;
};
constexpr Flag flags[] = {
    {"write_cache", &ModeParameters::write_cache},
    {"descriptor_sense", &ModeParameters::descriptor_sense},
    {"software_write_protect", &ModeParameters::software_write_protect},
    {"separate_task_sets", &ModeParameters::separate_task_sets},
    {"task_aborted_status", &ModeParameters::task_aborted_status},
    {"threshold_enabled", &ModeParameters::threshold_enabled},
    {"timestamp_by_hosts", &ModeParameters::timestamp_by_hosts},
};

// False: no such word, or not a value of it.
bool take(std::string_view name, uint32_t value, ModeParameters& parameters) {
  for (const Flag& flag : flags) {
    if (flag.name != name) continue;
    parameters.*flag.member = value == 1;
    return value <= 1;
  }
  if (name == "queue_errors") {
    parameters.queue_errors = static_cast<QueueErrors>(value);
    return value == 0 || value == 1 || value == 3;
  }
  if (name == "attention_interlock") {
    parameters.attention_interlock = static_cast<AttentionInterlock>(value);
    return value == 0 || value == 2 || value == 3;
  }
  if (name == "threshold_sets") parameters.threshold_sets = value;
  return name == "threshold_sets";
}

}  // namespace

loop::Task<Result<void>> keep_mode_pages(Domain& domain, Uuid unit, std::string text) {
  const unit::KeepWork work = [](unit::Keeper& keeper, Uuid of, std::string words) {
    return keeper.keep_mode_parameters(of, std::move(words));
  };
  auto keeping = unit::keep_at_home(*domain.impl().records(), work, unit, std::move(text));
  co_return co_await keeping;
}

std::string encode_mode_parameters(const ModeParameters& parameters) {
  std::string out;
  for (const Flag& flag : flags) out += fmt::format("{}={} ", flag.name, parameters.*flag.member ? 1 : 0);
  out += fmt::format("queue_errors={} ", static_cast<int>(parameters.queue_errors));
  out += fmt::format("attention_interlock={}", static_cast<int>(parameters.attention_interlock));
  if (parameters.threshold_sets) out += fmt::format(" threshold_sets={}", *parameters.threshold_sets);
  return out;
}

Result<ModeParameters> decode_mode_parameters(std::string_view text, std::string_view place) {
  ModeParameters out;
  while (!text.empty()) {
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    const size_t equals = word.find('=');
    uint32_t value = 0;
    const char* end = word.data() + word.size();
    bool right = equals != std::string_view::npos;
    if (right) {
      const auto [rest, error] = std::from_chars(word.data() + equals + 1, end, value);
      right = error == std::errc() && rest == end && take(word.substr(0, equals), value, out);
    }
    if (!right)
      return fail(ErrorCode::invalid_argument, std::string(place), "'{}' is no mode parameter", word);
  }
  return out;
}

}  // namespace ashlar::scsi
