// One read through the real engine, and the stack at its bottom held against docs/architecture.md: the page that people
// read first must not drift from the code.
#include <cxxabi.h>
#include <execinfo.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "engine/engine_world_test.h"

namespace ashlar::engine {
namespace {

struct Hop {
  std::string file, function;
};

std::string cell(const std::string& line, int column) {
  std::stringstream cells(line);
  std::string text;
  for (int i = 0; i <= column + 1; ++i) std::getline(cells, text, '|');
  const size_t from = text.find('`');
  const size_t to = text.rfind('`');
  return from == std::string::npos || to <= from ? "" : text.substr(from + 1, to - from - 1);
}

std::vector<Hop> documented_hops() {
  std::ifstream page(ASHLAR_SOURCE_DIR "/docs/architecture.md");
  std::vector<Hop> hops;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.find("trace:begin") != std::string::npos) inside = true;
    if (line.find("trace:end") != std::string::npos) inside = false;
    if (inside && !cell(line, 1).empty()) hops.push_back({cell(line, 1), cell(line, 2)});
  }
  return hops;
}

std::string text_of_file(const std::string& name) {
  std::ifstream file(std::string(ASHLAR_SOURCE_DIR "/src/") + name);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// Names of the functions on the stack, outermost first. Those in unnamed namespaces have no name in the program.
std::vector<std::string> stack_names() {
  void* frames[64];
  const int count = backtrace(frames, 64);
  char** symbols = backtrace_symbols(frames, count);
  std::vector<std::string> names;
  for (int i = count; i-- > 0;) {
    std::string text = symbols[i];
    const size_t open = text.find('(');
    const size_t plus = text.find('+', open);
    if (open == std::string::npos || plus == std::string::npos) continue;
    const std::string mangled = text.substr(open + 1, plus - open - 1);
    int status = 0;
    char* name = abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status);
    if (status == 0) names.emplace_back(name);
    std::free(name);
  }
  std::free(symbols);
  return names;
}

// A file that notes the stack of the read that is asked of it.
class TracingFile final : public loop::File {
 public:
  TracingFile(std::unique_ptr<loop::File> below, std::vector<std::string>& names)
      : below_(std::move(below)), names_(names) {}
  const Traits& traits() const override { return below_->traits(); }
  uint64_t size() const override { return below_->size(); }
  void submit(loop::FileOperation& operation) override {
    if (operation.verb == loop::FileVerb::read) names_ = stack_names();
    below_->submit(operation);
  }
  std::unique_ptr<loop::File> on(loop::Loop& shard) override {
    return std::make_unique<TracingFile>(below_->on(shard), names_);
  }
  loop::Task<Result<void>> resize(uint64_t bytes, bool allocate) override {
    return below_->resize(bytes, allocate);
  }

 private:
  std::unique_ptr<loop::File> below_;
  std::vector<std::string>& names_;
};

TEST(ReadTrace, EveryHopOfThePageIsInItsFile) {
  const std::vector<Hop> hops = documented_hops();
  ASSERT_GE(hops.size(), 8u);
  EXPECT_LE(hops.size(), 12u) << "the aim is twelve hops";
  for (const Hop& hop : hops) {
    const std::string function = hop.function.substr(hop.function.rfind(':') + 1);
    EXPECT_NE(text_of_file(hop.file).find(function + "("), std::string::npos)
        << hop.file << " has no " << hop.function;
  }
}

TEST(ReadTrace, ARealReadTakesTheHopsOfThePage) {
  std::vector<std::string> names;
  EngineWorld world(1);
  world.world.interpose_file = [&](std::unique_ptr<loop::File> file, loop::SimLoop&,
                                   const std::string&) -> std::unique_ptr<loop::File> {
    return std::make_unique<TracingFile>(std::move(file), names);
  };
  ASSERT_TRUE(world.apply(demo_document()).has_value());
  auto session = world.log_in();
  ASSERT_TRUE(session.has_value()) << session.error().text();
  std::vector<uint8_t> block(4096);
  initiator::BlockUnit unit(**session, 0);
  const Result<void> ready = world.run_as_host([&] { return unit.become_ready(); });
  ASSERT_TRUE(ready.has_value()) << ready.error().text();
  const initiator::Answer answer = world.run_as_host([&] { return unit.read(0, 8, block); });
  ASSERT_TRUE(answer.result().has_value()) << answer.text();
  world.leave(std::move(*session));

  ASSERT_FALSE(names.empty());
  size_t at = 0;
  for (const Hop& hop : documented_hops()) {
    if (hop.function == "submit") continue;  // of an unnamed namespace
    const size_t before = at;
    while (at < names.size() && names[at].find(hop.function + "(") == std::string::npos) ++at;
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer)
    // A call in the last place leaves no frame behind when optimized: a hop may be missing, but none out of order.
    if (at == names.size()) at = before;
#else
    std::string all;
    for (const std::string& name : names) all += name + "\n";
    ASSERT_LT(at, names.size()) << hop.function << " is not on the stack after what stands before it:\n"
                                << all;
    (void)before;
#endif
  }
}

}  // namespace
}  // namespace ashlar::engine
