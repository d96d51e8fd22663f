// `ashlar shell`: the resources as folders, every command without the word ashlar.
#pragma once

#include <string>
#include <vector>

#include "cli/nouns.h"
#include "cli/options.h"
#include "cli/surroundings.h"

namespace ashlar::cli {

class Shell {
 public:
  Shell(const Surroundings& world, const Options& options);
  /// One line; its exit code. `ended()` after exit or quit.
  int run_line(const std::string& line);
  bool ended() const { return ended_; }
  /// "/", "/volumes", "/volumes/db1".
  std::string path() const { return path_of_place(here_); }
  std::vector<std::string> complete_line(std::string_view line) const;

 private:
  struct Place {
    const Noun* noun = nullptr;
    std::string name;
  };
  static std::string path_of_place(const Place& place);
  int run_words(std::vector<std::string> words);
  int change_folder(const std::vector<std::string>& words);
  int list_folder(const std::vector<std::string>& words);
  int set_values(const std::vector<std::string>& pairs);
  int say(int code, const std::string& message) const;
  Result<Place> resolve(const std::string& typed) const;
  /// With the noun, and the name where one is entered, put before a verb.
  std::vector<std::string> in_full(const std::vector<std::string>& words) const;
  std::vector<std::string> complete_path(const std::string& prefix) const;

  Surroundings world_;
  Options options_;
  Place here_;
  bool ended_ = false;
};

}  // namespace ashlar::cli
