#include "engine/power_ons.h"

#include "base/log.h"
#include "engine/engine.h"
#include "engine/record_file.h"
#include "rpc/document_fields.h"

namespace ashlar::engine {
namespace {

struct KeptPowerOns {
  uint64_t count = 0;
  std::vector<uint64_t> milliseconds;
};

template <typename V, rpc::Is<KeptPowerOns> T>
void visit_fields(V& v, T& kept) {
  v.field("count", kept.count, rpc::required);
  v.field("milliseconds", kept.milliseconds, rpc::required);
}

void add(nvme::PowerOns& power_ons, uint64_t now_milliseconds) {
  ++power_ons.count;
  power_ons.milliseconds.push_back(now_milliseconds);
  if (power_ons.milliseconds.size() > most_power_ons)
    power_ons.milliseconds.erase(power_ons.milliseconds.begin());
}

}  // namespace

std::string power_ons_text(const nvme::PowerOns& power_ons) {
  return rpc::print_json(rpc::encode(KeptPowerOns{power_ons.count, power_ons.milliseconds}));
}

Result<nvme::PowerOns> parse_power_ons(const std::string& text) {
  TRY_ASSIGN(const rpc::Json json, rpc::parse_json(text));
  TRY_ASSIGN(KeptPowerOns kept, rpc::decode<KeptPowerOns>(json, "", rpc::Unknown::refuse));
  if (kept.count < kept.milliseconds.size() || kept.milliseconds.size() > most_power_ons)
    return fail(ErrorCode::invalid_argument, "milliseconds", "are {} of {} starts", kept.milliseconds.size(),
                kept.count);
  return nvme::PowerOns{kept.count, std::move(kept.milliseconds)};
}

loop::Task<nvme::PowerOns> count_power_on(std::string path, uint64_t now_milliseconds) {
  auto reading = read_record(path);
  const Result<std::optional<std::string>> text = co_await reading;
  nvme::PowerOns power_ons;
  if (text && *text) {
    Result<nvme::PowerOns> kept = parse_power_ons(**text);
    if (kept) power_ons = std::move(*kept);
    if (!kept) log_warning("engine", "earlier starts are not known: {}", kept.error().text());
  } else if (!text) {
    log_warning("engine", "earlier starts are not known: {}", text.error().text());
  }
  add(power_ons, now_milliseconds);
  auto writing = write_record(path, power_ons_text(power_ons));
  const Result<void> written = co_await writing;
  if (!written) log_warning("engine", "this start is not written down: {}", written.error().text());
  co_return power_ons;
}

loop::Task<void> Engine::note_power_on() {
  const auto now = static_cast<uint64_t>(loop::Loop::current().wall_clock().count() / 1'000'000);
  nvme::PowerOns& power_ons = options_.nvme_settings.power_ons;
  if (options_.state_folder.empty()) {
    add(power_ons, now);
    co_return;
  }
  auto counting = count_power_on(fmt::format("{}/power-ons", options_.state_folder), now);
  power_ons = co_await counting;
}

}  // namespace ashlar::engine
