#include "block/request.h"

#include <fmt/format.h>

#include "loop/loop.h"

namespace ashlar::block {

std::string_view name_of(Operation operation) {
  static constexpr std::string_view names[] = {"read",         "write",       "flush", "discard",
                                               "write_zeroes", "find_extent", "clone"};
  return names[static_cast<size_t>(operation)];
}

std::string_view name_of(Status status) {
  static constexpr std::string_view names[] = {"ok",        "medium_error", "device_failed",
                                               "no_space",  "out_of_range", "misaligned",
                                               "read_only", "unsupported",  "aborted"};
  return names[static_cast<size_t>(status)];
}

std::string Request::describe() const {
  return fmt::format("{} {} at {}{}{}", name_of(operation), length, offset, durable ? " (durable)" : "",
                     may_discard ? " (may discard)" : "");
}

void Request::push(void (*hook)(Request&, Layer&), void* layer, uint64_t note) {
  CHECK(state_ == State::in_flight && layers_used_ < max_layers, "layers {}: {}", layers_used_, describe());
  layers_[layers_used_++] = Layer{hook, layer, note};
}

void Request::complete(Status outcome) {
  CHECK(state_ == State::in_flight, "completed twice: {}", describe());
  state_ = State::completing;
  status = outcome;
  loop::post_to_current(*this);
}

void Request::run() {
  while (layers_used_ > 0) {
    Layer& layer = layers_[--layers_used_];
    layer.hook(*this, layer);
  }
  state_ = State::idle;
  done(*this);
}

}  // namespace ashlar::block
