#include "loop/stream.h"

#include <fmt/format.h>

namespace ashlar::loop {

std::string Endpoint::text() const {
  if (is_unix()) return address;
  if (address.find(':') != std::string::npos) return fmt::format("[{}]:{}", address, port);
  return fmt::format("{}:{}", address, port);
}

}  // namespace ashlar::loop
