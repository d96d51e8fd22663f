// libcurl's failures as ours: which class, and a sentence that says how to mend it.
#pragma once

#include <curl/curl.h>

#include <string>

#include "base/result.h"

namespace ashlar::http {

/// `place` is who was asked; `words` is what libcurl wrote into its error buffer, which alone tells a TLS alert from a reset.
Error error_of_curl(CURLcode code, std::string place, const std::string& words, long os_error);

}  // namespace ashlar::http
