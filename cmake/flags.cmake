# Every target of ours links ashlar_flags, so that one precompiled header fits all.
# Build types: Release (ships), Debug (for a debugger), Check (under a sanitizer: not optimized, as compiling instrumented
# code takes 2.6 times as long at -O1, and nothing that is wrong gets optimized away).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_CXX_FLAGS_DEBUG "-O0 -g")
set(CMAKE_CXX_FLAGS_CHECK "-O0 -g1")

add_library(ashlar_flags INTERFACE)
target_include_directories(ashlar_flags INTERFACE ${PROJECT_SOURCE_DIR}/src)
target_compile_options(ashlar_flags INTERFACE
  # A name local to one file hides nothing of another one that happens to be compiled with it.
  -Wall -Wextra $<$<NOT:$<BOOL:${ASHLAR_UNITY}>>:-Wshadow> -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
  -Wformat=2 -Wvla -Wcast-qual -Wextra-semi -Wunused-result
  # A designated initializer that leaves the rest to their defaults is what we want to write.
  -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
  $<$<BOOL:${ASHLAR_WERROR}>:-Werror>
  -march=x86-64-v2 -fno-omit-frame-pointer -fPIE -fstack-protector-strong
  # Messages and debug information name files from the top of the tree, wherever it was built.
  -ffile-prefix-map=${PROJECT_SOURCE_DIR}/=
  "SHELL:-Xclang -fno-pch-timestamp")
# Out-of-range access to std containers stops the process instead of reading on.
target_compile_definitions(ashlar_flags INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(ashlar_flags INTERFACE -fuse-ld=lld -pie -Wl,-z,relro -Wl,-z,now -Wl,--as-needed)

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT ASHLAR_SANITIZE)
  target_compile_options(ashlar_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
if(ASHLAR_SANITIZE)
  # Every call keeps its frame, so that a report shows the whole way.
  target_compile_options(ashlar_flags INTERFACE -fno-optimize-sibling-calls)
  target_compile_options(ashlar_flags INTERFACE -fsanitize=${ASHLAR_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(ashlar_flags INTERFACE -fsanitize=${ASHLAR_SANITIZE} -fno-sanitize-recover=all)
endif()
# For the rooms that a fuzzer explores: it is steered by what their code counts.
add_library(ashlar_explored INTERFACE)
if(ASHLAR_FUZZ)
  target_compile_options(ashlar_explored INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(ASHLAR_COVERAGE)
  target_compile_options(ashlar_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
  target_link_options(ashlar_flags INTERFACE -fprofile-instr-generate -fcoverage-mapping)
endif()
