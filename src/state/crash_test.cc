// Power cuts and disk errors at every call, and what a start finds after them.
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <set>

#include "base/log.h"
#include "state/generations.h"
#include "state/generations_world_test.h"
#include "state/secrets.h"

namespace ashlar::state {
namespace {

enum class Prepared { no, yes, either };

/// What the program has been told so far, and so what any disk must show.
struct Known {
  uint64_t current = 0;
  std::string label, next_label;
  bool may_be_next = false;  ///< a commit was under way
  Prepared prepared = Prepared::no;
  std::vector<Afterwork> afterwork, next_afterwork;
  bool may_be_done = false;  ///< afterwork_done() was under way
  std::map<std::string, std::string> secrets;
};

/// One life of the agent, cut or disturbed somewhere.
class Program {
 public:
  explicit Program(CrashFileSystem& files, int rounds = 1) : files_(files), rounds_(rounds) {}
  const Known& known() const { return known_; }
  const GenerationStore& store() const { return *store_; }

  /// `after_error` says whether to go on: a power cut ends it, a disk error does not.
  void run(const std::function<bool(Program&)>& after_error) {
    const std::vector<std::function<Result<void>()>> steps = {
        [&] { return put("chap of a"); },
        [&] { return prepare("a", {created("a")}, {}); },
        [&] { return commit(); },
        [&] { return put("chap of b"); },
        [&] { return prepare("b", {}, {deletion("x")}); },
        [&] { return commit(); },
        [&] { return done(); },
        [&] { return prepare("c", {created("c")}, {deletion("never")}); },
        [&] { return abandon(); },
        [&] { return prepare("d", {}, {deletion("y")}); },
        [&] { return commit(); },
        [&] { return put("chap of e"); },
        [&] { return prepare("e", {created("e")}, {deletion("z")}); },
        [&] { return commit(); },
        [&] { return done(); },
        [&] { return prepare("f", {created("f")}, {}); },
    };
    if (!open() && !after_error(*this)) return;
    for (int round = 0; round < rounds_; ++round) {
      for (const auto& step : steps) {
        if (!step() && !after_error(*this)) return;
      }
    }
  }

  Result<void> open() {
    TRY_ASSIGN(secrets_, SecretStore::open(files_, "secrets"));
    TRY_ASSIGN(store_, GenerationStore::open(files_, "config"));
    return {};
  }
  Result<void> put(const std::string& value) {
    if (!secrets_) TRY(open());
    TRY_ASSIGN(const std::string reference, secrets_->put(value));
    known_.secrets[reference] = value;
    return {};
  }
  Result<void> prepare(const std::string& label, std::vector<Forework> before, std::vector<Afterwork> after) {
    if (!store_) TRY(open());
    if (store_->unfinished()) TRY(abandon());
    known_.next_label = label;
    known_.next_afterwork = known_.afterwork;
    known_.next_afterwork.insert(known_.next_afterwork.end(), after.begin(), after.end());
    known_.prepared = Prepared::either;
    TRY(store_->prepare(generation_of(label, std::move(before), std::move(after))));
    known_.prepared = Prepared::yes;
    return {};
  }
  Result<void> commit() {
    if (!store_ || !store_->unfinished()) return {};  // its prepare failed
    known_.may_be_next = true;
    TRY(store_->commit());
    became_next();
    return {};
  }
  void became_next() {
    ++known_.current;
    known_.label = known_.next_label;
    known_.afterwork = known_.next_afterwork;
    known_.prepared = Prepared::no;
    known_.may_be_next = false;
  }
  /// The disk works again: goes on with the store as it is, or with a new one.
  void recover(bool restart) {
    if (restart || !store_) {
      ASSERT_TRUE(open());
      if (known_.may_be_next && store_->current().info.number == known_.current + 1) became_next();
      if (known_.may_be_done) known_.afterwork = store_->afterwork();
      known_.may_be_done = false;
    }
    EXPECT_TRUE(abandon());
    EXPECT_TRUE(store_->settle());
    check_memory();
  }
  Result<void> abandon() {
    if (!store_ || !store_->unfinished()) return {};
    known_.prepared = Prepared::either;
    TRY(store_->abandon());
    known_.prepared = Prepared::no;
    known_.may_be_next = false;
    return {};
  }
  Result<void> done() {
    if (!store_) return {};
    known_.may_be_done = true;
    TRY(store_->afterwork_done());
    known_.afterwork.clear();
    known_.may_be_done = false;
    return {};
  }
  /// After a disk error: the store in memory must be what the program was told.
  void check_memory() {
    if (!store_) return;
    EXPECT_EQ(store_->current().info.number, known_.current);
    EXPECT_EQ(label_of(store_->current()), known_.label);
    if (store_->settled()) {
      EXPECT_EQ(store_->afterwork(), known_.afterwork);
      known_.may_be_next = false;
    } else {
      EXPECT_TRUE(store_->afterwork().empty());
    }
  }

