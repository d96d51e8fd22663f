// For tests: the API of a whole array, asked without a network.
#pragma once

#include <string>

#include "agent/world_test.h"
#include "base/log.h"

namespace ashlar::agent {

class RouterTest : public testing::Test {
 protected:
  void SetUp() override { set_log_level(LogLevel::error); }
  void TearDown() override { set_log_level(LogLevel::info); }

  /// Fails the test unless the answer has that status.
  Answered must(int status, const std::string& method, const std::string& target,
                const api::Json& body = nullptr, http::Headers headers = {}) {
    Answered answered = world.ask(method, target, body, std::move(headers));
    EXPECT_EQ(answered.status, status) << method << " " << target << ": " << answered.text.substr(0, 1000);
    return answered;
  }

  ApiWorld world;
};

}  // namespace ashlar::agent
