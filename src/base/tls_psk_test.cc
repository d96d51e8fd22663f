#include "base/tls_psk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/identity.h"

namespace ashlar {
namespace {

using testing::HasSubstr;

// The vectors of libnvme's own tests (test/psk.c): keys, and identities with the digest of what is derived of them.
constexpr char short_key[] = "5512dbb6737d0106f65975b773dfb011ffc344bcf442e2dd6d8bc4870b5d5b03";
constexpr char long_key[] =
    "5512dbb6737d0106f65975b773dfb011ffc344bcf442e2dd6d8bc4870b5d5b03ffc344bcf442e2dd6d8bc4870b5d5b03";
constexpr char short_text[] = "NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
constexpr char long_text[] =
    "NVMeTLSkey-1:02:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwP/w0S89ELi3W2LxIcLXVsDn8kXZQ==:";
constexpr char plain_text[] = "NVMeTLSkey-1:00:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:";
constexpr char host[] = "nqn.psk-test-host";
constexpr char subsystem[] = "nqn.psk-test-subsys";

std::vector<uint8_t> key_of(std::string_view hex) {
  std::vector<uint8_t> key(hex.size() / 2);
  EXPECT_TRUE(parse_hex(hex, key, ""));
  return key;
}

std::string identity_of(std::string_view text, PskLabels labels) {
  const auto psk = derive_tls_psk(*parse_tls_key(text, ""), host, subsystem, 1, labels);
  return psk ? psk->identity : psk.error().text();
}

TEST(TlsPsk, KeysAreReadAndWrittenAsLibnvmeDoes) {
  const std::tuple<const char*, PskHash, const char*> known[] = {
      {short_text, PskHash::sha256, short_key},
      {long_text, PskHash::sha384, long_key},
      {plain_text, PskHash::none, short_key},
  };
  for (const auto& [text, transform, key] : known) {
    const auto parsed = parse_tls_key(text, "key");
    ASSERT_TRUE(parsed) << parsed.error().text();
    EXPECT_EQ(*parsed, (ConfiguredPsk{transform, key_of(key)}));
    EXPECT_EQ(print_tls_key(*parsed), text);
  }
}

TEST(TlsPsk, WrongKeysAreRefusedWithoutQuotingThem) {
  const std::pair<const char*, const char*> wrong[] = {
      {"", "begins with"},
      {"NVMeTLSkey-2:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "begins with"},
      {"NVMeTLSkey-1:", "00, 01 (SHA-256)"},
      {"NVMeTLSkey-1:03:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "00, 01 (SHA-256)"},
      {"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ", "ends with a colon"},
      {"NVMeTLSkey-1:01::", "not base64"},
      {"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9Lr:", "not base64"},
      {"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9=wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "not base64"},
      {"NVMeTLSkey-1:01:VRLb nN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "not base64"},
      {"NVMeTLSkey-1:01:AAAA:", "0 bytes"},
      {"NVMeTLSkey-1:02:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "32 bytes"},
      {"NVMeTLSkey-1:01:VRLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrY:", "check value"},
      {"NVMeTLSkey-1:01:ARLbtnN9AQb2WXW3c9+wEf/DRLz0QuLdbYvEhwtdWwNf9LrZ:", "check value"},
  };
  for (const auto& [text, why] : wrong) {
    const auto parsed = parse_tls_key(text, "hosts[0].tls_key");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().place, "hosts[0].tls_key");
    EXPECT_THAT(parsed.error().message, HasSubstr(why)) << text;
    EXPECT_THAT(parsed.error().message, testing::Not(HasSubstr("nN9A"))) << text;
  }
}

TEST(TlsPsk, IdentitiesAreThoseOfLibnvme) {
  EXPECT_EQ(identity_of(short_text, PskLabels::standard),
            "NVMe1R01 nqn.psk-test-host nqn.psk-test-subsys iSbjiStwJ/1TrTvDlt2fjFmzvsytOJelidNnA+X5lEU=");
  EXPECT_EQ(identity_of(long_text, PskLabels::standard),
            "NVMe1R02 nqn.psk-test-host nqn.psk-test-subsys "
            "QhW2+Rp6RzHlNtCslyRxMnwJ11tKKhz8JCAQpQ+XUD8f9td1VeH5h53yz2wKJG1a");
  EXPECT_EQ(identity_of(short_text, PskLabels::unmeasured),
            "NVMe1R01 nqn.psk-test-host nqn.psk-test-subsys 66GuqV08TsAGII39teWUfwQwizjv06Jy8jOcX3NAAzM=");
  EXPECT_EQ(identity_of(long_text, PskLabels::unmeasured),
            "NVMe1R02 nqn.psk-test-host nqn.psk-test-subsys "
            "RsKmYJ3nAn1ApjjMloJFbAkLPivONDAX/xW327YBUsn2eGShXSjCZvBaOxscLqmz");
}

// Worked out beside this code, with Python's hmac, from the text of the standard.
TEST(TlsPsk, KeysAreDerivedAsTheStandardSays) {
  const auto derived = [](std::string_view text, uint8_t version, PskLabels labels) {
    return hex_of(derive_tls_psk(*parse_tls_key(text, ""), host, subsystem, version, labels)->key);
  };
  EXPECT_EQ(derived(short_text, 0, PskLabels::standard),
            "05c6503551ad136e6ee32e6eeb3f6d500b69701d84ec71e328f65c7f51566f68");
  EXPECT_EQ(derived(short_text, 1, PskLabels::standard),
            "8fc3c0badfd4c0c66fa3ca33aadd0314f85536cc9bc47338b60f3e6e563786ca");
  EXPECT_EQ(
      derived(long_text, 0, PskLabels::standard),
      "f42ba63824cdfe421914c582921f85b5b5b7e2d4df084caeedc9be20b212e8bb0fe8a23e9d59a1c8fc6449da4970a78d");
  EXPECT_EQ(
      derived(long_text, 1, PskLabels::standard),
      "a2b2f943f479fc682555cec89857c80ed004ce92f32a973d5764155bb7e36b17a85368a0666d250afac9282dda2e62ca");
  EXPECT_EQ(derived(plain_text, 0, PskLabels::standard),
            "ec85300ba827726bd3bc4fc07f3a34aec5fe7c8ccac05fefc2f021c74e0df9ef");
  EXPECT_EQ(derived(short_text, 1, PskLabels::unmeasured),
            "b9f5ab2a41ba6e72a23a12066302a2f775fa6c0942c8e0b18ca8ac07edf305e2");
  const auto psk = derive_tls_psk(*parse_tls_key(short_text, ""), host, subsystem, 0);
  EXPECT_EQ(psk->identity, "NVMe0R01 nqn.psk-test-host nqn.psk-test-subsys");
}

TEST(TlsPsk, LongNamesNeedVersion1) {
  const std::string name = "nqn.2026-11.io.ashlar:" + std::string(200, 'x');
  const ConfiguredPsk key = *parse_tls_key(short_text, "");
  const auto refused = derive_tls_psk(key, name, name, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::out_of_range);
  EXPECT_TRUE(derive_tls_psk(key, name, name, 1));
}

TEST(TlsPsk, IdentitiesAreTakenApart) {
  const auto first = parse_psk_identity("NVMe0R01 nqn.h nqn.s");
  ASSERT_TRUE(first);
  EXPECT_EQ(first->version, 0);
  EXPECT_EQ(first->hash, PskHash::sha256);
  EXPECT_EQ(first->host, "nqn.h");
  EXPECT_EQ(first->subsystem, "nqn.s");
  const auto second = parse_psk_identity("NVMe1R02 nqn.h nqn.s abc=");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->version, 1);
  EXPECT_EQ(second->hash, PskHash::sha384);
  EXPECT_EQ(second->digest, "abc=");
  for (const std::string_view wrong :
       {"", "NVMe0R01", "NVMe0R01 ", "NVMe0R01 nqn.h", "NVMe0R01 nqn.h ", "NVMe0R01 nqn.h  nqn.s",
        "NVMe0R01 nqn.h nqn.s x", "NVMe1R01 nqn.h nqn.s", "NVMe1R01 nqn.h nqn.s a b", "NVMe2R01 nqn.h nqn.s",
        "NVMe0R03 nqn.h nqn.s", "NVMe0R00 nqn.h nqn.s", "NVMe0G01 nqn.h nqn.s", "NVMe0R11 nqn.h nqn.s",
        "nvme0R01 nqn.h nqn.s", "NVMe0R01 nqn.\nh nqn.s", "Client_identity"})
    EXPECT_FALSE(parse_psk_identity(wrong)) << wrong;
}

}  // namespace
}  // namespace ashlar
