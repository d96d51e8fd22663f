#include "cli/completion.h"

#include <sys/stat.h>

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <fstream>

#include "cli/arrays.h"
#include "cli/fake_world_test.h"
#include "cli/initiator_commands.h"
#include "cli/tree.h"

namespace ashlar::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Completion : public CliTest {
 protected:
  std::vector<std::string> after(std::vector<std::string> words) {
    return complete(words, world_, Options{});
  }
};

TEST_F(Completion, WordsOfTheTable) {
  EXPECT_THAT(after({"vol"}), ElementsAre("volume"));
  EXPECT_THAT(after({"volume", "re"}), ElementsAre("recover", "resize"));
  EXPECT_THAT(after({"volume", "create", "--th"}), ElementsAre("--thick", "--thin"));
  EXPECT_THAT(after({"volume", "create", "--dry"}), ElementsAre("--dry-run"));
  EXPECT_THAT(after({"host", "create", "h", "--os", "e"}), ElementsAre("esxi"));
  EXPECT_THAT(after({"host", "add", "h", "--os", "wi"}), ElementsAre("windows"));
  EXPECT_THAT(after({"volume", "list", "-o", "y"}), ElementsAre("yaml"));
  EXPECT_THAT(after({"-o", "json", "volume", "li"}), ElementsAre("list"));
  EXPECT_THAT(after({"completion", ""}), ElementsAre("bash", "fish", "zsh"));
  EXPECT_THAT(after({"engine", "st"}), ElementsAre("stats", "status", "stop"));
  EXPECT_TRUE(after({"volume", "list", ""}).empty());
  EXPECT_TRUE(api_->requests.empty()) << "the array is not asked for words";
}

TEST_F(Completion, NamesOfTheArray) {
  api_->answers("GET /volumes", 200, R"({"items":[{"name":"db1"},{"name":"db2"},{"name":"other"}]})");
  api_->answers("GET /hosts", 200, R"({"items":[{"name":"h1"},{"name":"h2"}]})");
  api_->answers("GET /sessions", 200, R"([{"id":17}])");
  EXPECT_THAT(after({"volume", "show", "d"}), ElementsAre("db1", "db2"));
  EXPECT_EQ(last().target, "/api/v1/volumes?limit=500&fields=name");
  EXPECT_EQ(connections_.back().timeout_seconds, 1u);
  EXPECT_THAT(after({"map", "create", "db1", "--host", ""}), ElementsAre("h1", "h2"));
  EXPECT_THAT(after({"host-group", "create", "g", "--host", "h1,"}), ElementsAre("h1,h1", "h1,h2"));
  EXPECT_THAT(after({"connect", "show", "o"}), ElementsAre("other"));
  EXPECT_THAT(after({"session", "drop", ""}), ElementsAre("17"));
  EXPECT_TRUE(after({"volume", "resize", "db1", ""}).empty()) << "a size is not a name";
  EXPECT_THAT(after({"--url", "https://z", "volume", "show", "db2"}), ElementsAre("db2"));
  EXPECT_EQ(connections_.back().url, "https://z:8443");
}

TEST_F(Completion, SilentWhenTheArrayIsAway) {
  api_->fails({ErrorCode::timed_out, "", "late"});
  EXPECT_EQ(ashlar({"__complete", "volume", "show", ""}), exit_ok);
  EXPECT_EQ(data_ + talk_, "");
}

TEST_F(Completion, HostileNamesAreHarmless) {
  api_->answers("GET /hosts", 200, R"({"items":[{"name":"a\u001b[2J\nb"}]})");
  EXPECT_EQ(ashlar({"__complete", "host", "show", ""}), exit_ok);
  EXPECT_EQ(data_, "a\\x1b[2J\\x0ab\n");
}

TEST_F(Completion, ArraysComeFromTheFile) {
  ASSERT_TRUE(save_arrays(arrays_file(), {"", {{"one", "https://a"}, {"two", "https://b"}}}));
  EXPECT_THAT(after({"-a", ""}), ElementsAre("one", "two"));
  EXPECT_THAT(after({"array", "use", "t"}), ElementsAre("two"));
}

TEST_F(Completion, Scripts) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(ashlar({"completion", shell}), exit_ok);
    EXPECT_THAT(data_, HasSubstr("__complete")) << shell;
  }
  // bash itself reads its script, and asks a program in the place of ours.
  const std::string script = home_ + "/script", program = home_ + "/ashlar";
  ASSERT_EQ(ashlar({"completion", "bash"}), exit_ok);
  std::ofstream(script)
      << data_ << "COMP_LINE='" << program
      << " volume show iqn.a:d'; COMP_POINT=${#COMP_LINE}; COMP_WORDBREAKS=' :'\n"
      << "_ashlar\n[[ ${COMPREPLY[0]} == db1 && ${COMPREPLY[1]} == 'd\\ 2' && ${#COMPREPLY[@]} == 2 ]]\n";
  std::ofstream(program)
      << "#!/bin/bash\n[[ $1 == __complete && $4 == iqn.a:d ]] && printf 'iqn.a:db1\\niqn.a:d 2\\n'\n";
  ::chmod(program.c_str(), 0755);
  EXPECT_EQ(std::system(("bash " + script).c_str()), 0);
}

void expect_all(const CLI::App& app, const std::string& before, const std::string& page) {
  for (const CLI::App* sub : app.get_subcommands({})) {
    const std::string name = fmt::format("{} {}", before, sub->get_name());
    std::string escaped;
    for (const char c : name) escaped += c == '-' ? std::string("\\-") : std::string(1, c);
    EXPECT_THAT(page, HasSubstr(escaped)) << name;
    expect_all(*sub, name, page);
  }
}

TEST_F(Completion, TheManualHasEveryCommand) {
  ASSERT_EQ(ashlar({"man"}), exit_ok);
  Asked asked;
  expect_all(*make_tree(asked), "ashlar", data_);
  EXPECT_THAT(data_, testing::StartsWith(".TH ASHLAR 1"));
  EXPECT_THAT(data_, HasSubstr("\\-\\-size SIZE"));
  EXPECT_THAT(data_, Not(HasSubstr("__complete")));
}

TEST_F(Completion, EveryVerbIsFoundAndHasHelp) {
  for (const Noun* noun : all_nouns()) {
    for (const Verb& verb : noun->verbs) {
      EXPECT_NE(verb.run, nullptr) << noun->name << " " << verb.name;
      EXPECT_FALSE(verb.help.empty()) << noun->name << " " << verb.name;
      std::vector<std::string> words;
      if (!noun->name.empty()) words.emplace_back(noun->name);
      words.emplace_back(verb.name);
      words.emplace_back("--help");
      if (noun->name == initiator_noun && verb.name == bench_verb) {
        ashlar(words);
        EXPECT_THAT(became_, testing::ElementsAre("ashlar-bench", "--help"));
        continue;
      }
      EXPECT_EQ(ashlar(words), exit_ok) << noun->name << " " << verb.name;
      EXPECT_THAT(data_, HasSubstr(std::string(verb.help)));
    }
    EXPECT_EQ(find_noun(noun->name), noun) << "the name is its own";
  }
}

}  // namespace
}  // namespace ashlar::cli
