#include "state/crash_file_system_test.h"

#include <gtest/gtest.h>

#include <set>

namespace ashlar::state {

CrashFileSystem::CrashFileSystem(const DiskImage& image) {
  for (const auto& [path, entry] : image) {
    now_[path] = nodes_.size();
    nodes_.push_back({entry, entry.bytes});
  }
  safe_ = now_;
}

void CrashFileSystem::fail_at(uint64_t call, ErrorCode code, uint64_t times) {
  fail_from_ = call;
  fail_code_ = code;
  fail_times_ = times;
}

Result<void> CrashFileSystem::begin(const std::string& path) {
  const uint64_t call = calls_++;
  if (cut_at_ && call >= *cut_at_) cut_ = true;
  if (cut_) return fail(ErrorCode::io_error, path, "the power is cut");
  if (fail_from_ && call >= *fail_from_ && call - *fail_from_ < fail_times_) {
    failed_once_ = true;
    return fail(fail_code_, path, "is made to fail");
  }
  return {};
}

void CrashFileSystem::apply(const Change& change, Names& names) {
  for (const auto& [path, node] : change.sets) {
    if (node) names[path] = *node;
    if (!node) names.erase(path);
  }
}

void CrashFileSystem::change(Change change) {
  apply(change, now_);
  pending_.push_back(std::move(change));
}

DiskImage CrashFileSystem::image_of(const Names& names, Bytes bytes) const {
  DiskImage image;
  for (const auto& [path, index] : names) {
    const std::string folder = folder_of(path);
    if (folder != "." && folder != "/" && !names.contains(folder)) continue;  // its folder was lost
    DiskEntry entry = nodes_[index].now;
    if (nodes_[index].safe != entry.bytes) {
      if (bytes == Bytes::lost) entry.bytes = nodes_[index].safe.value_or("");
      if (bytes == Bytes::torn) entry.bytes.resize(entry.bytes.size() / 2);
      if (bytes == Bytes::zeroed) entry.bytes.assign(entry.bytes.size(), '\0');
    }
    image.emplace(path, std::move(entry));
  }
  return image;
}

std::vector<DiskImage> CrashFileSystem::images() const {
  const size_t count = pending_.size();
  std::vector<std::vector<bool>> choices;
  if (count <= 6) {
    for (size_t bits = 0; bits < (size_t{1} << count); ++bits) {
      std::vector<bool>& choice = choices.emplace_back(count);
      for (size_t i = 0; i < count; ++i) choice[i] = (bits >> i & 1) != 0;
    }
  } else {  // each prefix, each alone, each missing
    for (size_t i = 0; i <= count; ++i) {
      std::vector<bool>& prefix = choices.emplace_back(count);
      for (size_t k = 0; k < i; ++k) prefix[k] = true;
      if (i == count) break;
      choices.emplace_back(count)[i] = true;
      choices.emplace_back(count, true)[i] = false;
    }
  }
  std::set<DiskImage> images;
  for (const std::vector<bool>& choice : choices) {
    Names names = safe_;
    for (size_t i = 0; i < count; ++i) {
      if (choice[i]) apply(pending_[i], names);
    }
    for (const Bytes bytes : {Bytes::lost, Bytes::torn, Bytes::zeroed, Bytes::there})
      images.insert(image_of(names, bytes));
  }
  return {images.begin(), images.end()};
}

DiskImage CrashFileSystem::view() const { return image_of(now_, Bytes::there); }

Result<std::string> CrashFileSystem::read(const std::string& path) {
  if (cut_) return fail(ErrorCode::io_error, path, "the power is cut");
  const auto found = now_.find(path);
  if (found == now_.end()) return fail(ErrorCode::not_found, path, "is not there");
  return nodes_[found->second].now.bytes;
}

Result<std::vector<std::string>> CrashFileSystem::list(const std::string& folder) {
  if (cut_) return fail(ErrorCode::io_error, folder, "the power is cut");
  if (!now_.contains(folder)) return fail(ErrorCode::not_found, folder, "is not there");
  std::vector<std::string> names;
  for (const auto& [path, node] : now_) {
    if (folder_of(path) == folder) names.push_back(path.substr(folder.size() + 1));
  }
  return names;
}

bool CrashFileSystem::exists(const std::string& path) { return !cut_ && now_.contains(path); }

Result<void> CrashFileSystem::make_folder(const std::string& path, uint32_t mode) {
  TRY(begin(path));
  if (now_.contains(path)) return {};
  nodes_.push_back({{true, mode, {}}, ""});
  change({folder_of(path), {{path, nodes_.size() - 1}}});
  return {};
}

Result<void> CrashFileSystem::write(const std::string& path, std::string_view bytes, uint32_t mode) {
  const std::string folder = folder_of(path);
  if (folder != "." && folder != "/" && !now_.contains(folder))
    return fail(ErrorCode::not_found, folder, "is not there");
  const Result<void> allowed = begin(path);
  if (cut_) return allowed;
  if (!now_.contains(path)) {
    nodes_.push_back({{false, mode, {}}, std::nullopt});
    change({folder, {{path, nodes_.size() - 1}}});
  }
  Node& node = nodes_[now_.at(path)];
  node.now = {false, mode, std::string(allowed ? bytes : bytes.substr(0, bytes.size() / 2))};
  return allowed;
}

Result<void> CrashFileSystem::sync_file(const std::string& path) {
  TRY(begin(path));
  const auto found = now_.find(path);
  if (found == now_.end()) return fail(ErrorCode::not_found, path, "is not there");
  nodes_[found->second].safe = nodes_[found->second].now.bytes;
  return {};
}

Result<void> CrashFileSystem::sync_folder(const std::string& path) {
  TRY(begin(path));
  std::vector<Change> left;
  for (Change& each : pending_) {
    if (each.folder == path) {
      apply(each, safe_);
    } else {
      left.push_back(std::move(each));
    }
  }
  pending_ = std::move(left);
  return {};
}

Result<void> CrashFileSystem::rename(const std::string& from, const std::string& to) {
  TRY(begin(to));
  const auto found = now_.find(from);
  if (found == now_.end()) return fail(ErrorCode::not_found, from, "is not there");
  change({folder_of(to), {{from, std::nullopt}, {to, found->second}}});
  return {};
}

Result<void> CrashFileSystem::remove(const std::string& path) {
  TRY(begin(path));
  if (!now_.contains(path)) return fail(ErrorCode::not_found, path, "is not there");
  change({folder_of(path), {{path, std::nullopt}}});
  return {};
}

namespace {

std::set<std::string> contents(const CrashFileSystem& files, const std::string& path) {
  std::set<std::string> all;
  for (const DiskImage& image : files.images())
    all.insert(image.contains(path) ? image.at(path).bytes : "(none)");
  return all;
}

TEST(CrashFileSystem, WhatIsNotSyncedMayBeLostTornOrThere) {
  CrashFileSystem files;
  ASSERT_TRUE(files.write("a", "12345678", 0600));
  EXPECT_EQ(contents(files, "a"),
            (std::set<std::string>{"(none)", "", "1234", std::string(8, '\0'), "12345678"}));
  ASSERT_TRUE(files.sync_file("a"));
  EXPECT_EQ(contents(files, "a"), (std::set<std::string>{"(none)", "12345678"})) << "the name is not safe";
  ASSERT_TRUE(files.sync_folder("."));
  EXPECT_EQ(contents(files, "a"), (std::set<std::string>{"12345678"}));
}

TEST(CrashFileSystem, ARenameMaySurviveItsFilesBytes) {
  CrashFileSystem files({{"a", {false, 0600, "old"}}});
  ASSERT_TRUE(files.write("a.new", "newer!", 0600));
  ASSERT_TRUE(files.rename("a.new", "a"));
  EXPECT_EQ(contents(files, "a"), (std::set<std::string>{"old", "", "new", std::string(6, '\0'), "newer!"}));
}

TEST(CrashFileSystem, ReplaceIsOldOrNewAtEveryCall) {
  bool ended = false;
  for (uint64_t cut = 0; !ended; ++cut) {
    CrashFileSystem files({{"a", {false, 0600, "old"}}});
    files.cut_power_at(cut);
    ended = files.replace("a", "new", 0600).has_value();
    const std::set<std::string> found = contents(files, "a");
    for (const std::string& each : found) EXPECT_TRUE(each == "old" || each == "new") << each;
    if (ended) EXPECT_EQ(found, std::set<std::string>{"new"});
  }
}

TEST(CrashFileSystem, FailsWhereItIsTold) {
  CrashFileSystem files;
  files.fail_at(0, ErrorCode::no_space);
  EXPECT_EQ(files.write("a", "1234", 0600).error().code, ErrorCode::no_space);
  EXPECT_EQ(*files.read("a"), "12");
  EXPECT_TRUE(files.write("a", "1234", 0600));
}

}  // namespace
}  // namespace ashlar::state
