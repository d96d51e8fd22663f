#include "state/database.h"

#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "state/database_world_test.h"

namespace ashlar::state {
namespace {

class DatabaseFile : public DatabaseTest {};
class Rows : public DatabaseTest {};

EventRow event_of(const std::string& name) {
  return {0, "2025-01-02T03:04:05Z", "volumes", "created", name, "alice", {{"size", 7}}};
}

TEST_F(Rows, EventsComeBackInOrder) {
  open();
  EXPECT_EQ(database_->first_event(), 0u);
  EXPECT_EQ(*database_->add_event(event_of("a")), 1u);
  EXPECT_EQ(*database_->add_event(event_of("b")), 2u);
  EventRow other = event_of("c");
  other.topic = "hosts";
  EXPECT_EQ(*database_->add_event(other), 3u);
  open();
  EXPECT_TRUE(notice_.empty());
  const auto all = database_->events({});
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].name, "a");
  EXPECT_EQ((*all)[0].data, (json::Json{{"size", 7}}));
  EXPECT_EQ(database_->events({.after = 1})->size(), 2u);
  EXPECT_EQ(database_->events({.limit = 1, .after = 1})->front().name, "b");
  EXPECT_EQ(database_->events({.equal = {{"topic", "volumes"}, {"name", "b"}}})->size(), 1u);
  EXPECT_EQ(database_->events({.after = UINT64_MAX})->size(), 0u);
  EXPECT_EQ(database_->first_event(), 1u);
}

TEST_F(Rows, APageNamesOnlyColumnsThatThereAre) {
  open();
  for (const char* column : {"topics", "id", "1=1 --", "hash\" OR \"1"}) {
    EXPECT_EQ(database_->events({.equal = {{column, "x"}}}).error().code, ErrorCode::invalid_argument)
        << column;
    EXPECT_EQ(database_->audit({.equal = {{column, "x"}}}).error().code, ErrorCode::invalid_argument)
        << column;
  }
  ASSERT_TRUE(database_->add_event(event_of("'; DROP TABLE events; --")));
  EXPECT_EQ(database_->events({.equal = {{"name", "'; DROP TABLE events; --"}}})->size(), 1u);
}

TEST_F(Rows, TheNewestEventsAreKeptAndIdsRiseForEver) {
  options_.kept_events = 10;
  open();
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(database_->add_event(event_of("x")));
  EXPECT_EQ(database_->first_event(), 16u);
  EXPECT_EQ(database_->events({})->size(), 10u);
  tamper("DELETE FROM events");
  EXPECT_EQ(*open().add_event(event_of("x")), 26u);
}

TEST_F(Rows, JobsAreSavedAgainAndTheNewestKept) {
  options_.kept_jobs = 3;
  open();
  JobRow job{.id = "j1",
             .kind = "purge",
             .state = "queued",
             .actor = "bob",
             .resource = "volumes/a",
             .created_at = "t1"};
  ASSERT_TRUE(database_->save_job(job));
  job.state = "running";
  job.started_at = "t2";
  job.done = 1ull << 40;
  job.total = 2ull << 40;
  job.unit = "bytes";
  job.cancellable = true;
  job.result = {{"status", 201}};
  job.error = "e";
  job.log = {"one", "two"};
  ASSERT_TRUE(database_->save_job(job));
  const auto back = database_->job("j1");
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->state, "running");
  EXPECT_EQ((*back)->done, 1ull << 40);
  EXPECT_TRUE((*back)->cancellable);
  EXPECT_EQ((*back)->result, job.result);
  EXPECT_EQ((*back)->log, job.log);
  EXPECT_EQ((*back)->actor, "bob");
  for (const char* id : {"j2", "j3", "j4"}) {
    job.id = id;
    ASSERT_TRUE(database_->save_job(job));
    ASSERT_TRUE(database_->save_job(job));
  }
  EXPECT_EQ(*database_->job("j1"), std::nullopt);
  ASSERT_EQ(database_->jobs(10)->size(), 3u);
  EXPECT_EQ(database_->jobs(10)->front().id, "j4");
  EXPECT_EQ(database_->jobs(1)->size(), 1u);
}

