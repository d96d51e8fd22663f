// Runs a plan, step after step; when one fails, takes back those before it in reverse order.
#pragma once

#include <vector>

#include "base/result.h"
#include "engine/plan.h"
#include "loop/task.h"

namespace ashlar::engine {

/// Does one step to the real things. A step that fails has changed nothing.
class StepRunner {
 public:
  virtual loop::Task<Result<void>> run(Step step) = 0;

 protected:
  ~StepRunner() = default;
};

/// All steps, or none: the error is the failed step's, with its place. If taking back fails as well, that is logged and told
/// in the error's message. `runner` and `steps` outlive the task.
loop::Task<Result<void>> run_steps(StepRunner& runner, const std::vector<Step>& steps);

}  // namespace ashlar::engine
