#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <map>
#include <thread>

#include "base/check.h"
#include "cli/exit.h"
#include "cli/run.h"
#include "cli/table.h"
#include "rpc/messages.h"

namespace ashlar::cli {
namespace {

using rpc::Json;
using testing::HasSubstr;
using testing::Not;

// An engine that answers what it was told to answer, one connection after the other.
class FakeEngine {
 public:
  FakeEngine() : path(testing::TempDir() + fmt::format("/ashlar_cli_test.{}.sock", getpid())) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    ::unlink(path.c_str());
    listener_ = ::socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
          ::listen(listener_, 8) == 0);
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeEngine() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    ::unlink(path.c_str());
  }
  void answers(const std::string& method, const std::string& result) {
    results_[method] = *rpc::parse_json(result);
  }
  void refuses(const std::string& method, Error error) { errors_[method] = std::move(error); }
  /// After the next answer: lines of its own.
  std::string after_answer;
  std::string path;
  Json last_params;

 private:
  void serve() {
    while (true) {
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) return;
      converse(connection);
      ::close(connection);
    }
  }
  void converse(int connection) {
    std::string received;
    char chunk[4096];
    ssize_t got;
    while ((got = ::recv(connection, chunk, sizeof chunk, 0)) > 0) {
      received.append(chunk, static_cast<size_t>(got));
      const size_t end = received.find('\n');
      if (end == std::string::npos) continue;
      const auto request = rpc::parse_request(received.substr(0, end));
      CHECK(request.has_value());
      last_params = request->params;
      const auto refused = errors_.find(request->method);
      std::string answer = refused != errors_.end()
                               ? rpc::print_error(request->id, refused->second)
                               : rpc::print_result(request->id, results_[request->method]);
      answer += after_answer;
      CHECK(::send(connection, answer.data(), answer.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(answer.size()));
      if (!after_answer.empty()) return;
      received.clear();
    }
  }
  std::map<std::string, Json> results_;
  std::map<std::string, Error> errors_;
  int listener_ = -1;
  std::thread thread_;
};

constexpr char status_json[] =
    R"({"version":"0.1.0","state":"serving","shards":2,"uptime_seconds":3725,"sessions":1,
  "volumes":[{"name":"demo","state":"online","size_bytes":1610612736,"block_bytes":512,
              "identity":{"naa":"3111111111111111","serial":"A1"},"sessions":1,"in_use":true,
              "store":{"kind":"file","options":{"path":"/srv/demo.img"}},"colour":"blue"}],
  "hosts":[{"name":"all","any":true,"authentication":"none"}],
  "portals":[{"name":"p","address":"::1","port":3260,"listening":true}],
  "targets":[{"name":"iqn.2026-11.io.ashlar:demo","portals":["p"],"sessions":1}],
  "mappings":[{"host":"all","target":"iqn.2026-11.io.ashlar:demo","volume":"demo","lun":3}]})";

class EngineCommands : public testing::Test {
 protected:
  int ashlar(std::vector<std::string> words) {
    data_.clear();
    talk_.clear();
    words.insert(words.end(), {"--socket", engine_.path});
    return run(words, world());
  }
  Surroundings world() {
    Surroundings world = real_surroundings();
    world.data = [this](std::string_view text) { data_ += text; };
    world.talk = [this](std::string_view text) { talk_ += text; };
    return world;
  }
  FakeEngine engine_;
  std::string data_, talk_;
};

TEST_F(EngineCommands, StatusIsTablesOrDataOrAName) {
  engine_.answers("status", status_json);
  EXPECT_EQ(ashlar({"engine", "status"}), exit_ok);
  EXPECT_THAT(data_, HasSubstr("engine 0.1.0 serving, up 1h 2m, 2 shards, 1 sessions"));
  EXPECT_THAT(data_, HasSubstr("demo online 1.5 GiB"));
  EXPECT_THAT(data_, Not(HasSubstr("/srv/demo.img")));
  EXPECT_TRUE(talk_.empty());
  EXPECT_EQ(ashlar({"engine", "status", "-o", "wide"}), exit_ok);
  EXPECT_THAT(data_, HasSubstr("file:/srv/demo.img"));
  EXPECT_EQ(ashlar({"-o", "name", "engine", "status"}), exit_ok);
  EXPECT_EQ(data_, "serving\n");
  EXPECT_EQ(ashlar({"engine", "status", "-o", "json"}), exit_ok);
  const Json json = *rpc::parse_json(data_);
  EXPECT_EQ(json.at("volumes").at(0).at("colour"), "blue") << "what a newer engine tells goes through";
  EXPECT_EQ(ashlar({"engine", "status", "-o", "yaml"}), exit_ok);
  EXPECT_THAT(data_, HasSubstr("version: \"0.1.0\"\nstate: serving\n"));
}

