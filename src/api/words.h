// The words of the JSON codec are words of this room too: api::Json, api::decode and so on.
#pragma once

#include "json/json.h"

namespace ashlar::json {}
namespace ashlar::api {
using namespace ashlar::json;
}