TEST_F(Rows, AnswersAreKeptForADay) {
  options_.kept_answers = 3;
  open();
  const KeptAnswer answer{"hash", 201, {{"ETag", "1"}}, std::string("a\0b", 3)};
  ASSERT_TRUE(database_->keep_answer("alice key", answer));
  now_ += 24 * 3600 - 1;
  const auto back = open().kept_answer("alice key");
  ASSERT_TRUE(back && *back);
  EXPECT_EQ((*back)->status, 201);
  EXPECT_EQ((*back)->body, answer.body);
  EXPECT_EQ((*back)->headers, answer.headers);
  EXPECT_FALSE(*database_->kept_answer("bob key"));
  now_ += 1;
  EXPECT_FALSE(*database_->kept_answer("alice key"));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(database_->keep_answer(fmt::format("{}", i), answer));
  EXPECT_EQ(count("answers"), 3);
  EXPECT_TRUE(*database_->kept_answer("9"));
  EXPECT_EQ(database_->keep_answer("x", {.body = std::string((4u << 20) + 1, 'x')}).error().code,
            ErrorCode::out_of_range);
}

TEST_F(Rows, AlertsKeepTheirStates) {
  options_.kept_cleared_alerts = 2;
  open();
  for (const char* id : {"a", "b", "c", "d"})
    ASSERT_TRUE(database_->save_alert(
        {.id = id, .rule = "full", .subject = id, .severity = "warning", .state = "raised"}));
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_TRUE(
        database_->save_alert({.id = id, .state = "cleared", .cleared_at = "t", .value = 1.5, .told = true}));
  }
  const auto alerts = open().alerts();
  ASSERT_EQ(alerts->size(), 3u) << "the one that is raised, and the newest two that are cleared";
  EXPECT_EQ((*alerts)[0].id, "d");
  EXPECT_EQ((*alerts)[1].id, "c");
  EXPECT_EQ((*alerts)[1].value, 1.5);
  EXPECT_TRUE((*alerts)[1].told);
  EXPECT_FALSE((*alerts)[0].told);
}

TEST_F(Rows, TwoThreadsAtOnce) {
  open();
  const auto work = [this](const std::string& name) {
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(database_->add_event(event_of(name)));
      EXPECT_TRUE(database_->add_audit({.actor = name}));
      EXPECT_TRUE(database_->add_metrics(now_ + i, {{name, i}}));
      if (i % 50 == 0) EXPECT_EQ(*database_->verify_audit(), 0u);
    }
  };
  std::thread other(work, "other");
  work("this");
  other.join();
  EXPECT_EQ(database_->events({.limit = 1000})->size(), 400u);
  EXPECT_EQ(*database_->verify_audit(), 0u);
  EXPECT_EQ(database_->metric("this", Resolution::second, 0, INT64_MAX)->size(), 200u);
}

TEST_F(DatabaseFile, IsPrivate) {
  open();
  struct stat there{};
  for (const char* ending : {"", "-wal", "-shm"}) {
    ASSERT_EQ(::stat((path_ + ending).c_str(), &there), 0) << ending;
    EXPECT_EQ(there.st_mode & 0777, 0600u) << ending;
  }
}

TEST_F(DatabaseFile, ANewerVersionsIsLeftAlone) {
  open();
  database_.reset();
  tamper("PRAGMA user_version=99");
  const auto opened = Database::open(path_, notice_, options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::unsupported);
  EXPECT_TRUE(notice_.empty());
}

TEST_F(DatabaseFile, AFolderThatIsNotThereIsAnError) {
  EXPECT_EQ(Database::open(folder_ + "/no/state.db", notice_).error().code, ErrorCode::not_found);
}

