#include "cli/fake_world_test.h"

namespace ashlar::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

class Changes : public CliTest {
 protected:
  static std::string problem(int status, std::string_view code, std::string_view more = "") {
    return fmt::format(
        R"({{"type":"about:blank","title":"T","status":{},"detail":"no such luck","code":"{}","field":"name",
                          "hint":"try that"{}}})",
        status, code, more);
  }
};

constexpr char disturbing_plan[] =
    R"(,"plan":{"id":"p1","needs_force":true,"destroys_data":true,
        "interruptions":[{"session":17,"host":"esx01","initiator":"iqn.e","target":"t","volume":"v","reason":"volume v is deleted"}]})";

TEST_F(Changes, EachStatusHasItsExitCode) {
  const std::tuple<int, const char*, int> table[] = {
      {400, "invalid_argument", exit_failed},  {401, "permission_denied", exit_denied},
      {403, "permission_denied", exit_denied}, {404, "not_found", exit_not_found},
      {405, "unsupported", exit_failed},       {409, "busy", exit_conflict},
      {409, "already_exists", exit_conflict},  {412, "busy", exit_conflict},
      {413, "out_of_range", exit_failed},      {415, "unsupported", exit_failed},
      {422, "not_found", exit_failed},         {428, "invalid_argument", exit_conflict},
      {429, "exhausted", exit_failed},         {500, "io_error", exit_failed},
      {501, "unsupported", exit_failed},       {503, "closed", exit_failed},
      {504, "timed_out", exit_timeout},        {507, "no_space", exit_failed},
  };
  for (const auto& [status, code, exit] : table) {
    api_ = std::make_shared<FakeApi>();
    api_->answers("POST /hosts", status, problem(status, code));
    EXPECT_EQ(ashlar({"host", "create", "h"}), exit) << status;
    EXPECT_THAT(talk_, HasSubstr("ashlar: name: no such luck; try that"));
    EXPECT_TRUE(data_.empty());
  }
}

TEST_F(Changes, AnAnswerThatIsNoProblemIsStillToldInWords) {
  api_->answers("GET /hosts", 502, "<html>");
  EXPECT_EQ(ashlar({"host", "list"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("the agent answered with status 502"));
}

TEST_F(Changes, NoAgentSaysHowToMendIt) {
  api_->fails({ErrorCode::not_found, "", "no such file"});
  EXPECT_EQ(ashlar({"volume", "list"}), exit_failed) << "not like a volume that is not there";
  EXPECT_THAT(talk_, HasSubstr("/nonexistent/agent.sock: no agent listens here"));
  api_->fails({ErrorCode::timed_out, "", "late"});
  EXPECT_EQ(ashlar({"volume", "list"}), exit_timeout);
  api_->fails({ErrorCode::permission_denied, "", "the certificate is not trusted"});
  EXPECT_EQ(ashlar({"volume", "list", "--url", "https://a"}), exit_denied);
  EXPECT_THAT(talk_, HasSubstr("compare fingerprints"));
}

TEST_F(Changes, DryRunShowsThePlan) {
  api_->answers(
      "DRY POST /maps", 200,
      R"({"id":"p7","base":3,"steps":[{"kind":"serve","resource":"maps/v.h","detail":"LUN 1","undo":"stop"}],
      "differences":[{"path":"maps/v.h","before":null,"after":{"lun":1}},{"path":"volumes/v/read_only","before":false,"after":true},
                     {"path":"maps/old","before":{"lun":2},"after":null}],
      "interruptions":[{"session":17,"host":"esx01","initiator":"iqn.e","reason":"it becomes read-only"}],
      "warnings":["mind\u001b[2J"],"destroys_data":false,"needs_force":true})");
  ASSERT_EQ(ashlar({"map", "create", "v", "--host", "h", "--target", "t", "--dry-run"}), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/maps?dry_run=true");
  EXPECT_EQ(last().header("Idempotency-Key"), "");
  EXPECT_EQ(
      data_,
      "would be done:\n  1. serve maps/v.h: LUN 1\n"
      "would differ:\n  + maps/v.h: {\"lun\":1}\n  ~ volumes/v/read_only: false -> true\n  - maps/old: {\"lun\":2}\n"
      "would interrupt:\n  esx01 (session 17, iqn.e): it becomes read-only\n"
      "warning: mind\\x1b[2J\nit needs --force\nto do it within 15 minutes: ashlar plan apply p7\n");
  EXPECT_EQ(talk_, "dry run: nothing was changed\n");
  ashlar({"map", "create", "v", "--host", "h", "--target", "t", "--dry-run", "-o", "json"});
  EXPECT_EQ(api::parse_json(data_)->at("id"), "p7");
}

TEST_F(Changes, DryRunOfADeletionAsksNothing) {
  api_->answers("GET /volumes/v", 200, "{}");
  api_->answers("DRY DELETE /volumes/v", 200, R"({"plan":{"id":"p","steps":[],"differences":[]}})");
  EXPECT_EQ(ashlar({"volume", "delete", "v", "--dry-run"}), exit_ok);
  EXPECT_EQ(data_, "nothing to change\n");
}

TEST_F(Changes, WhatCannotBePlannedIsNotTried) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"session", "drop", "1"},
                                             {"alert", "ack", "1"},
                                             {"alert-channel", "test", "c"},
                                             {"job", "cancel", "1"},
                                             {"support", "bundle"},
                                             {"user", "totp", "u"},
                                             {"agent-login", "end", "1"}}) {
    std::vector<std::string> dry = words;
    dry.emplace_back("--dry-run");
    EXPECT_EQ(ashlar(dry), exit_usage) << words[0];
    EXPECT_TRUE(api_->requests.empty());
  }
}

