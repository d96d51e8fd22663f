#include "cli/shell.h"

#include "cli/fake_world_test.h"
#include "cli/line_editor.h"
#include "cli/words.h"

namespace ashlar::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class ShellLines : public CliTest {
 protected:
  void SetUp() override {
    api_->answers("GET /volumes", 200, R"({"items":[{"name":"db1"},{"name":"db2"},{"name":"x y"}]})");
    api_->answers("GET /volumes/db1", 200, R"({"name":"db1","size_bytes":1073741824})", {{"ETag", "\"1\""}});
    api_->answers("PATCH /volumes/db1", 200, "{}");
    api_->answers("POST /volumes/db1/resize", 200, "{}");
    api_->answers("DELETE /volumes/db1", 200, "{}");
  }
  int line(const std::string& text) {
    data_.clear();
    talk_.clear();
    return shell_.run_line(text);
  }
  Shell shell_{world_, Options{}};
};

TEST_F(ShellLines, FoldersAreResources) {
  EXPECT_EQ(shell_.path(), "/");
  EXPECT_EQ(line("ls"), exit_ok);
  EXPECT_THAT(data_, HasSubstr("volumes          Volumes\n"));
  EXPECT_EQ(line("cd volumes"), exit_ok);
  EXPECT_EQ(line("ls"), exit_ok);
  EXPECT_EQ(data_, "db1\ndb2\nx y\n");
  EXPECT_EQ(line("ls -l"), exit_ok);
  EXPECT_THAT(data_, HasSubstr("NAME"));
  EXPECT_EQ(line("cd db1"), exit_ok);
  EXPECT_EQ(line("pwd"), exit_ok);
  EXPECT_EQ(data_, "/volumes/db1\n");
  EXPECT_EQ(line("ls"), exit_ok);
  EXPECT_THAT(data_, HasSubstr("1 GiB (1073741824 bytes)"));
  EXPECT_EQ(line("ls -o json"), exit_ok);
  EXPECT_THAT(data_, HasSubstr("\"size_bytes\": 1073741824"));
  EXPECT_EQ(line("cd .."), exit_ok);
  EXPECT_EQ(shell_.path(), "/volumes");
  EXPECT_EQ(line("cd '/volumes/x y'"), exit_ok);
  EXPECT_EQ(shell_.path(), "/volumes/x y");
  EXPECT_EQ(line("cd"), exit_ok);
  EXPECT_EQ(shell_.path(), "/");
  EXPECT_EQ(line("cd volume/db2"), exit_ok) << "the noun will do";
  EXPECT_EQ(line("cd /moon"), exit_not_found);
  EXPECT_EQ(line("cd /volumes/db9"), exit_not_found);
  EXPECT_EQ(line("cd /volumes/db1/x"), exit_not_found);
  EXPECT_EQ(shell_.path(), "/volumes/db2");
}

