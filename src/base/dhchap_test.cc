#include "base/dhchap.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <numeric>

#include "base/identity.h"

namespace ashlar {
namespace {

std::vector<uint8_t> bytes_from(size_t bytes, uint8_t from = 0) {
  std::vector<uint8_t> made(bytes);
  std::iota(made.begin(), made.end(), from);
  return made;
}

// All expectations are those of another implementation, of big numbers and hashes in Python.
struct ResponseCase {
  DhchapHash hash;
  const char* of_host;
  const char* of_controller;
};
const ResponseCase responses[] = {
    {DhchapHash::sha256, "5c3fbb95a0c5b11f798d4139b5aafee37f4bcc086db115ad44ae760eff21c47c",
     "630b6d747e8b0bec7d00be1d6e5716dacdc0ba60d2fc95d31d8c13593fa559e5"},
    {DhchapHash::sha384,
     "7db2d9416f734d50a8b7474d15ceec6d523821346b1b639d1c7c80178215ac986f93b571b42971182a4495dfd6626280",
     "dbdf73338396d7f9411cd3849f6346ed09efcccf0a154dc57e0a36e1a636229fab883573695ea7d7790887eacfbb1cf4"},
    {DhchapHash::sha512,
     "7ad97ee66685695c7681f7c779f1c43e628cd335e82f833207545b7e0f259f29e88c391a38f0f50d4e4281d1a98abd14b18618e419b70"
     "eb5d3ef10572575d628",
     "99cec4a9718a84fd6c9ac1ce380f9715a06aa839ce45677d13229eb8bac06935f057a91988511056830c3782e7e6166346b6625e41ca7"
     "e35106648fb73c406e0"}};

TEST(Dhchap, Responses) {
  const std::vector<uint8_t> session = bytes_from(256);
  for (const ResponseCase& each : responses) {
    const std::vector<uint8_t> challenge = bytes_from(digest_bytes(each.hash), 0x40);
    DhchapProof proof{.hash = each.hash,
                      .challenge = challenge,
                      .session = {},
                      .sequence = 0x01020304,
                      .transaction = 0x0506,
                      .host = "nqn.2014-08.org.nvmexpress:uuid:h1",
                      .subsystem = "nqn.2026-11.io.ashlar:test"};
    const auto of_host = host_response(proof, {DhchapHash::sha256, bytes_from(32)});
    ASSERT_TRUE(of_host);
    EXPECT_EQ(hex_of(*of_host), each.of_host);
    proof.session = session;
    proof.secure_channel = 1;  // counts for the host alone
    const auto of_controller = controller_response(proof, {std::nullopt, bytes_from(32)});
    ASSERT_TRUE(of_controller);
    EXPECT_EQ(hex_of(*of_controller), each.of_controller);
    EXPECT_NE(*host_response(proof, {DhchapHash::sha256, bytes_from(32)}), *of_host);
  }
}

struct GroupCase {
  DhchapGroup group;
  const char* value;    // SHA-256 of g^x
  const char* session;  // of g^xy
};
const GroupCase groups[] = {
    {DhchapGroup::ffdhe2048, "1908b0773912e53f8b481d76c9723f551e22e7edcee9e562bf0cc763a9ce3958",
     "da2e5a31108cb467718205688162911b67b0775bb6427693cc44e99296029eeb"},
    {DhchapGroup::ffdhe3072, "e9f81f609bb558fd1ea247cff217d7681f14a9b132cb0c93203a873ad800ca24",
     "7ca8871c67094faa57d2d029157ddede14907ea9ad868e87a42b29a10b9b86f9"},
    {DhchapGroup::ffdhe4096, "a53688d3a4d42b2c60ebff8551c83d059a0415eea23c365d1e190ebaff879f1c",
     "b423e866c604cc41468f35e233d5f96320623d8fc88dc45bc671e04b06abb6fb"},
    {DhchapGroup::ffdhe6144, "21ff5bd61a7d69b1817b7ae910dc291ab6c5f4d60aa562b30c987dda2f0f9157",
     "332940455ad5fb10c840d23362c27930dd69a5d657415e44d025d9d2d0272f9f"},
    {DhchapGroup::ffdhe8192, "b2f1e92b44e0a45ee7b23938bfd9be352a84ab3878fa0afae756e3c4f6999e9e",
     "2a6df4efba355cdb6e01ef0a30f59043e965e571a09a5f8d0b5b2a7ddccc6634"}};

std::string digest_text(ConstBytes bytes) {
  std::array<uint8_t, 32> digest{};
  EXPECT_EQ(EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, EVP_sha256(), nullptr), 1);
  return hex_of(digest);
}

TEST(Dhchap, Groups) {
  std::vector<uint8_t> x = bytes_from(dh_secret_bytes, 1), y(x.rbegin(), x.rend());
  for (const GroupCase& each : groups) {
    const auto value = DhExponentiation{each.group, x, {}}.run();
    ASSERT_TRUE(value) << value.error().text();
    EXPECT_EQ(value->size(), dh_value_bytes(each.group));
    EXPECT_EQ(digest_text(*value), each.value) << name_of(each.group);
    const auto session = DhExponentiation{each.group, y, *value}.run();
    ASSERT_TRUE(session) << session.error().text();
    EXPECT_EQ(digest_text(*session), each.session) << name_of(each.group);
  }
}

TEST(Dhchap, ValuesThatAreNoneOfTheGroup) {
  const std::vector<uint8_t> x = bytes_from(dh_secret_bytes, 1);
  std::vector<uint8_t> value(dh_value_bytes(DhchapGroup::ffdhe2048));
  for (const int last : {0, 1}) {
    value.back() = static_cast<uint8_t>(last);
    const auto session = DhExponentiation{DhchapGroup::ffdhe2048, x, value}.run();
    ASSERT_FALSE(session) << last;
    EXPECT_EQ(session.error().code, ErrorCode::protocol_error);
  }
  // More than the prime.
  EXPECT_FALSE((DhExponentiation{DhchapGroup::ffdhe2048, x, std::vector<uint8_t>(256, 0xff)}.run()));
}

TEST(Dhchap, Proofs) {
  EXPECT_TRUE(same_proof(bytes_from(32), bytes_from(32)));
  EXPECT_FALSE(same_proof(bytes_from(32), bytes_from(31)));
  EXPECT_FALSE(same_proof(bytes_from(32), bytes_from(32, 1)));
  std::vector<uint8_t> secret = bytes_from(8);
  forget_secret(secret);
  EXPECT_TRUE(secret.empty());
}

}  // namespace
}  // namespace ashlar
