#include "engine/mode_page_records.h"

#include "base/log.h"
#include "engine/record_file.h"

namespace ashlar::engine {

loop::Task<Result<void>> ModePageRecords::keep(Uuid unit, std::string text) {
  auto entering = turnstile_.enter();
  const Result<void> entered = co_await entering;
  CO_TRY(entered);
  const Turnstile::Pass pass(turnstile_);
  auto writing = write_record(fmt::format("{}/{}", folder_, uuid_text(unit)), std::move(text));
  co_return co_await writing;
}

loop::Task<std::string> ModePageRecords::recall(Uuid unit) {
  auto reading = read_record(fmt::format("{}/{}", folder_, uuid_text(unit)));
  const Result<std::optional<std::string>> text = co_await reading;
  if (text) co_return text->value_or(std::string());
  log_error("engine", "saved mode pages of unit {} are lost, it begins with its defaults: {}",
            uuid_text(unit), text.error().text());
  co_return std::string();
}

}  // namespace ashlar::engine
