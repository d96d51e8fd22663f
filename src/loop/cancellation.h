// A wait that somebody else may end.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "base/result.h"

namespace ashlar::loop {

/// Ends what a story waits for, so that it goes on with an error soon. On one loop; outlives the story.
class Cancellation {
 public:
  /// While it lives, this is what cancel() does. Scopes nest: the innermost acts. Without a cancellation nothing ever does.
  class Scope {
   public:
    Scope(Cancellation* cancellation, std::function<void()> action) : cancellation_(cancellation) {
      if (cancellation_ != nullptr) outer_ = std::exchange(cancellation_->action_, std::move(action));
    }
    ~Scope() {
      if (cancellation_ != nullptr) cancellation_->action_ = std::move(outer_);
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Cancellation* cancellation_;
    std::function<void()> outer_;
  };

  void cancel() {
    cancelled_ = true;
    if (action_) action_();
  }
  bool cancelled() const { return cancelled_; }
  /// aborted after cancel(). For a story that goes on: that is a little later than the end of what it waited for.
  static Result<void> check(const Cancellation* cancellation, const std::string& place) {
    if (cancellation == nullptr || !cancellation->cancelled_) return {};
    return fail(ErrorCode::aborted, place, "given up");
  }

 private:
  std::function<void()> action_;
  bool cancelled_ = false;
};

}  // namespace ashlar::loop