TEST_F(DatabaseFile, AFullDiskIsNoSpace) {
  open();
  {
    bool damaged = false;
    auto connection = Connection::open(path_, damaged);
    // A bound of the file's pages is the same error as a full disk.
    ASSERT_TRUE((*connection)->execute("PRAGMA max_page_count=1; CREATE TABLE filler (x)") || true);
    Result<void> done;
    for (int i = 0; i < 1000 && done; ++i)
      done = (*connection)
                 ->statement("INSERT INTO meta VALUES (?, ?)")
                 .bind_all(i, std::string(5000, 'x'))
                 .run();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code, ErrorCode::no_space);
  }
  EXPECT_TRUE(database_->add_event(event_of("a"))) << "others go on";
}

TEST_F(DatabaseFile, AHeldOneIsBusy) {
  open();
  bool damaged = false;
  auto connection = Connection::open(path_, damaged);
  ASSERT_TRUE((*connection)->execute("PRAGMA busy_timeout=0"));
  auto second = Connection::open(path_, damaged);
  ASSERT_TRUE((*second)->execute("BEGIN IMMEDIATE"));
  EXPECT_EQ((*connection)->transaction([] { return Result<void>(); }).error().code, ErrorCode::busy);
}

void overwrite(const std::string& path, std::streamoff at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(at);
  file << bytes;
}

TEST_F(DatabaseFile, ADamagedOneIsMovedAsideAndBegunAnew) {
  open();
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(database_->add_event(event_of(std::string(100, 'x'))));
  database_.reset();
  std::filesystem::copy(path_, folder_ + "/good");
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(path_));
  ASSERT_GT(size, 100'000);
  const std::vector<std::function<void()>> damages = {
      [&] { overwrite(path_, 0, "this is no database at all"); },
      [&] { overwrite(path_, 60'000, std::string(20'000, '\0')); },
      [&] { overwrite(path_, size / 2, std::string(9'000, '\xff')); },
      [&] { std::filesystem::resize_file(path_, static_cast<uint64_t>(size / 2)); },
      [&] { std::ofstream(path_, std::ios::binary) << std::string(5000, 'z'); },
      [&] { overwrite(path_, 100, std::string(500, '\x5a')); },
  };
  for (size_t i = 0; i < damages.size(); ++i) {
    for (const auto& each : std::filesystem::directory_iterator(folder_)) {
      if (each.path().filename() != "good") std::filesystem::remove(each.path());
    }
    std::filesystem::copy(folder_ + "/good", path_);
    damages[i]();
    open();
    EXPECT_TRUE(notice_.contains("damaged-20231114T221320Z")) << i << ": " << notice_;
    EXPECT_TRUE(std::filesystem::exists(path_ + ".damaged-20231114T221320Z")) << i;
    EXPECT_TRUE(database_->events({})->empty()) << i;
    EXPECT_GT(*database_->add_event(event_of("a")), 2000u) << "ids rise for ever";
    open();
    EXPECT_TRUE(notice_.empty()) << notice_;
    EXPECT_EQ(database_->events({})->size(), 1u);
  }
}

TEST_F(DatabaseFile, AnEmptyFileIsANewOne) {
  std::ofstream(path_).flush();
  open();
  EXPECT_TRUE(notice_.empty());
  EXPECT_EQ(*database_->add_event(event_of("a")), 1u);
}

TEST_F(DatabaseFile, DamageMetInUseIsLookedForOnTheNextStart) {
  open();
  // More than SQLite keeps in memory of what the start has read.
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(database_->add_event(event_of(std::string(3000, 'x'))));
  open();  // the log is written back
  overwrite(path_, 60'000, std::string(100'000, '\xff'));
  const auto rows = database_->events({.limit = 5000});
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().code, ErrorCode::io_error);
  EXPECT_TRUE(std::filesystem::exists(path_ + ".suspect"));
  open();
  EXPECT_FALSE(notice_.empty());
  EXPECT_FALSE(std::filesystem::exists(path_ + ".suspect"));
}

}  // namespace
}  // namespace ashlar::state