TEST_F(Changes, ForceIsAskedForOnATerminal) {
  terminal_->tty = true;
  terminal_->lines = {"y", "y"};
  api_->answers("GET /pools/v", 200, "{}");
  api_->answers("DELETE /pools/v", 409, problem(409, "busy", disturbing_plan));
  api_->answers("DELETE /pools/v", 200, "{}");
  ASSERT_EQ(ashlar({"pool", "delete", "v"}), exit_ok) << talk_;
  EXPECT_EQ(last().target, "/api/v1/pools/v?force=true");
  EXPECT_THAT(
      talk_, HasSubstr("this interrupts:\n  \x1b[1mesx01\x1b[0m (session 17, iqn.e): volume v is deleted\n"));
  EXPECT_THAT(talk_, HasSubstr("this destroys data\nGo on all the same? [y/N] "));
  const auto key = [this](size_t i) { return api_->requests[i].header("Idempotency-Key"); };
  EXPECT_NE(key(1), key(2)) << "it is another request";
}

TEST_F(Changes, NoIsNo) {
  terminal_->tty = true;
  terminal_->lines = {"y", ""};
  api_->answers("GET /pools/v", 200, "{}");
  api_->answers("DELETE /pools/v", 409, problem(409, "busy", disturbing_plan));
  EXPECT_EQ(ashlar({"pool", "delete", "v"}), exit_failed);
  EXPECT_EQ(api_->requests.size(), 2u);
}

TEST_F(Changes, ForceIsSaidWithoutATerminal) {
  api_->answers("GET /pools/v", 200, "{}");
  api_->answers("DELETE /pools/v", 409, problem(409, "busy", disturbing_plan));
  EXPECT_EQ(ashlar({"pool", "delete", "v", "-y"}), exit_conflict) << "yes is not force";
  EXPECT_THAT(talk_, HasSubstr("esx01"));
  EXPECT_THAT(talk_, HasSubstr("--force"));
  EXPECT_EQ(ashlar({"pool", "delete", "v", "-y", "--force"}), exit_conflict);
  EXPECT_EQ(last().target, "/api/v1/pools/v?force=true");
}

TEST_F(Changes, WhatBecomesAJobIsPlannedFirst) {
  const std::string plan = fmt::format(R"({{"x":1{}}})", disturbing_plan);
  api_->answers("DRY POST /snapshots/v%40s/restore", 200,
                std::string(api::print_json(api::parse_json(plan)->at("plan"))));
  api_->answers("POST /snapshots/v%40s/restore", 202, R"({"job":"4"})", {{"Location", "/api/v1/jobs/4"}});
  api_->answers("GET /jobs/4", 200, R"({"state":"succeeded","result":{}})");
  EXPECT_EQ(ashlar({"snapshot", "restore", "v@s", "-y"}), exit_conflict);
  EXPECT_EQ(api_->requests.size(), 1u) << "no job was begun";
  EXPECT_THAT(talk_, HasSubstr("this destroys data; if that is meant, say it again with --force"));
  EXPECT_EQ(ashlar({"snapshot", "restore", "v@s", "-y", "--force"}), exit_ok);
  EXPECT_EQ(api_->requests[0].target, "/api/v1/snapshots/v%40s/restore?dry_run=true&force=true");
  EXPECT_EQ(api_->requests[1].target, "/api/v1/snapshots/v%40s/restore?force=true");
  EXPECT_EQ(api_->requests[1].header("Prefer"), "respond-async");
  terminal_->tty = true;
  terminal_->lines = {"y", "y"};
  EXPECT_EQ(ashlar({"snapshot", "restore", "v@s"}), exit_ok);
  EXPECT_EQ(api_->requests[1].target, "/api/v1/snapshots/v%40s/restore?force=true");
  api_ = std::make_shared<FakeApi>();
  api_->answers("DRY POST /volumes", 422, problem(422, "out_of_range"));
  EXPECT_EQ(ashlar({"volume", "create", "v", "--pool", "p"}), exit_failed);
  EXPECT_EQ(api_->requests.size(), 1u);
}

