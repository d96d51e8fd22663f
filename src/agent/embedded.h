// Files of docs/ that the program carries within it.
#pragma once

#include <string_view>

namespace ashlar::agent {

std::string_view embedded_openapi_yaml();
std::string_view embedded_page_html();
std::string_view embedded_page_script();

}  // namespace ashlar::agent