TEST_F(EngineCommands, SessionsAreListed) {
  engine_.answers("sessions", R"({"sessions":[{"id":7,"host":"all","initiator":"iqn.x","age_seconds":61}]})");
  EXPECT_EQ(ashlar({"engine", "sessions"}), exit_ok);
  EXPECT_THAT(data_, HasSubstr("7  all  iqn.x     (discovery)"));
  EXPECT_EQ(ashlar({"engine", "sessions", "-o", "csv"}), exit_ok);
  EXPECT_THAT(data_, testing::StartsWith("ID,HOST,INITIATOR"));
}

TEST_F(EngineCommands, ErrorsOfTheEngineHaveTheirExitCodes) {
  const std::pair<ErrorCode, int> table[] = {
      {ErrorCode::invalid_argument, exit_failed},  {ErrorCode::not_found, exit_not_found},
      {ErrorCode::already_exists, exit_conflict},  {ErrorCode::busy, exit_conflict},
      {ErrorCode::permission_denied, exit_denied}, {ErrorCode::timed_out, exit_timeout},
      {ErrorCode::io_error, exit_failed},
  };
  for (const auto& [code, exit] : table) {
    engine_.refuses("session.drop", Error{code, "id", "no such luck"});
    EXPECT_EQ(ashlar({"engine", "session-drop", "7"}), exit) << name_of(code);
    EXPECT_THAT(talk_, HasSubstr("ashlar: id: no such luck"));
  }
  EXPECT_EQ(engine_.last_params.at("id"), 7);
}

TEST_F(EngineCommands, MistakesOfUseAreTold) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{},
                                             {"volume"},
                                             {"volume", "lits"},
                                             {"engine", "apply"},
                                             {"volume", "list", "-o", "picture"},
                                             {"engine", "session-drop", "x"}}) {
    EXPECT_EQ(ashlar(words), exit_usage);
    EXPECT_FALSE(talk_.empty());
    EXPECT_TRUE(data_.empty());
  }
  EXPECT_EQ(ashlar({"--help"}), exit_ok);
  EXPECT_THAT(data_, HasSubstr("volume"));
}

TEST_F(EngineCommands, NoEngineSaysHowToMendIt) {
  const int code = run({"engine", "status", "--socket", "/nonexistent/engine.sock"}, world());
  EXPECT_EQ(code, exit_failed);
  EXPECT_THAT(talk_, HasSubstr("no engine listens here"));
  EXPECT_THAT(talk_, HasSubstr("--socket"));
}

TEST_F(EngineCommands, ApplySendsTheFileAndShowsTheSteps) {
  const std::string file = testing::TempDir() + fmt::format("/ashlar_cli_test.{}.json", getpid());
  std::ofstream(file) << R"({"volumes": []})";
  engine_.answers(
      "apply",
      R"({"dry_run":false,"changed":true,"steps":[{"kind":"open volume","name":"demo","detail":"1 GiB"}],
                               "drawn":[{"volume":"demo","identity":{"naa":"3111111111111111"}}]})");
  EXPECT_EQ(ashlar({"engine", "apply", "-f", file}), exit_ok);
  EXPECT_TRUE(engine_.last_params.at("document").at("volumes").empty());
  EXPECT_EQ(engine_.last_params.at("dry_run"), false);
  EXPECT_THAT(data_, HasSubstr("open volume demo 1 GiB"));
  EXPECT_THAT(talk_, HasSubstr("keep it in the document"));
  engine_.answers("apply", R"({"dry_run":true,"changed":false,"steps":[],"drawn":[]})");
  EXPECT_EQ(ashlar({"engine", "apply", "-f", file, "--dry-run"}), exit_ok);
  EXPECT_EQ(engine_.last_params.at("dry_run"), true);
  EXPECT_TRUE(data_.empty());
  EXPECT_THAT(talk_, HasSubstr("nothing to change"));
  std::ofstream(file) << "{\n oops }";
  EXPECT_EQ(ashlar({"engine", "apply", "-f", file}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr(file + ", line 2"));
  std::remove(file.c_str());
  EXPECT_EQ(ashlar({"engine", "apply", "-f", file}), exit_not_found);
}

