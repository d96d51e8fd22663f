#include "storage/helper_server.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <exception>

#include "base/log.h"
#include "storage/facts_fields.h"
#include "storage/helper_message.h"

namespace ashlar::storage {
namespace {

constexpr char component[] = "storage.helper";
constexpr uint32_t most_lines = 20;
constexpr uint64_t log_period = 60'000'000'000;

struct Answer {
  json::Json result = json::Json::object();
  Descriptor descriptor;
};

template <typename T>
Result<T> read(const json::Json& arguments) {
  return json::decode<T>(arguments, "arguments", json::Unknown::refuse);
}

Result<Answer> answer_of(Result<void> done) {
  if (!done) return std::unexpected(std::move(done).error());
  return Answer{};
}

Result<Answer> allow_folder(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<FolderArguments>(json));
  return answer_of(privileged.allow_folder(arguments.folder));
}
Result<Answer> folder_facts(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<FolderArguments>(json));
  TRY_ASSIGN(const FolderFacts facts, privileged.folder_facts(arguments.folder));
  return Answer{json::encode(facts), {}};
}
Result<Answer> list_files(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<FolderArguments>(json));
  TRY_ASSIGN(std::vector<FileFacts> files, privileged.list_files(arguments.folder));
  return Answer{json::encode(FileList{std::move(files)}), {}};
}
Result<Answer> file_facts(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<FileArguments>(json));
  TRY_ASSIGN(const FileFacts facts, privileged.file_facts(arguments.folder, arguments.name));
  return Answer{json::encode(facts), {}};
}
Result<Answer> create_file(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<CreateArguments>(json));
  return answer_of(
      privileged.create_file(arguments.folder, arguments.name, arguments.bytes, arguments.allocate));
}
Result<Answer> clone_file(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<CloneArguments>(json));
  return answer_of(privileged.clone_file(arguments.folder, arguments.from, arguments.to));
}
Result<Answer> remove_file(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<FileArguments>(json));
  return answer_of(privileged.remove_file(arguments.folder, arguments.name));
}
Result<Answer> list_devices(Privileged& privileged, const json::Json& json) {
  TRY(read<NoArguments>(json));
  TRY_ASSIGN(std::vector<DeviceFacts> devices, privileged.list_devices());
  return Answer{json::encode(DeviceList{std::move(devices)}), {}};
}
Result<Answer> connect_engine(Privileged& privileged, const json::Json& json) {
  TRY_ASSIGN(const auto arguments, read<SocketArguments>(json));
  TRY_ASSIGN(const int descriptor, privileged.connect_engine(arguments.socket_path));
  return Answer{json::Json::object(), Descriptor(descriptor)};
}

struct Verb {
  std::string_view name;
  Result<Answer> (*run)(Privileged&, const json::Json&);
};
constexpr std::array verbs = {Verb{"allow_folder", allow_folder},    Verb{"folder_facts", folder_facts},
                              Verb{"list_files", list_files},        Verb{"file_facts", file_facts},
                              Verb{"create_file", create_file},      Verb{"clone_file", clone_file},
                              Verb{"remove_file", remove_file},      Verb{"list_devices", list_devices},
                              Verb{"connect_engine", connect_engine}};

struct Outcome {
  Result<Answer> answer;
  bool refused = false;  // a good client never asks so: worth a line in the log
};

Outcome run(Privileged& privileged, std::string_view line) {
  const Result<HelperRequest> request = parse_request(line);
  if (!request) return {std::unexpected(request.error()), true};
  for (const Verb& verb : verbs) {
    if (verb.name != request->verb) continue;
    Result<Answer> answer = verb.run(privileged, request->arguments);
    const bool refused = !answer && (answer.error().place.starts_with("arguments") ||
                                     answer.error().code == ErrorCode::permission_denied);
    return {std::move(answer), refused};
  }
  return {fail(ErrorCode::unsupported, "verb", "the root helper has no such verb"), true};
}

// Libraries throw when memory is short; the helper must answer and go on.
Outcome run_safely(Privileged& privileged, std::string_view line) {
  try {
    return run(privileged, line);
  } catch (const std::exception& problem) {
    return {fail(ErrorCode::exhausted, "root helper", "{}", problem.what()), true};
  }
}

Result<void> answer(HelperChannel& channel, const Outcome& outcome) {
  if (!outcome.answer) return channel.send(print_answer(std::unexpected(outcome.answer.error())));
  return channel.send(print_answer(outcome.answer->result), outcome.answer->descriptor.get());
}

}  // namespace

void serve_helper(HelperChannel& channel, Privileged& privileged) {
  LogLimiter limiter(most_lines, log_period);
  const auto tell = [&limiter](const Error& error) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    if (!limiter.allow(static_cast<uint64_t>(std::chrono::nanoseconds(now).count()))) return;
    std::string text = error.text();  // may quote what it was sent
    std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
    log_warning(component, "refused: {} not_told={}", text, limiter.suppressed());
  };
  Result<void> told = channel.send(print_answer(json::Json::object()));
  while (told) {
    const Result<HelperChannel::Line> line = channel.receive(max_request_bytes, -1);
    if (!line) {
      if (line.error().code != ErrorCode::closed) {
        tell(line.error());
        (void)channel.send(print_answer(std::unexpected(line.error())));
      }
      return;
    }
    const Outcome outcome = run_safely(privileged, line->text);
    if (outcome.refused && !outcome.answer) tell(outcome.answer.error());
    told = answer(channel, outcome);
  }
}

}  // namespace ashlar::storage
