#include "cli/event_stream.h"

#include <algorithm>
#include <utility>

namespace ashlar::cli {

bool EventStream::feed(std::string_view bytes) {
  for (const char c : bytes) {
    // Lines end by CR LF, LF or CR.
    const bool second_half = std::exchange(after_return_, c == '\r') && c == '\n';
    if (second_half) continue;
    if (c == '\n' || c == '\r') {
      const std::string whole = std::exchange(partial_, {});
      if (!line(whole)) return false;
    } else if (partial_.size() + event_.data.size() < most_event_bytes) {
      partial_ += c;
    } else {
      overlong_ = true;
    }
  }
  return true;
}

bool EventStream::line(std::string_view text) {
  if (text.empty() && !overlong_) return dispatch();
  if (text.empty()) {
    overlong_ = has_data_ = false;
    event_ = {};
    return true;
  }
  const size_t colon = std::min(text.find(':'), text.size());
  const std::string_view field = text.substr(0, colon);
  std::string_view value = text.substr(std::min(colon + 1, text.size()));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.name = value;
  } else if (field == "id" && !value.contains('\0')) {
    event_.id = value;
  }
  return true;  // comments (":") and what newer servers send are passed over
}

bool EventStream::dispatch() {
  if (!event_.id.empty()) last_id_ = event_.id;
  const Event whole = std::exchange(event_, {});
  return !std::exchange(has_data_, false) || take_(whole);
}

}  // namespace ashlar::cli
