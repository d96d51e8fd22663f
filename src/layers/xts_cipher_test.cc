#include "layers/xts_cipher.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "base/identity.h"

namespace ashlar::layers {
namespace {

// IEEE 1619-2007 annex B, vectors 10 and 11: XTS-AES-256, 512 bytes that count from 0.
constexpr const char* key_of_annex =
    "27182818284590452353602874713526624977572470936999595749669676273141592653589793238462643383279502884197169399375105"
    "820974944592";
constexpr const char* vector_10 =
    "1c3b3a102f770386e4836c99e370cf9bea00803f5e482357a4ae12d414a3e63b5d31e276f8fe4a8d66b317f9ac683f44"
    "680a86ac35adfc3345befecb4bb188fd5776926c49a3095eb108fd1098baec70aaa66999a72a82f27d848b21d4a741b0"
    "c5cd4d5fff9dac89aeba122961d03a757123e9870f8acf1000020887891429ca2a3e7a7d7df7b10355165c8b9a6d0a7d"
    "e8b062c4500dc4cd120c0f7418dae3d0b5781c34803fa75421c790dfe1de1834f280d7667b327f6c8cd7557e12ac3a0f"
    "93ec05c52e0493ef31a12d3d9260f79a289d6a379bc70c50841473d1a8cc81ec583e9645e07b8d9670655ba5bbcfecc6"
    "dc3966380ad8fecb17b6ba02469a020a84e18e8f84252070c13e9f1f289be54fbc481457778f616015e1327a02b140f1"
    "505eb309326d68378f8374595c849d84f4c333ec4423885143cb47bd71c5edae9be69a2ffeceb1bec9de244fbe15992b"
    "11b77c040f12bd8f6a975a44a0f90c29a9abc3d4d893927284c58754cce294529f8614dcd2aba991925fedc4ae74ffac"
    "6e333b93eb4aff0479da9a410e4450e0dd7ae4c6e2910900575da401fc07059f645e8b7e9bfdef33943054ff84011493"
    "c27b3429eaedb4ed5376441a77ed43851ad77f16f541dfd269d50d6a5f14fb0aab1cbb4c1550be97f7ab4066193c4caa"
    "773dad38014bd2092fa755c824bb5e54c4f36ffda9fcea70b9c6e693e148c151";
constexpr const char* beginning_of_vector_11 =
    "77a31251618a15e6b92d1d66dffe7b50b50bad552305ba0217a610688eff7e11";

DataKey annex_key() {
  DataKey key;
  CHECK(parse_hex(key_of_annex, key.bytes(), "key"));
  return key;
}

std::vector<uint8_t> counting() {
  std::vector<uint8_t> bytes(512);
  std::iota(bytes.begin(), bytes.end(), uint8_t{0});
  return bytes;
}

TEST(XtsCipher, KnownAnswers) {
  XtsCipher cipher(annex_key(), 512);
  const std::vector<uint8_t> plain = counting();
  std::vector<uint8_t> data(512);
  cipher.encrypt(0xff, plain.data(), data.data());
  EXPECT_EQ(hex_of(data), vector_10);
  cipher.decrypt(0xff, data.data(), data.data());
  EXPECT_EQ(data, plain);
  cipher.encrypt(0xffff, plain.data(), data.data());
  EXPECT_EQ(hex_of(ConstBytes(data).first(32)), beginning_of_vector_11);
}

TEST(XtsCipher, EachBlockAndEachKeyHasItsOwnCiphertext) {
  XtsCipher cipher(annex_key(), 512);
  DataKey other_key = annex_key();
  other_key.bytes()[0] ^= 1;
  XtsCipher other(other_key, 512);
  const std::vector<uint8_t> plain = counting();
  std::vector<uint8_t> first(512), second(512), third(512);
  cipher.encrypt(1, plain.data(), first.data());
  cipher.encrypt(uint64_t{1} << 40, plain.data(), second.data());
  other.encrypt(1, plain.data(), third.data());
  EXPECT_NE(first, second);
  EXPECT_NE(first, third);
  other.decrypt(1, first.data(), second.data());
  EXPECT_NE(second, plain);
}

TEST(DataKey, ItsHalvesMustDiffer) {
  EXPECT_TRUE(annex_key().usable());
  EXPECT_FALSE(DataKey().usable());
}

}  // namespace
}  // namespace ashlar::layers
