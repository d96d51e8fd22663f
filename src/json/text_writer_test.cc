#include "json/text_writer.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace ashlar::json {
namespace {

struct Leaf {
  std::string name;
  uint16_t port = 0;
  bool on = false;
  std::optional<int64_t> lun;
};
struct Tree {
  std::string name, secret;
  uint64_t size_bytes = 0;
  double share = 0;
  std::vector<Leaf> leaves;
  std::vector<std::string> words;
  std::map<std::string, std::string> options;
  std::optional<Leaf> other;
  Json anything;
};

template <typename V, Is<Leaf> T>
void visit_fields(V& v, T& leaf) {
  v.field("name", leaf.name, required);
  v.field("port", leaf.port);
  v.field("on", leaf.on);
  v.field("lun", leaf.lun);
}
template <typename V, Is<Tree> T>
void visit_fields(V& v, T& tree) {
  v.field("name", tree.name, required);
  v.secret("secret", tree.secret);
  v.size("size_bytes", tree.size_bytes);
  v.field("share", tree.share);
  v.field("leaves", tree.leaves);
  v.field("words", tree.words);
  v.field("options", tree.options);
  v.field("other", tree.other);
  v.field("anything", tree.anything);
}

Leaf any_leaf() {
  Leaf leaf;
  leaf.name = *rc::gen::arbitrary<std::string>();
  leaf.port = *rc::gen::arbitrary<uint16_t>();
  leaf.on = *rc::gen::arbitrary<bool>();
  if (*rc::gen::arbitrary<bool>()) leaf.lun = *rc::gen::arbitrary<int64_t>();
  return leaf;
}

Tree any_tree() {
  Tree tree;
  tree.name = *rc::gen::arbitrary<std::string>();
  tree.secret = *rc::gen::arbitrary<std::string>();
  tree.size_bytes = *rc::gen::arbitrary<uint64_t>();
  tree.share = *rc::gen::arbitrary<double>();
  for (int left = *rc::gen::inRange(0, 4); left > 0; --left) tree.leaves.push_back(any_leaf());
  tree.words = *rc::gen::arbitrary<std::vector<std::string>>();
  // A tree holds no two keys that are alike once what is not UTF-8 is replaced; text would.
  if (*rc::gen::arbitrary<bool>()) tree.options["plain \"key\"\n"] = *rc::gen::arbitrary<std::string>();
  if (*rc::gen::arbitrary<bool>()) tree.other = any_leaf();
  if (*rc::gen::arbitrary<bool>())
    tree.anything = {{"list", {1, -2.5, nullptr, true}}, {"text", "]},\"{["}, {"none", Json::object()}};
  return tree;
}

RC_GTEST_PROP(TextWriter, PrintsWhatTheTreeWouldPrint, ()) {
  const Tree tree = any_tree();
  for (const Secrets secrets : {Secrets::show, Secrets::redact})
    RC_ASSERT(print_fields(tree, secrets) == print_json(encode(tree, secrets)));
}

RC_GTEST_PROP(LayOut, LooksAsTheLibraryWouldPrintIt, ()) {
  const Json json = encode(any_tree(), Secrets::show);
  RC_ASSERT(lay_out(print_json(json), 2) == print_json(json, 2));
}

TEST(LayOut, StandsInsideOfAnotherDocument) {
  const Json inner = {{"a", {1, 2}}, {"b", Json::array()}};
  EXPECT_EQ("{\n  \"x\": " + lay_out(print_json(inner), 2, 1) + "\n}", print_json(Json{{"x", inner}}, 2));
}

}  // namespace
}  // namespace ashlar::json