 private:
  CrashFileSystem& files_;
  int rounds_;
  std::optional<SecretStore> secrets_;
  std::optional<GenerationStore> store_;
  Known known_;
};

void check_opened(const GenerationStore& store, const Known& known) {
  EXPECT_TRUE(store.damaged().empty()) << store.damaged()[0];
  EXPECT_TRUE(store.settled());
  const uint64_t number = store.current().info.number;
  const bool next = known.may_be_next && number == known.current + 1;
  EXPECT_TRUE(next || number == known.current) << number << " where " << known.current << " was in force";
  EXPECT_EQ(label_of(store.current()), next ? known.next_label : known.label);
  const std::vector<Afterwork>& wanted = next ? known.next_afterwork : known.afterwork;
  if (!known.may_be_done || !store.afterwork().empty()) EXPECT_EQ(store.afterwork(), wanted);
  if (next || known.prepared == Prepared::no) EXPECT_FALSE(store.unfinished());
  if (!next && known.prepared == Prepared::yes) ASSERT_TRUE(store.unfinished());
  if (store.unfinished()) {
    EXPECT_EQ(store.unfinished()->info.number, number + 1);
    EXPECT_EQ(label_of(*store.unfinished()), known.next_label);
  }
}

/// Starts on that disk, looks, and makes one more change. `images` counts.
void check_image(const DiskImage& image, const Known& known, size_t& images) {
  ++images;
  CrashFileSystem files(image);
  auto secrets = SecretStore::open(files, "secrets");
  ASSERT_TRUE(secrets) << secrets.error().text();
  auto store = GenerationStore::open(files, "config");
  ASSERT_TRUE(store) << store.error().text();
  check_opened(*store, known);
  for (const auto& [reference, value] : known.secrets)
    EXPECT_EQ(secrets->get(reference).value_or("none"), value);
  const uint64_t number = store->current().info.number;
  if (store->unfinished()) EXPECT_TRUE(store->abandon());
  EXPECT_TRUE(change(*store, generation_of("later")));
  const auto last = GenerationStore::open(files, "config");
  ASSERT_TRUE(last);
  EXPECT_EQ(last->current().info.number, number + 1);
}

/// The same, and the power is cut in this start too, anywhere. `seen`: disks that were looked at with the same `known`; most of what
/// cuts of several starts leave is the same.
void check_starts(const DiskImage& image, const Known& known, std::set<DiskImage>& seen, size_t& images) {
  if (seen.insert(image).second) check_image(image, known, images);
  bool ended = false;
  for (uint64_t cut = 0; !ended; ++cut) {
    CrashFileSystem second(image);
    second.cut_power_at(cut);
    if (SecretStore::open(second, "secrets")) (void)GenerationStore::open(second, "config");
    ended = !second.power_is_cut();
    for (const DiskImage& each : second.images()) {
      if (seen.insert(each).second) check_image(each, known, images);
    }
  }
}

class Crash : public testing::Test {
 protected:
  static void SetUpTestSuite() { set_log_level(LogLevel::error); }  // each start on a broken disk warns
  static void TearDownTestSuite() { set_log_level(LogLevel::info); }
};

TEST_F(Crash, APowerCutAnywhereLeavesTheOldOrTheNew) {
  size_t images = 0, starts = 0;
  bool ended = false;
  for (uint64_t cut = 0; !ended && !testing::Test::HasFailure(); ++cut) {
    CrashFileSystem files;
    files.cut_power_at(cut);
    Program program(files, 3);
    program.run([](Program&) { return false; });
    ended = !files.power_is_cut();
    std::set<DiskImage> seen;
    for (const DiskImage& image : files.images()) {
      ++images;
      check_starts(image, program.known(), seen, starts);
    }
    if (HasFailure()) ADD_FAILURE() << "cut at call " << cut;
  }
  std::printf("%zu disk images checked, %zu starts\n", images, starts);
  EXPECT_GT(images, 500u);
}

TEST_F(Crash, APowerCutWhileOldOnesAreRemoved) {
  CrashFileSystem before;
  {
    auto store = GenerationStore::open(before, "config");
    for (size_t i = 0; i < GenerationStore::kept; ++i)
      ASSERT_TRUE(change(*store, generation_of("g", {}, {deletion("x")})) && store->afterwork_done());
  }
  bool ended = false;
  for (uint64_t cut = 0; !ended; ++cut) {
    CrashFileSystem files(before.view());
    auto store = GenerationStore::open(files, "config");
    files.cut_power_at(files.calls() + cut);
    const bool committed = change(*store, generation_of("h")).has_value();
    ended = !files.power_is_cut();
    for (const DiskImage& image : files.images()) {
      CrashFileSystem after(image);
      const auto again = GenerationStore::open(after, "config");
      ASSERT_TRUE(again);
      EXPECT_TRUE(again->damaged().empty());
      EXPECT_LE(again->list()->size(), GenerationStore::kept);
      if (committed) EXPECT_EQ(label_of(again->current()), "h");
    }
  }
}

/// The `times` calls from `call` on fail; the disk then works again, and the program goes on. False: there is no such call.
bool run_with_errors(uint64_t call, ErrorCode code, uint64_t times, bool restart, size_t& images) {
  CrashFileSystem files;
  files.fail_at(call, code, times);
  Program program(files);
  program.run([&](Program& self) {
    self.check_memory();
    for (const DiskImage& image : files.images()) check_image(image, self.known(), images);
    files.heal();
    self.recover(restart);
    return true;
  });
  const bool failed = files.failed_once();
  program.check_memory();
  for (const DiskImage& image : files.images()) check_image(image, program.known(), images);
  return failed;
}

TEST_F(Crash, ADiskErrorAnywhereLeavesTheStoreUsable) {
  size_t images = 0;
  for (const ErrorCode code : {ErrorCode::no_space, ErrorCode::io_error}) {
    for (const uint64_t times : {1, 2, 3, 1000}) {
      for (const bool restart : {false, true}) {
        for (uint64_t call = 0; run_with_errors(call, code, times, restart, images); ++call) {
          ASSERT_FALSE(testing::Test::HasFailure()) << times << " calls from " << call << " failed with "
                                                    << name_of(code) << ", restart " << restart;
        }
      }
    }
  }
  std::printf("%zu disk images checked after errors\n", images);
}

TEST_F(Crash, ACommitWhoseSyncFailsIsTakenBack) {
  CrashFileSystem files;
  auto store = GenerationStore::open(files, "config");
  ASSERT_TRUE(change(*store, generation_of("a")));
  ASSERT_TRUE(store->prepare(generation_of("b")));
  files.fail_at(files.calls() + 3, ErrorCode::io_error);  // write, sync, rename, sync of the folder
  EXPECT_EQ(store->commit().error().code, ErrorCode::io_error);
  EXPECT_TRUE(store->settled());
  EXPECT_EQ(label_of(store->current()), "a");
  for (const DiskImage& image : files.images()) {
    CrashFileSystem after(image);
    EXPECT_EQ(label_of(GenerationStore::open(after, "config")->current()), "a");
  }
  EXPECT_TRUE(store->commit()) << "the prepared one is still there";
  EXPECT_EQ(label_of(store->current()), "b");
}

TEST_F(Crash, WhatADeadProcessRenamedIsSafeBeforeItIsActedOn) {
  CrashFileSystem files;
  auto store = GenerationStore::open(files, "config");
  ASSERT_TRUE(change(*store, generation_of("a")));
  ASSERT_TRUE(store->prepare(generation_of("b", {}, {deletion("x")})));
  // The process ends between the rename and its sync; the power stays on.
  files.fail_at(files.calls() + 3, ErrorCode::io_error, 1000);
  EXPECT_FALSE(store->commit());
  files.heal();
  const auto again = GenerationStore::open(files, "config");
  EXPECT_EQ(label_of(again->current()), "b");
  EXPECT_EQ(again->afterwork().size(), 1u);
  for (const DiskImage& image : files.images()) {
    CrashFileSystem after(image);
    EXPECT_EQ(label_of(GenerationStore::open(after, "config")->current()), "b")
        << "else x would be deleted under the one that still has it";
  }
}

TEST_F(Crash, ACommitThatCannotBeTakenBackIsSaidToBeInDoubt) {
  CrashFileSystem files;
  auto store = GenerationStore::open(files, "config");
  ASSERT_TRUE(change(*store, generation_of("a", {}, {deletion("x")})));
  ASSERT_TRUE(store->prepare(generation_of("b")));
  files.fail_at(files.calls() + 3, ErrorCode::io_error, 1000);
  EXPECT_EQ(store->commit().error().code, ErrorCode::io_error);
  EXPECT_FALSE(store->settled());
  EXPECT_TRUE(store->afterwork().empty());
  EXPECT_FALSE(store->abandon());
  EXPECT_FALSE(store->settle());
  std::set<std::string> found;
  for (const DiskImage& image : files.images()) {
    CrashFileSystem after(image);
    found.insert(label_of(GenerationStore::open(after, "config")->current()));
  }
  EXPECT_EQ(found, (std::set<std::string>{"a", "b"}));
  files.heal();
  EXPECT_TRUE(store->settle());
  EXPECT_EQ(store->afterwork().size(), 1u);
  EXPECT_TRUE(store->abandon());
  EXPECT_TRUE(change(*store, generation_of("c")));
}

TEST_F(Crash, AStartOnAMediumThatCannotBeWrittenShowsWhatIsThere) {
  CrashFileSystem before;
  {
    auto store = GenerationStore::open(before, "config");
    ASSERT_TRUE(change(*store, generation_of("a", {}, {deletion("x")})));
  }
  CrashFileSystem files(before.view());
  files.fail_at(0, ErrorCode::permission_denied, 1000);
  auto store = GenerationStore::open(files, "config");
  ASSERT_TRUE(store) << store.error().text();
  EXPECT_EQ(label_of(store->current()), "a");
  EXPECT_FALSE(store->settled());
  EXPECT_TRUE(store->afterwork().empty());
  EXPECT_EQ(store->prepare(generation_of("b")).error().code, ErrorCode::permission_denied);
  files.heal();
  EXPECT_TRUE(change(*store, generation_of("b")));
}

}  // namespace
}  // namespace ashlar::state
