#include "engine/apply.h"

#include "base/log.h"

namespace ashlar::engine {
namespace {

std::string words_of(const Step& step) {
  const rpc::StepReport report = describe(step);
  return report.name.empty() ? report.kind : fmt::format("{} {}", report.kind, report.name);
}

}  // namespace

loop::Task<Result<void>> run_steps(StepRunner& runner, const std::vector<Step>& steps) {
  Error failure;
  size_t done = 0;
  for (; done < steps.size(); ++done) {
    auto running = runner.run(steps[done]);
    Result<void> outcome = co_await running;
    if (!outcome) {
      failure = std::move(outcome).error();
      break;
    }
  }
  if (done == steps.size()) co_return Result<void>{};
  const std::string& place = steps[done].place;
  if (!place.empty() && !failure.place.starts_with(place)) {
    failure.place = failure.place.empty() ? place : fmt::format("{} ({})", place, failure.place);
  }
  log_warning("engine", "apply: {} failed, taking back {} steps: {}", words_of(steps[done]), done,
              failure.text());
  while (done-- > 0) {
    const Step back = inverse(steps[done]);
    auto running = runner.run(back);
    const Result<void> outcome = co_await running;
    if (outcome) continue;
    log_error("engine", "apply: taking back \"{}\" failed: {}", words_of(steps[done]),
              outcome.error().text());
    failure.message +=
        fmt::format("; and taking back \"{}\" failed: {}", words_of(steps[done]), outcome.error().text());
  }
  co_return std::unexpected(std::move(failure));
}

}  // namespace ashlar::engine
