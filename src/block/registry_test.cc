#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "block/gatekeeper.h"
#include "block/test_shards.h"
#include "stores/stores.h"

namespace ashlar::block {
namespace {

using testing::HasSubstr;

class RegistryTest : public testing::Test {
 protected:
  RegistryTest() {
    stores::add_all(registry_);
    registry_.add_layer("shout", {{"volume", false, "how loud"}},
                        [](StoreSpec, std::shared_ptr<Store> below) {
                          return Result<std::shared_ptr<Store>>(std::move(below));
                        });
  }
  Error refused(StoreSpec spec) {
    Result<std::shared_ptr<Store>> opened =
        shards_.run([&] { return registry_.open(spec, "volumes[2].store"); });
    EXPECT_FALSE(opened);
    return opened ? Error{} : opened.error();
  }
  StoreSpec spec(std::string kind, std::map<std::string, std::string> options = {}) {
    StoreSpec made;
    made.kind = std::move(kind);
    made.options = std::move(options);
    made.size_bytes = 1 << 20;
    return made;
  }
  Registry registry_;
  TestShards shards_{1};
};

TEST_F(RegistryTest, OpensWhatIsAskedFor) {
  const auto opened = shards_.run([&] { return registry_.open(spec("memory"), "volumes[0].store"); });
  ASSERT_TRUE(opened);
  EXPECT_EQ((*opened)->limits().size_bytes, 1u << 20);
}

TEST_F(RegistryTest, AnUnknownKindNamesTheNearest) {
  const Error error = refused(spec("memry"));
  EXPECT_EQ(error.place, "volumes[2].store.kind");
  EXPECT_THAT(error.message, HasSubstr("did you mean memory?"));
  EXPECT_THAT(error.message, HasSubstr("known: block, cdrom, file, memory, null, scsi"));
}

TEST_F(RegistryTest, ALayerIsNotAStore) {
  EXPECT_THAT(refused(spec("shout")).message, HasSubstr("no store of kind \"shout\""));
  const auto stacked = registry_.stack(spec("memory"), nullptr, "layers[0]");
  ASSERT_FALSE(stacked);
  EXPECT_THAT(stacked.error().message, HasSubstr("no layer of kind \"memory\""));
  EXPECT_TRUE(registry_.has_layer("shout"));
  EXPECT_FALSE(registry_.has_layer("memory"));
}

TEST_F(RegistryTest, AnUnknownOptionNamesTheNearest) {
  const Error error = refused(spec("file", {{"path", "/x"}, {"pth", "/y"}}));
  EXPECT_EQ(error.place, "volumes[2].store.pth");
  EXPECT_THAT(error.message, HasSubstr("did you mean path?"));
  EXPECT_THAT(refused(spec("null", {{"path", "/x"}})).message, HasSubstr("none is known here"));
  EXPECT_THAT(refused(spec("file", {{"path", "/x"}, {"encryption", "yes"}})).message,
              testing::Not(HasSubstr("did you mean")));
}

TEST_F(RegistryTest, AMissingOptionIsExplained) {
  const Error error = refused(spec("file"));
  EXPECT_EQ(error.place, "volumes[2].store.path");
  EXPECT_THAT(error.message, HasSubstr("/var/lib/ashlar"));
}

TEST_F(RegistryTest, SizesMustFitTheBlock) {
  StoreSpec odd = spec("memory");
  odd.block_bytes = 520;
  EXPECT_EQ(refused(odd).place, "volumes[2].store.block_bytes");
  odd.block_bytes = 4096;
  odd.size_bytes = 4096 + 512;
  EXPECT_EQ(refused(odd).place, "volumes[2].store.size_bytes");
}

TEST_F(RegistryTest, AStoresOwnErrorKeepsBothPlaces) {
  StoreSpec empty = spec("memory");
  empty.size_bytes = 0;
  EXPECT_EQ(refused(empty).place, "volumes[2].store (size_bytes)");
}

TEST_F(RegistryTest, AStackNamesTheLayerThatIsWrong) {
  StackSpec stack;
  stack.name = "v1";
  stack.store = spec("memory");
  stack.layers = {spec("shout"), spec("whisper")};
  const auto opened = shards_.run([&] { return open_stack(registry_, stack, "volumes[2]"); });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().place, "volumes[2].layers[1].kind");
}

}  // namespace
}  // namespace ashlar::block
