// One way to a logical unit or namespace of another array: a session or controller that is kept up, and commands by it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "initiator/disposition.h"
#include "initiator/findings.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace ashlar::initiator {

/// A command in the terms of both protocols. Intrusive and pooled by the caller, on the path's loop.
class PathCommand : public loop::Ready {
 public:
  block::Operation operation = block::Operation::read;  ///< read, write, flush, discard or write_zeroes
  bool durable = false;                                 ///< force unit access
  bool may_discard = false;                             ///< of write_zeroes
  uint64_t lba = 0;
  uint32_t blocks = 0;
  std::span<const iovec> parts;  ///< of read and write: blocks x block_bytes bytes
  void (*done)(PathCommand&) = nullptr;
  void* owner = nullptr;

  Disposition disposition;  ///< valid when done

 protected:
  ~PathCommand() = default;

 private:
  void run() final { done(*this); }
};

class Path;

/// Called from the ready list, on the path's loop.
class PathWatcher {
 public:
  /// May this path be used? An error refuses it: another unit, another block size, too small transfers.
  virtual Result<void> check(const Findings& findings) = 0;
  /// It is attached (`attached`: by a new session, and what earlier ones sent is over if Path::fences()), or was looked at again.
  virtual void path_up(Path& path, bool attached) = 0;
  /// Nothing goes by it any more. What is under way is completed after this, and before the next path_up().
  virtual void path_down(Path& path, const Error& reason) = 0;
  /// It did not come up, and will try again.
  virtual void path_failed(Path& path, const Error& reason) = 0;

 protected:
  ~PathWatcher() = default;
};

struct PathTiming {
  loop::Nanoseconds first_pause = loop::milliseconds(200);  ///< between attempts; doubled up to the most
  loop::Nanoseconds most_pause = loop::seconds(15);
  loop::Nanoseconds check_interval = loop::seconds(10);  ///< it is looked at again, traffic or not
  loop::Nanoseconds keep_alive = loop::seconds(5);       ///< silent for twice that: lost
  loop::Nanoseconds connect_timeout = loop::seconds(5);
  /// From the attempt to connect until all is known of the unit, and for each look at it; leaving has connect_timeout.
  loop::Nanoseconds question_timeout = loop::seconds(30);
  /// How long the other side may still do what a lost session sent it; 0: what the protocol gives reason for.
  loop::Nanoseconds doubt{0};
};

/// What people see of a path.
struct PathCounters {
  uint64_t attached = 0, losses = 0, refused = 0;
};

/// On one loop. start(), then stop() to its end, then the destructor.
class Path {
 public:
  enum class State : uint8_t { connecting, up, waiting, refused, stopped };

  Path(loop::Loop& loop, uint16_t index, const PathTiming& timing, PathWatcher& watcher)
      : loop_(loop), index_(index), timing_(timing), watcher_(watcher) {}
  virtual ~Path();
  Path(const Path&) = delete;
  Path& operator=(const Path&) = delete;

  void start();
  /// No command is under way and none will come. At once, or for as long as a logout may take (connect_timeout).
  loop::Task<void> stop();

  /// Only while it is up; `done` comes later, exactly once, from the ready list. At most as many at once as were promised when
  /// it was made.
  virtual void submit(PathCommand& command) = 0;
  /// A new session is let in only when nothing of the old one can touch the medium any more.
  virtual bool fences() const = 0;
  /// How long after a loss the other side may still do what it was sent.
  virtual loop::Nanoseconds doubt_time() const = 0;

  /// Its access state, size or identity may have changed.
  void look_again();
  /// Gives the session up; it attaches again after a pause.
  void drop(Error reason);

  uint16_t index() const { return index_; }
  State state() const { return state_; }
  const Findings& findings() const { return findings_; }  ///< of the last time that it was up
  const std::optional<Error>& last_error() const { return last_error_; }
  const PathCounters& counters() const { return counters_; }

 protected:
  /// A session or controller, and what is found by it.
  virtual loop::Task<Result<Findings>> attach() = 0;
  /// The same session, looked at again: findings() with what may change.
  virtual loop::Task<Result<Findings>> look() = 0;
  /// Ends what attach() made, politely if it still lives; returns when every command is completed.
  virtual loop::Task<void> detach(bool lost) = 0;
  /// Closes the session, if there is one by now: what attach(), look() and detach() wait for ends. cancellation_ has been used.
  virtual void abandon() = 0;
  /// The session died.
  void lose(Error reason);

  loop::Loop& loop_;
  const uint16_t index_;
  const PathTiming timing_;
  loop::Cancellation cancellation_;  // of attach()

 private:
  // Ends a wait of the story.
  struct Alarm final : loop::Timer {
    explicit Alarm(loop::Event& event) : wake(event) {}
    void expired() override { wake.set(); }
    loop::Event& wake;
  };
  // While it lives, attach(), look() or detach() waits for the other side; not for ever, and no longer when the path is stopped.
  class Patience final : loop::Timer {
   public:
    Patience(Path& path, loop::Nanoseconds span);
    ~Patience();
    Patience(const Patience&) = delete;
    Patience& operator=(const Patience&) = delete;

   private:
    void expired() override { path_.give_up(); }
    Path& path_;
  };

  loop::Task<void> live();
  loop::Task<Result<Findings>> within_time(loop::Task<Result<Findings>> question);
  void give_up();
  loop::Task<void> attempt();
  loop::Task<void> keep();
  loop::Task<void> rest(loop::Nanoseconds span);
  Result<void> accept(Result<Findings> found);

  PathWatcher& watcher_;
  State state_ = State::stopped;
  Findings findings_;
  std::optional<Error> last_error_;
  PathCounters counters_;
  loop::Nanoseconds pause_{0};
  bool stopping_ = false;
  bool asking_ = false;  // attach() or look() is under way
  bool look_wanted_ = false;
  std::optional<Error> lost_;
  loop::Event wake_;
  Alarm alarm_{wake_};
  loop::Event ended_;
};

}  // namespace ashlar::initiator
