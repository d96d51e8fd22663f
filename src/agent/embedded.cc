#include "agent/embedded.h"

// The assembler takes the files in; ASHLAR_DOCS is the folder, given by src/CMakeLists.txt, which also rebuilds this file when
// one of them changes.
#define ASHLAR_EMBED(name, file)                                                                          \
  __asm__(".section .rodata\n.global embedded_" #name "\n.global embedded_" #name "_end\nembedded_" #name \
          ":\n.incbin \"" ASHLAR_DOCS "/" file "\"\nembedded_" #name "_end:\n.byte 0\n.previous\n");      \
  extern "C" const char embedded_##name[];                                                                \
  extern "C" const char embedded_##name##_end[]

ASHLAR_EMBED(openapi, "openapi.yaml");
ASHLAR_EMBED(page, "api.html");
ASHLAR_EMBED(script, "api.js");

namespace ashlar::agent {

std::string_view embedded_openapi_yaml() { return {embedded_openapi, embedded_openapi_end}; }
std::string_view embedded_page_html() { return {embedded_page, embedded_page_end}; }
std::string_view embedded_page_script() { return {embedded_script, embedded_script_end}; }

}  // namespace ashlar::agent
