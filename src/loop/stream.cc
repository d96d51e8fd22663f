#include "loop/stream.h"

#include "base/address.h"

namespace ashlar::loop {

std::string Endpoint::text() const { return is_unix() ? address : print_address_and_port(address, port); }

}  // namespace ashlar::loop
