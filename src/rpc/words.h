// The words of the JSON codec are words of this room too: rpc::Json, rpc::decode and so on.
#pragma once

#include "json/json.h"

namespace ashlar::json {}
namespace ashlar::rpc {
using namespace ashlar::json;
}
