#include "storage/helper_client.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/log.h"
#include "storage/facts_fields.h"
#include "storage/helper_message.h"

namespace ashlar::storage {
namespace {

// The longest verbs (reserving many TiB, sharing millions of extents, disks that must spin up) take minutes.
constexpr int answer_milliseconds = 15 * 60 * 1000;
constexpr int end_milliseconds = 5000;

template <typename T>
Result<T> decode(const json::Json& json) {
  return json::decode<T>(json, "root helper", json::Unknown::refuse);
}

}  // namespace

HelperClient::~HelperClient() {
  channel_.close();  // the helper's sign to end
  if (child_ <= 0) return;
  Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, child_, 0)));
  pollfd waiting{process.get(), POLLIN, 0};
  // A helper that waits for a dead disk cannot end yet; it does when the disk answers, and init takes it in.
  if (process.valid() && ::poll(&waiting, 1, end_milliseconds) == 0 && ::kill(child_, SIGKILL) == 0)
    ::poll(&waiting, 1, end_milliseconds);
  ::waitpid(child_, nullptr, WNOHANG);
}

std::unexpected<Error> HelperClient::lost(const Error& why) {
  if (channel_.open()) {
    log_error("storage.helper", "lost: {}", why.text());
    channel_.close();
  }
  if (why.code == ErrorCode::timed_out)
    return fail(ErrorCode::timed_out, "root helper", "{}; restart ashlard when the disks answer again",
                why.message);
  return fail(ErrorCode::closed, "root helper",
              "has ended: restart ashlard (volumes are served meanwhile, but none can be changed)");
}

Result<HelperClient::Reply> HelperClient::read_reply() {
  Result<HelperChannel::Line> line = channel_.receive(max_answer_bytes, answer_milliseconds);
  if (!line) return lost(line.error());
  Result<json::Json> result = parse_answer(line->text);
  if (!result && result.error().code == ErrorCode::protocol_error) return lost(result.error());
  if (!result) return std::unexpected(std::move(result).error());
  return Reply{std::move(*result), std::move(line->descriptor)};
}

Result<HelperClient::Reply> HelperClient::call(std::string_view verb, const json::Json& arguments) {
  const std::string line = print_request(verb, arguments);
  if (line.size() > max_request_bytes)
    return fail(ErrorCode::invalid_argument, std::string(verb), "the paths and names are too long");
  const std::lock_guard lock(mutex_);
  if (!channel_.open()) return lost({ErrorCode::closed, "", ""});
  if (Result<void> sent = channel_.send(line); !sent) return lost(sent.error());
  return read_reply();
}

Result<void> HelperClient::wait_ready() {
  const std::lock_guard lock(mutex_);
  TRY(read_reply());
  return {};
}

Result<void> HelperClient::allow_folder(const std::string& folder) {
  TRY(call("allow_folder", json::encode(FolderArguments{folder})));
  return {};
}

Result<FolderFacts> HelperClient::folder_facts(const std::string& folder) {
  TRY_ASSIGN(const Reply reply, call("folder_facts", json::encode(FolderArguments{folder})));
  return decode<FolderFacts>(reply.result);
}

Result<std::vector<FileFacts>> HelperClient::list_files(const std::string& folder) {
  TRY_ASSIGN(const Reply reply, call("list_files", json::encode(FolderArguments{folder})));
  TRY_ASSIGN(FileList list, decode<FileList>(reply.result));
  return std::move(list.files);
}

Result<FileFacts> HelperClient::file_facts(const std::string& folder, const std::string& name) {
  TRY_ASSIGN(const Reply reply, call("file_facts", json::encode(FileArguments{folder, name})));
  return decode<FileFacts>(reply.result);
}

Result<void> HelperClient::create_file(const std::string& folder, const std::string& name, uint64_t bytes,
                                       bool allocate) {
  TRY(call("create_file", json::encode(CreateArguments{folder, name, bytes, allocate})));
  return {};
}

Result<void> HelperClient::clone_file(const std::string& folder, const std::string& from,
                                      const std::string& to) {
  TRY(call("clone_file", json::encode(CloneArguments{folder, from, to})));
  return {};
}

Result<void> HelperClient::remove_file(const std::string& folder, const std::string& name) {
  TRY(call("remove_file", json::encode(FileArguments{folder, name})));
  return {};
}

Result<std::vector<DeviceFacts>> HelperClient::list_devices() {
  TRY_ASSIGN(const Reply reply, call("list_devices", json::encode(NoArguments{})));
  TRY_ASSIGN(DeviceList list, decode<DeviceList>(reply.result));
  return std::move(list.devices);
}

Result<int> HelperClient::connect_engine(const std::string& socket_path) {
  TRY_ASSIGN(Reply reply, call("connect_engine", json::encode(SocketArguments{socket_path})));
  if (!reply.descriptor.valid())
    return fail(ErrorCode::protocol_error, "root helper", "sent no connection to {}", socket_path);
  return reply.descriptor.release();
}

}  // namespace ashlar::storage