TEST_F(EngineCommands, InspectReadsSecretsFromFiles) {
  engine_.answers("initiator.inspect", R"({"identity":"naa.3111111111111111","paths":[]})");
  const std::string file = testing::TempDir() + fmt::format("/ashlar_cli_test.{}.key", getpid());
  std::ofstream(file) << "a secret of one line\n";
  EXPECT_EQ(ashlar({"engine", "inspect", "iscsi://192.0.2.7/iqn.x:a/0", "--user", "u", "--secret-file", file,
                    "--mutual-user", "a", "--mutual-secret-file", file, "--dhchap-key-file", file,
                    "--dhchap-controller-key-file", file, "--tls-key-file", file}),
            exit_ok)
      << talk_;
  EXPECT_EQ(engine_.last_params.at("mutual_user"), "a");
  for (const char* name : {"secret", "mutual_secret", "dhchap_key", "dhchap_controller_key", "tls_key"})
    EXPECT_EQ(engine_.last_params.at(name), "a secret of one line");
  EXPECT_THAT(data_ + talk_, Not(HasSubstr("a secret of")));
  std::remove(file.c_str());
  EXPECT_EQ(ashlar({"engine", "inspect", "nvme-tcp://192.0.2.7/nqn.x:a/1", "--tls-key-file", file}),
            exit_not_found);
}

TEST_F(EngineCommands, ResizeTakesSizesAsPeopleWriteThem) {
  engine_.answers("volume.resize",
                  R"({"name":"demo","state":"online","size_bytes":2147483648,"store":{"kind":"file"}})");
  EXPECT_EQ(ashlar({"engine", "resize", "demo", "2GiB"}), exit_ok);
  EXPECT_EQ(engine_.last_params.at("size"), 2147483648);
  EXPECT_EQ(engine_.last_params.at("shrink"), false);
  EXPECT_THAT(data_, HasSubstr("2 GiB"));
  EXPECT_EQ(ashlar({"engine", "resize", "demo", "2G"}), exit_failed);
  EXPECT_THAT(talk_, HasSubstr("unit 'G'"));
}

TEST_F(EngineCommands, EventsAreFollowedUntilTheEngineEnds) {
  engine_.answers(
      "events",
      R"({"events":[{"id":1,"time":"T1","kind":"engine.started","fields":{"version":"0.1.0"}}],"last":1,"lost":0})");
  EXPECT_EQ(ashlar({"engine", "events"}), exit_ok);
  EXPECT_EQ(data_, "T1 engine.started version=0.1.0\n");
  Json event = Json::object();
  event["id"] = 2;
  event["time"] = "T2";
  event["kind"] = "session.login";
  event["fields"] = {{"initiator", "iqn.x\x1b[2J"}};
  engine_.after_answer = rpc::print_notification("event", event);
  EXPECT_EQ(ashlar({"engine", "events", "--follow"}), exit_failed);
  EXPECT_EQ(engine_.last_params.at("wait"), true);
  EXPECT_THAT(data_, HasSubstr("T2 session.login initiator=iqn.x\\x1b[2J\n"))
      << "a host's name must not steer the terminal";
  EXPECT_THAT(talk_, HasSubstr("closed the connection"));
}

TEST(Table, DurationsAndLatencies) {
  EXPECT_EQ(print_duration(59), "59s");
  EXPECT_EQ(print_duration(3725), "1h 2m");
  EXPECT_EQ(print_duration(90000), "1d 1h");
  EXPECT_EQ(print_latency(850), "850 ns");
  EXPECT_EQ(print_latency(1500), "1.5 us");
  EXPECT_EQ(print_latency(123456789), "123 ms");
}

}  // namespace
}  // namespace ashlar::cli
