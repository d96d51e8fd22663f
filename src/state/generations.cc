#include "state/generations.h"

#include <algorithm>
#include <utility>

#include "api/plan.h"
#include "base/log.h"
#include "json/json.h"
#include "state/generation_folder.h"
#include "state/generation_text.h"

namespace ashlar::state {
namespace {

// The agent alone: comments and names of hosts are nobody else's business.
constexpr uint32_t folder_mode = 0700, file_mode = 0600;

// Whether what is new in `next` is read from its text as it is. What was in force before has been read back already; a text of
// resources one after the other cannot make them anything else.
bool reads_back(const api::Configuration& next, const api::Configuration& before) {
  const api::Configuration news = api::news_of(before, next);
  const auto json = json::parse_json(api::print_configuration(news, json::Secrets::show));
  const auto again = json ? api::read_configuration(*json) : std::unexpected(json.error());
  return again && *again == news;
}

}  // namespace

Result<GenerationStore> GenerationStore::open(FileSystem& files, std::string folder) {
  if (!files.exists(folder)) TRY(files.make_folder(folder, folder_mode));
  GenerationStore store(files, std::move(folder));
  TRY_ASSIGN(FoundGenerations found, find_generations(files, store.folder_));
  // What is read here may have been renamed by a process that died before its sync: nothing is done on the strength of it until
  // it is on the disk.
  Result<void> synced = files.sync_folder(folder_of(store.folder_));
  if (synced) synced = files.sync_folder(store.folder_);
  TRY(store.choose(found));
  store.damaged_.insert(store.damaged_.begin(), found.damaged.begin(), found.damaged.end());
  if (!synced) store.settled_ = false;
  if (!store.settled_) {
    // Not an error of open(): from a medium that can only be read, the array must still start.
    if (Result<void> done = store.settle(); !done)
      log_warning("state.generations", "{}", done.error().text());
  }
  store.trim();
  return store;
}

/// Decides which generation is in force and which one is unfinished.
Result<void> GenerationStore::choose(FoundGenerations& found) {
  const uint64_t newest = found.whole.empty() ? 0 : found.whole.rbegin()->first;
  uint64_t number = 0;
  if (!found.mark) {
    settled_ = false;
    if (!found.any) return {};  // a new folder
    TRY_ASSIGN(number, fall_back(found, newest, "`current` is missing or damaged"));
    drop_afterwork_ = true;
  } else if (std::max(found.mark->number, found.mark->instead_of) + 1 < newest) {
    // Only one generation is ever prepared, so those beyond it were in force: `current` is an old copy.
    TRY_ASSIGN(number, fall_back(found, newest, "`current` is older than the generations beside it"));
    drop_afterwork_ = true;
  } else if (found.mark->number != 0) {
    number = found.mark->number;
    instead_of_ = found.mark->instead_of;
    const auto named = found.whole.find(number);
    if (named == found.whole.end()) {
      TRY_ASSIGN(number, fall_back(found, number - 1,
                                   fmt::format("generation {} is missing or damaged", found.mark->number)));
      instead_of_ = std::max(instead_of_, found.mark->number);
    } else if (named->second.info.hash != found.mark->hash) {
      TRY_ASSIGN(number, fall_back(found, newest, "`current` and the generation that it names do not fit"));
      drop_afterwork_ = true;
      instead_of_ = 0;
    }
  }
  return put_in_force(found, number);
}

/// The newest whole one that is not above `highest`.
Result<uint64_t> GenerationStore::fall_back(const FoundGenerations& found, uint64_t highest,
                                            std::string_view why) {
  settled_ = false;
  auto after = found.whole.upper_bound(highest);
  if (after == found.whole.begin()) {
    return fail(
        ErrorCode::io_error, folder_,
        "{}, and no generation is whole to go on with: restore the folder from a backup, or move it away to "
        "begin with an empty configuration",
        why);
  }
  const uint64_t number = std::prev(after)->first;
  damaged_.push_back(fmt::format("{}: {}; generation {} is in force now", folder_, why, number));
  return number;
}

Result<void> GenerationStore::put_in_force(FoundGenerations& found, uint64_t number) {
  if (number != 0) {
    TRY_ASSIGN(current_, load(number));
    current_checksum_ = found.whole.at(number).checksum;
    const auto done = found.done.find(number);
    // A mark of another generation that once had this number does not count.
    const bool is_done = done != found.done.end() && done->second == current_checksum_;
    if (is_done) drop_afterwork_ = false;
    if (!is_done && !drop_afterwork_) afterwork_ = current_.after;
    if (drop_afterwork_ && !current_.after.empty()) {
      damaged_.push_back(
          fmt::format("{}: whether generation {} was ever in force is not known, so the {} things that it "
                      "was to delete stay: look for storage that no volume uses",
                      folder_, number, current_.after.size()));
    }
  }
  drop_afterwork_ = drop_afterwork_ && !current_.after.empty();
  for (auto& [each, head] : found.whole) {
    if (each <= number) {
      kept_.emplace(each, std::move(head.info));
    } else {  // at most one: choose() has seen to that
      TRY_ASSIGN(unfinished_, load(each));
      unfinished_checksum_ = head.checksum;
    }
  }
  return {};
}

Result<Generation> GenerationStore::load(uint64_t number) const {
  const std::string path = path_of(generation_name(number));
  TRY_ASSIGN(const std::string text, files_->read(path));
  return parse_generation(text, path);
}

Result<GenerationInfo> GenerationStore::prepare(Generation next) {
  if (unfinished_) {
    return fail(ErrorCode::busy, folder_, "generation {} is prepared already: commit or abandon it first",
                unfinished_->info.number);
  }
  TRY(settle());
  next.info.number = current_.info.number + 1;
  next.after.insert(next.after.begin(), afterwork_.begin(), afterwork_.end());
  api::make_canonical(next.configuration);
  TRY_ASSIGN(const std::string text, print_generation(next));
  const std::string path = path_of(generation_name(next.info.number));
  // What a restart would read, so that nothing is ever committed which the next start refuses.
  TRY_ASSIGN(GenerationHead head, parse_generation_head(text, path));
  if (reads_back(next.configuration, current_.configuration)) {
    next.info = std::move(head.info);
    next.before = std::move(head.before);
    next.after = std::move(head.after);
  } else {
    TRY_ASSIGN(next, parse_generation(text, path));
  }
  if (Result<void> done = files_->replace(path, text, file_mode); !done) {
    (void)files_->remove(path);
    return std::unexpected(std::move(done).error());
  }
  unfinished_ = std::move(next);
  unfinished_checksum_ = head.checksum;
  return unfinished_->info;
}

Result<void> GenerationStore::commit() {
  if (!unfinished_) return fail(ErrorCode::not_found, folder_, "no generation is prepared");
  TRY(settle());
  const std::string path = path_of(current_name);
  TRY(files_->stage(path, print_mark({unfinished_->info.number, unfinished_->info.hash, 0}), file_mode));
  Result<void> done = files_->rename(staged_name(path), path);
  if (done) done = files_->sync_folder(folder_);
  if (!done) return go_back(done.error());
  adopt();
  trim();
  return {};
}

// A second fsync after a failed one may say yes without having written anything, so it proves nothing; a new file, renamed and
// synced, does.
Result<void> GenerationStore::go_back(const Error& cause) {
  settled_ = false;
  const Result<void> back = settle();
  return fail(
      cause.code, cause.place, "{}; generation {} {}", cause.message, current_.info.number,
      back ? "stays in force"
           : "stays in force, but which one a power cut would leave is not known until the disk works again");
}

void GenerationStore::adopt() {
  current_ = *std::exchange(unfinished_, std::nullopt);
  current_checksum_ = std::exchange(unfinished_checksum_, {});
  afterwork_ = current_.after;
  kept_.emplace(current_.info.number, current_.info);
  instead_of_ = 0;
}

Result<void> GenerationStore::abandon() {
  if (!unfinished_) return fail(ErrorCode::not_found, folder_, "no generation is prepared");
  TRY(settle());
  const Result<void> removed = files_->remove(path_of(generation_name(unfinished_->info.number)));
  // An earlier try may have removed it and failed to sync.
  if (!removed && removed.error().code != ErrorCode::not_found) return removed;
  TRY(files_->sync_folder(folder_));
  unfinished_.reset();
  unfinished_checksum_.clear();
  return {};
}

Result<void> GenerationStore::settle() {
  if (settled_) return {};
  if (drop_afterwork_) TRY(write_done_mark());
  TRY(files_->sync_folder(folder_of(folder_)));
  TRY(files_->replace(path_of(current_name), mark_text(), file_mode));
  settled_ = true;
  return {};
}

std::string GenerationStore::mark_text() const {
  return print_mark({current_.info.number, current_.info.hash, instead_of_});
}

Result<void> GenerationStore::write_done_mark() {
  TRY(files_->replace(path_of(done_name(current_.info.number)), current_checksum_, file_mode));
  drop_afterwork_ = false;
  return {};
}

Result<void> GenerationStore::afterwork_done() {
  if (afterwork().empty()) return {};
  TRY(write_done_mark());
  afterwork_.clear();
  return {};
}

const std::vector<Afterwork>& GenerationStore::afterwork() const {
  static const std::vector<Afterwork> none;
  return settled_ ? afterwork_ : none;
}

Result<std::vector<GenerationInfo>> GenerationStore::list() const {
  std::vector<GenerationInfo> infos;
  infos.reserve(kept_.size());
  for (auto each = kept_.rbegin(); each != kept_.rend(); ++each) infos.push_back(each->second);
  return infos;
}

Result<Generation> GenerationStore::read(uint64_t number) const {
  if (!kept_.contains(number)) {
    return fail(ErrorCode::not_found, folder_, "there is no generation {}; the newest {} are kept", number,
                kept);
  }
  Result<Generation> generation = load(number);
  if (generation && generation->info != kept_.at(number))
    return fail(ErrorCode::io_error, path_of(generation_name(number)),
                "is not the generation that was written");
  return generation;
}

// Not worth an error: what could not be removed now is tried again after the next change.
void GenerationStore::trim() {
  while (kept_.size() > kept) {
    const uint64_t oldest = kept_.begin()->first;
    if (files_->exists(path_of(done_name(oldest)))) (void)files_->remove(path_of(done_name(oldest)));
    (void)files_->remove(path_of(generation_name(oldest)));
    kept_.erase(kept_.begin());
  }
}

}  // namespace ashlar::state
