// Names from people and DNs from servers: one value stays one value, and what is normal stays so.
#include "access/ldap_name.h"

#include "base/bytes.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace ashlar;
  if (size > 4096) return 0;
  const std::string_view text = text_of({data, size});
  const std::string normal = access::normal_dn(text);
  CHECK(access::normal_dn(normal) == normal, "{}", normal);
  for (const char c : access::escape_filter_value(text)) CHECK(c != '*' && c != '(' && c != ')' && c != '\0');
  const std::string value = access::escape_dn_value(text);
  CHECK(value.find_first_of(",+=\"<>;# ") == std::string::npos);
  return 0;
}
