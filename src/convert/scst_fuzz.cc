// Any bytes as scst's configuration: no crash, and what is made of them is a configuration that can be read again.
#include <cstdlib>

#include "base/bytes.h"
#include "convert/convert.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  const auto imported = convert::import(text_of({data, size}), convert::Source::scst);
  if (!imported) {
    if (imported.error().message.empty()) std::abort();
    return 0;
  }
  const auto json = api::write_configuration(imported->configuration, api::Secrets::show);
  if (const auto again = api::read_configuration(json); !again || *again != imported->configuration)
    std::abort();
  return 0;
}