TEST_F(Changes, WhatAnotherChangedIsTold) {
  api_->answers("GET /hosts/h", 200, "{}", {{"ETag", "\"1\""}});
  api_->answers(
      "PATCH /hosts/h", 412,
      problem(412, "busy", R"(,"differences":[{"path":"hosts/h/os","before":"linux","after":"esxi"}])"));
  EXPECT_EQ(ashlar({"host", "set", "h", "--os", "xen"}), exit_conflict);
  EXPECT_THAT(talk_, HasSubstr("meanwhile another has changed:\n  ~ hosts/h/os: \"linux\" -> \"esxi\"\n"));
}

TEST_F(Changes, JobsAreWatched) {
  api_->answers("POST /snapshots", 202, R"({"id":"42","state":"queued"})", {{"Location", "/api/v1/jobs/42"}});
  api_->answers(
      "GET /jobs/42", 200,
      R"({"id":"42","kind":"snapshot","state":"running","progress":{"percent":50,"eta_seconds":61}})");
  api_->answers("GET /jobs/42", 200, R"({"id":"42","state":"succeeded","result":{"plan":{}}})");
  api_->answers("GET /snapshots/v%40s", 200, R"({"name":"v@s"})");
  ASSERT_EQ(ashlar({"snapshot", "create", "v", "--name", "s", "-o", "json"}), exit_ok) << talk_;
  EXPECT_EQ(api_->requests.end()[-2].target, "/api/v1/jobs/42?wait=20");
  EXPECT_EQ(last().target, "/api/v1/snapshots/v%40s") << "what was made, not what the job tells";
  EXPECT_EQ(talk_, "snapshot v@s is created\n") << "no bar without a terminal";
  EXPECT_THAT(data_, HasSubstr("v@s"));
  terminal_->tty = true;
  api_->answers(
      "GET /jobs/43", 200,
      R"({"id":"43","kind":"snapshot","state":"running","progress":{"percent":50,"eta_seconds":61}})");
  api_->answers("GET /jobs/43", 200, R"({"id":"43","state":"succeeded"})");
  EXPECT_EQ(ashlar({"job", "watch", "43"}), exit_ok);
  EXPECT_EQ(last().target, "/api/v1/jobs/43?wait=1");
  EXPECT_THAT(talk_, HasSubstr("\r\x1b[Ksnapshot [###############...............]  50%, 1m 1s left"));
}

TEST_F(Changes, JobsThatFailAreErrors) {
  api_->answers("GET /jobs/1", 200,
                R"j({"state":"failed","error":"pools/p: the disk is gone (not_found)"})j");
  EXPECT_EQ(ashlar({"job", "watch", "1"}), exit_not_found);
  EXPECT_THAT(talk_, HasSubstr("job 1: pools/p: the disk is gone (not_found)"));
  api_->answers("GET /jobs/2", 200,
                R"({"state":"failed","error":{"status":507,"code":"no_space","detail":"full"}})");
  EXPECT_EQ(ashlar({"job", "watch", "2"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("full (no_space)"));
  api_->answers("GET /jobs/3", 200, R"({"state":"cancelled"})");
  EXPECT_EQ(ashlar({"job", "watch", "3"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("it was cancelled"));
}

TEST_F(Changes, TimeoutLeavesTheJobAtWork) {
  api_->answers("GET /jobs/1", 200, R"({"state":"running"})");
  EXPECT_EQ(ashlar({"job", "watch", "1", "--timeout", "2"}), exit_timeout);
  EXPECT_EQ(last().target, "/api/v1/jobs/1?wait=1");
  EXPECT_THAT(talk_, HasSubstr("it goes on: ashlar job watch 1"));
}

TEST_F(Changes, NoWaitSaysTheJob) {
  api_->answers("POST /hosts", 202, R"({"id":"9"})", {{"Location", "/api/v1/jobs/9"}});
  EXPECT_EQ(ashlar({"host", "create", "h", "--no-wait", "-o", "name"}), exit_ok);
  EXPECT_EQ(last().header("Prefer"), "respond-async");
  EXPECT_EQ(data_, "9\n");
  EXPECT_THAT(talk_, HasSubstr("ashlar job watch 9"));
}

TEST_F(Changes, ColorsOnlyWhereTheyAreSeen) {
  api_->answers("GET /status", 200,
                R"({"health":"warning","sentence":"a pool is full","advice":["add a disk"]})");
  ashlar({"status"});
  EXPECT_THAT(data_, Not(HasSubstr("\x1b")));
  EXPECT_THAT(data_, testing::StartsWith("warning: a pool is full\n  -> add a disk\n"));
  ashlar({"status", "--color", "always"});
  EXPECT_THAT(data_, HasSubstr("\x1b[33mwarning\x1b[0m"));
  terminal_->tty = true;
  ashlar({"status"});
  EXPECT_THAT(data_, HasSubstr("\x1b"));
  environment_["NO_COLOR"] = "1";
  ashlar({"status"});
  EXPECT_THAT(data_, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace ashlar::cli
