#include "loop/post_function.h"

#include <memory>

namespace ashlar::loop {
namespace {

class PostedFunction final : public Ready {
 public:
  explicit PostedFunction(std::move_only_function<void()> work) : work_(std::move(work)) {}
  void run() override {
    const std::unique_ptr<PostedFunction> self(this);
    work_();
  }

 private:
  std::move_only_function<void()> work_;
};

}  // namespace

void post_function(Loop& loop, std::move_only_function<void()> work) {
  loop.post(*std::make_unique<PostedFunction>(std::move(work)).release());
}

}  // namespace ashlar::loop
