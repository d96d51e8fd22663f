// A folder for a database, a clock that stands where it is put, and a second hand on the file.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

#include "state/connection.h"
#include "state/database.h"

namespace ashlar::state {

class DatabaseTest : public testing::Test {
 protected:
  DatabaseTest() {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fmt::format("{}/ashlar_database_{}_{}", testing::TempDir(), ::getpid(), info->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directory(folder_);
    path_ = folder_ + "/state.db";
    options_.clock = [this] { return now_; };
  }
  ~DatabaseTest() override { std::filesystem::remove_all(folder_); }

  Database& open() {
    database_.reset();
    auto opened = Database::open(path_, notice_, options_);
    if (!opened) ADD_FAILURE() << opened.error().text();
    database_ = std::move(*opened);
    return *database_;
  }
  /// What someone with another program does to it.
  void tamper(const std::string& sql) {
    bool damaged = false;
    auto connection = Connection::open(path_, damaged);
    ASSERT_TRUE(connection);
    const auto done = (*connection)->execute(sql);
    ASSERT_TRUE(done) << done.error().text();
  }
  int64_t count(const std::string& what) {
    bool damaged = false;
    auto connection = Connection::open(path_, damaged);
    Statement query = (*connection)->statement("SELECT count(*) FROM " + what);
    EXPECT_TRUE(query.next());
    return query.integer(0);
  }

  std::string folder_, path_, notice_;
  int64_t now_ = 1'700'000'000;
  DatabaseOptions options_;
  std::unique_ptr<Database> database_;
};

}  // namespace ashlar::state
