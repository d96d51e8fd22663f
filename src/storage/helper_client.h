// The agent's side of the root helper.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>

#include "json/json.h"
#include "storage/helper_channel.h"
#include "storage/privileged.h"

namespace ashlar::storage {

/// When the helper has ended, every verb answers `closed` and a sentence. Any thread; one verb at a time, others wait for it.
class HelperClient final : public Privileged {
 public:
  /// `child`: the helper's process, which is waited for at the end; 0: not ours to wait for.
  HelperClient(Descriptor socket, pid_t child) : channel_(std::move(socket)), child_(child) {}
  HelperClient(const HelperClient&) = delete;
  HelperClient& operator=(const HelperClient&) = delete;
  ~HelperClient() override;

  pid_t child() const { return child_; }
  /// Waits for the helper's first word, which says that it is as shut in as it should be.
  Result<void> wait_ready();

  Result<void> allow_folder(const std::string& folder) override;
  Result<FolderFacts> folder_facts(const std::string& folder) override;
  Result<std::vector<FileFacts>> list_files(const std::string& folder) override;
  Result<FileFacts> file_facts(const std::string& folder, const std::string& name) override;
  Result<void> create_file(const std::string& folder, const std::string& name, uint64_t bytes,
                           bool allocate) override;
  Result<void> clone_file(const std::string& folder, const std::string& from, const std::string& to) override;
  Result<void> remove_file(const std::string& folder, const std::string& name) override;
  Result<std::vector<DeviceFacts>> list_devices() override;
  Result<int> connect_engine(const std::string& socket_path) override;

 private:
  struct Reply {
    json::Json result;
    Descriptor descriptor;
  };
  Result<Reply> call(std::string_view verb, const json::Json& arguments);
  Result<Reply> read_reply();
  std::unexpected<Error> lost(const Error& why);

  std::mutex mutex_;
  HelperChannel channel_;
  pid_t child_;
};

}  // namespace ashlar::storage
