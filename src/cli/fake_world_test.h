// A world without a network: an agent that answers what it was told to, and a person who types what was written down before.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <deque>
#include <filesystem>
#include <map>

#include "base/check.h"
#include "cli/exit.h"
#include "cli/run.h"
#include "cli/surroundings.h"
#include "cli/table.h"

namespace ashlar::cli {

struct SeenRequest {
  std::string method, target;
  http::Headers headers;
  std::string body;
  std::string header(std::string_view name) const {
    const std::string* value = http::find_header(headers, name);
    return value == nullptr ? "" : *value;
  }
  Json json() const { return *api::parse_json(body); }
};

class FakeApi final : public Api {
 public:
  /// What "GET /volumes" is answered, or "DRY POST /volumes"; the last answer is given again and again.
  void answers(const std::string& request, int status, const std::string& body, http::Headers headers = {}) {
    http::Response response;
    response.status = status;
    response.body = body;
    response.headers = std::move(headers);
    const bool json = body.starts_with('{') || body.starts_with('[');
    response.headers.emplace_back("Content-Type", !json          ? "text/plain"
                                                  : status < 400 ? "application/json"
                                                                 : "application/problem+json");
    answers_[request].push_back(std::move(response));
  }
  void fails(Error error) { error_ = std::move(error); }

  Result<http::Response> call(std::string_view method, const std::string& target,
                              const http::Headers& headers, std::string body) override {
    requests.push_back({std::string(method), target, headers, std::move(body)});
    if (error_.code != ErrorCode::aborted) return std::unexpected(error_);
    const std::string path = target.substr(0, target.find('?'));
    const std::string shorter = path.starts_with("/api/v1") ? path.substr(7) : path;
    const bool dry = target.contains("dry_run=true");
    const auto found = answers_.find(fmt::format("{}{} {}", dry ? "DRY " : "", method, shorter));
    http::Response response;
    if (dry && found == answers_.end()) return response;  // a plan of nothing: most tests do not look at it
    response.status = 404;
    if (found == answers_.end()) return response;
    response = found->second.front();
    if (found->second.size() > 1) found->second.pop_front();
    return response;
  }
  Result<int> stream(const std::string& target, const http::Headers& headers,
                     const std::function<bool(std::string_view)>& take) override {
    requests.push_back({"STREAM", target, headers, ""});
    if (streams.empty()) return fail(ErrorCode::closed, "agent", "is away");
    const std::string bytes = streams.front();
    streams.pop_front();
    if (!bytes.empty()) take(bytes);
    return stream_status;
  }

  std::vector<SeenRequest> requests;
  std::deque<std::string> streams;
  int stream_status = 200;

 private:
  std::map<std::string, std::deque<http::Response>> answers_;
  Error error_{ErrorCode::aborted, "", ""};
};

class FakeTerminal final : public Terminal {
 public:
  bool tty = false;
  std::deque<std::string> lines;   ///< what is typed, or comes by the pipe
  std::deque<std::string> hidden;  ///< what is typed without being shown
  std::string all;
  std::vector<std::string> prompts;

  bool input_is_tty() const override { return tty; }
  bool output_is_tty() const override { return tty; }
  bool talk_is_tty() const override { return tty; }
  std::optional<std::string> read_line() override { return take(lines); }
  std::optional<std::string> read_hidden() override { return take(hidden); }
  Result<std::string> read_all() override { return all; }
  std::optional<std::string> edit_line(const std::string& prompt, const Completer& completer) override {
    prompts.push_back(prompt);
    last_completer = completer;
    return take(lines);
  }
  void keep_history(const std::string& path) override { history = path; }
  Completer last_completer;
  std::string history;

 private:
  static std::optional<std::string> take(std::deque<std::string>& from) {
    if (from.empty()) return std::nullopt;
    std::string first = from.front();
    from.pop_front();
    return first;
  }
};

/// A home of its own, which is gone afterwards.
class CliTest : public testing::Test {
 protected:
  CliTest() {
    home_ = testing::TempDir() + "/ashlar_cli.XXXXXX";
    CHECK(::mkdtemp(home_.data()) != nullptr);
    environment_["HOME"] = home_;
    environment_["ASHLAR_AGENT_SOCKET"] = "/nonexistent/agent.sock";
    world_.data = [this](std::string_view text) { data_ += text; };
    world_.talk = [this](std::string_view text) { talk_ += text; };
    world_.terminal = terminal_;
    world_.environment = [this](const char* name) { return environment_[name]; };
    world_.connect = [this](const Connection& connection) {
      connections_.push_back(connection);
      return api_;
    };
    world_.server_fingerprint = [](const std::string&) -> Result<std::string> {
      return std::string(64, 'a');
    };
    world_.now = [this] { return now_; };
    world_.seconds_since_1970 = [] { return int64_t{1'800'000'000}; };
    world_.become = [this](const std::string& program, const std::vector<std::string>& words) {
      became_ = {program};
      became_.insert(became_.end(), words.begin(), words.end());
      return Error{ErrorCode::not_found, program, "is not there"};
    };
    world_.random = [](std::span<uint8_t> bytes) {
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
    };
    world_.sleep = [this](std::chrono::milliseconds span) { now_ += span; };
  }
  ~CliTest() override { std::filesystem::remove_all(home_); }

  int ashlar(const std::vector<std::string>& words) {
    data_.clear();
    talk_.clear();
    api_->requests.clear();
    return run(words, world_);
  }
  const SeenRequest& last() const { return api_->requests.back(); }
  std::string arrays_file() const { return home_ + "/.config/ashlar/arrays.json"; }

  std::string home_;
  std::map<std::string, std::string> environment_;
  std::shared_ptr<FakeApi> api_ = std::make_shared<FakeApi>();
  std::shared_ptr<FakeTerminal> terminal_ = std::make_shared<FakeTerminal>();
  std::vector<Connection> connections_;
  std::chrono::steady_clock::time_point now_;
  Surroundings world_;
  std::string data_, talk_;
  std::vector<std::string> became_;  ///< the program that was to take this one's place, and its words
};

}  // namespace ashlar::cli
