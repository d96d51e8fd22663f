#include "base/hmac.h"

#include <gtest/gtest.h>

#include "base/identity.h"

namespace ashlar {
namespace {

// RFC 4231 4.3, with the data in one part and in three.
TEST(Hmac, VectorsOfTheStandard) {
  const ConstBytes key = bytes_of("Jefe");
  const char* const expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
  EXPECT_EQ(hex_of(*hmac_of("SHA256", key, {bytes_of("what do ya want for nothing?")})), expected);
  EXPECT_EQ(hex_of(*hmac_of("SHA256", key, {bytes_of("what do ya "), {}, bytes_of("want for nothing?")})),
            expected);
  EXPECT_EQ(hmac_of("SHA384", key, {})->size(), 48u);
}

TEST(Hmac, AHashThatIsNotThereIsAnErrorAndNoKey) {
  const auto none = hmac_of("SHA257", bytes_of("Jefe"), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unsupported);
  EXPECT_NE(none.error().message.find("SHA257"), std::string::npos);
}

}  // namespace
}  // namespace ashlar