TEST_F(ShellLines, VerbsNeedNoNounAndNoName) {
  line("cd volumes/db1");
  EXPECT_EQ(line("resize +1GiB"), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/volumes/db1/resize");
  EXPECT_EQ(line("show"), exit_ok);
  EXPECT_EQ(line("volume list -o name"), exit_ok) << "whole commands too";
  EXPECT_EQ(line("ashlar volume show db1"), exit_ok);
  EXPECT_EQ(line("delete"), exit_usage) << "nobody to ask";
  EXPECT_EQ(line("delete -y"), exit_ok);
  EXPECT_EQ(last().method, "DELETE");
  line("cd /volumes");
  EXPECT_EQ(line("show db1"), exit_ok);
}

TEST_F(ShellLines, ValuesAreSetByTheirNames) {
  line("cd volumes/db1");
  ASSERT_EQ(line("set comment='for billing' read_only=no profile=esxi"), exit_ok) << talk_;
  EXPECT_EQ(nlohmann::json::parse(last().body),
            nlohmann::json::parse(R"({"comment":"for billing","read_only":false,"profile":"esxi"})"));
  ASSERT_EQ(line("set size_bytes=20GiB"), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/volumes/db1/resize");
  EXPECT_EQ(line("set colour=blue"), exit_usage);
  EXPECT_EQ(line("set --profile linux"), exit_ok);
}

TEST_F(ShellLines, WordsAndHelp) {
  EXPECT_EQ(line(""), exit_ok);
  EXPECT_EQ(line("  # a remark"), exit_ok);
  EXPECT_EQ(line("ls 'open"), exit_usage);
  EXPECT_EQ(line("nonsense"), exit_usage);
  EXPECT_EQ(line("shell"), exit_usage);
  EXPECT_EQ(line("help"), exit_ok);
  EXPECT_THAT(data_, HasSubstr("cd volumes/db1"));
  EXPECT_FALSE(shell_.ended());
  EXPECT_EQ(line("exit"), exit_ok);
  EXPECT_TRUE(shell_.ended());
  EXPECT_THAT(*split_words(R"(a "b c" d\ e 'f\g' "" x#y # z)"),
              ElementsAre("a", "b c", "d e", "f\\g", "", "x#y"));
}

TEST_F(ShellLines, OneConnectionServesAll) {
  line("ls volumes");
  line("ls volumes");
  EXPECT_EQ(connections_.size(), 1u);
}

TEST_F(ShellLines, CompletesPathsVerbsAndNames) {
  EXPECT_THAT(shell_.complete_line("cd vol"), ElementsAre("volumes"));
  EXPECT_THAT(shell_.complete_line("cd volumes/d"), ElementsAre("volumes/db1", "volumes/db2"));
  EXPECT_THAT(shell_.complete_line("vol"), ElementsAre("volume"));
  EXPECT_THAT(shell_.complete_line("volume show db"), ElementsAre("db1", "db2"));
  line("cd volumes");
  EXPECT_THAT(shell_.complete_line("resi"), ElementsAre("resize"));
  EXPECT_THAT(shell_.complete_line("resize db2"), ElementsAre("db2"));
  EXPECT_THAT(shell_.complete_line(""), Contains("pwd"));
  EXPECT_TRUE(shell_.complete_line("cd 'x").empty());
}

TEST_F(ShellLines, AScriptEndsWhereItGoesWrong) {
  terminal_->lines = {"cd volumes", "show db9", "delete db1 -y"};
  EXPECT_EQ(ashlar({"shell"}), exit_not_found);
  EXPECT_THAT(talk_, HasSubstr("line 2: the script ends here"));
  for (const SeenRequest& request : api_->requests) EXPECT_EQ(request.method, "GET");
  terminal_->lines = {"cd volumes", "pwd"};
  EXPECT_EQ(ashlar({"shell"}), exit_ok);
  EXPECT_EQ(data_, "/volumes\n");
}

TEST_F(ShellLines, APersonMayGoOn) {
  terminal_->tty = true;
  terminal_->lines = {"show db9", "cd volumes", "pwd", "quit", "pwd"};
  EXPECT_EQ(ashlar({"shell", "-o", "name"}), exit_ok);
  EXPECT_EQ(data_, "/volumes\n");
  EXPECT_THAT(terminal_->prompts,
              ElementsAre("ashlar:/> ", "ashlar:/> ", "ashlar:/volumes> ", "ashlar:/volumes> "));
  EXPECT_EQ(terminal_->history, home_ + "/.config/ashlar/history");
}

TEST(LineEditor, KeepsNoLineThatTellsASecret) {
  EXPECT_FALSE(tells_secret("host set web1 --chap-user web1"));
  for (const char* line :
       {"host set web1 --chap-secret 123456789012", "user set eve --password x",
        "host set web1 --dhchap-key DHHC-1:00:AAAA:", "host set web1 --dhchap-controller-key=DHHC-1:00:AAAA:",
        "host set web1 --tls-key NVMeTLSkey-1:01:AAAA:"})
    EXPECT_TRUE(tells_secret(line)) << line;
}

}  // namespace
}  // namespace ashlar::cli
