// One request of a session that is not a SCSI command, and its answer: task management, NOP-Out, text, logout. And what a
// session keeps for its login and for its watcher.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/intrusive_list.h"
#include "base/result.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "wire/iscsi_pdu.h"

namespace ashlar::initiator {

class SessionWatcher;

struct ExchangeTag;

/// Lives in the frame of the coroutine that waits for `done`; after that only the frame's own fields are touched, so the
/// session may be gone by then.
struct Exchange : ListNode<ExchangeTag> {
  enum class Kind : uint8_t { management, ping, text, logout };
  explicit Exchange(Kind what) : kind(what) {}

  Kind kind;
  uint32_t initiator_task_tag = wire::iscsi::reserved_task_tag;
  bool awaited = false;  ///< sent
  uint64_t order = 0;    ///< of sending, among commands too
  // management
  wire::iscsi::TaskManagementFunction function{};
  std::array<uint8_t, 8> lun{};
  uint32_t referenced_task_tag = wire::iscsi::reserved_task_tag;
  uint32_t ref_cmd_sn = 0;
  wire::iscsi::TaskManagementOutcome outcome{};
  // ping, text
  std::vector<uint8_t> data;
  uint32_t target_transfer_tag = wire::iscsi::reserved_task_tag;
  std::string answer;

  std::optional<Error> error;
  loop::Event done;
};

/// The login response that came last, copied; the connection is not parsed on before the login has looked at it.
struct LoginInbox {
  std::array<uint8_t, wire::iscsi::basic_header_bytes> header{};
  std::string text;
  loop::Event arrived;
};

/// Carries news to the watcher through the ready list. Lives past its session while it is on that list.
class Notices final : public loop::Ready {
 public:
  Notices(loop::Loop& loop, SessionWatcher* watcher) : loop_(loop), watcher_(watcher) {}
  void message(const wire::iscsi::AsyncMessage& message);
  void closed(const Error& reason);
  /// The session is going; nothing is told any more. Destroys itself, now or when its turn on the list comes.
  void leave();

 private:
  ~Notices() = default;
  void run() override;
  void post();

  // A watcher that is slower than the target talks is told the first ones: it runs once a turn.
  static constexpr size_t max_messages = 64;
  loop::Loop& loop_;
  SessionWatcher* watcher_;
  std::vector<wire::iscsi::AsyncMessage> messages_;
  std::optional<Error> reason_;
  bool posted_ = false;
  bool running_ = false;
  bool left_ = false;
};

}  // namespace ashlar::initiator
