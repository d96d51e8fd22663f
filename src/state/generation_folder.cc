#include "state/generation_folder.h"

#include <algorithm>
#include <charconv>

namespace ashlar::state {
namespace {

constexpr std::string_view generation_ending = ".json";
constexpr std::string_view done_ending = ".done";
constexpr std::string_view damaged_ending = ".damaged";

/// The number of "000117.json" when that is the name we would give it.
std::optional<uint64_t> number_of(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending)) return std::nullopt;
  const std::string_view text = name.substr(0, name.size() - ending.size());
  if (text.size() < 6 || text.size() > 15) return std::nullopt;
  uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  if (fmt::format("{:06}", number) != text) return std::nullopt;
  return number;
}

class Finder {
 public:
  Finder(FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  Result<FoundGenerations> find() && {
    TRY_ASSIGN(const std::vector<std::string> names, files_.list(folder_));
    for (const std::string& name : names) TRY(look_at(name));
    TRY(look_at_mark(std::find(names.begin(), names.end(), current_name) != names.end()));
    return std::move(found_);
  }

 private:
  std::string path_of(std::string_view name) const { return fmt::format("{}/{}", folder_, name); }

  Result<void> look_at(const std::string& name) {
    if (name.ends_with(".new")) {
      (void)files_.remove(path_of(name));
      return {};
    }
    if (const auto number = number_of(name, generation_ending)) return look_at_generation(*number, name);
    if (const auto number = number_of(name, done_ending)) {
      TRY_ASSIGN(const std::string text, read(name));
      found_.done[*number] = text;
    }
    if (name.ends_with(damaged_ending)) found_.any = true;
    return {};
  }

  Result<void> look_at_generation(uint64_t number, const std::string& name) {
    found_.any = true;
    Result<std::string> text = read(name);
    Result<GenerationHead> head =
        text ? parse_generation_head(*text, path_of(name)) : std::unexpected(std::move(text).error());
    if (head && head->info.number != number)
      head =
          fail(ErrorCode::io_error, path_of(name), "is damaged: it holds generation {}", head->info.number);
    if (head) {
      found_.whole.emplace(number, std::move(*head));
      return {};
    }
    return set_aside(name, head.error());
  }

  Result<void> look_at_mark(bool there) {
    if (!there) return {};
    Result<std::string> text = read(std::string(current_name));
    Result<CurrentMark> mark =
        text ? parse_mark(*text, path_of(current_name)) : std::unexpected(std::move(text).error());
    if (!mark) {
      found_.any = true;
      return set_aside(std::string(current_name), mark.error());
    }
    found_.mark = std::move(*mark);
    return {};
  }

  // Twice, so that an error of the medium which passes does not look like damage.
  Result<std::string> read(const std::string& name) {
    Result<std::string> text = files_.read(path_of(name));
    if (!text && text.error().code == ErrorCode::io_error) text = files_.read(path_of(name));
    return text;
  }

  Result<void> set_aside(const std::string& name, const Error& error) {
    if (error.code != ErrorCode::io_error && error.code != ErrorCode::out_of_range)
      return std::unexpected(error);
    const std::string aside = path_of(name) + std::string(damaged_ending);
    const Result<void> moved = files_.rename(path_of(name), aside);
    found_.damaged.push_back(
        moved ? fmt::format("{}; moved to {}", error.text(), aside)
              : fmt::format("{}; not moved aside: {}", error.text(), moved.error().text()));
    return {};
  }

  FileSystem& files_;
  std::string folder_;
  FoundGenerations found_;
};

}  // namespace

std::string generation_name(uint64_t number) { return fmt::format("{:06}{}", number, generation_ending); }
std::string done_name(uint64_t number) { return fmt::format("{:06}{}", number, done_ending); }

Result<FoundGenerations> find_generations(FileSystem& files, const std::string& folder) {
  return Finder(files, folder).find();
}

}  // namespace ashlar::state
