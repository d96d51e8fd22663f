// The tasks of one nexus on one unit, oldest first, and who has to wait for whom (SAM-5 clause 8).
#pragma once

#include "base/intrusive_list.h"
#include "scsi/task.h"

namespace ashlar::scsi {

/// SIMPLE tasks never wait for each other. An ORDERED one waits for all older ones, and younger ones wait for it; a HEAD OF
/// QUEUE one waits for nobody. While it is frozen nothing starts, and nothing ends, that meet_allegiance() has not let pass.
/// Costs nothing while no ORDERED task is there and it is not frozen.
class TaskSet {
 public:
  using List = IntrusiveList<Task, TaskTag>;
  /// Enters it. False if it has to wait (its state is then `waiting`), or if meet_allegiance() decides on it (`executing`).
  bool add(Task& task);
  /// It has ended.
  void remove(Task& task);
  /// A waiting task will not start any more: it has been ended.
  void stop_waiting(Task& task);
  /// A waiting task whose turn has come, or null. Its state is then `executing`.
  Task* next();
  /// An executing task stops before its first act, until next_held() gives it back. Those that wait for it go on waiting.
  void hold(Task& task);
  /// The oldest held task, now executing again, or null.
  Task* next_held();
  /// A held task will not go on: it has been ended.
  void stop_holding(Task& task);
  uint32_t held() const { return held_; }
  /// An ACA condition (SAM-5 5.10) begins and ends.
  void freeze() { frozen_ = true; }
  void thaw() { frozen_ = false; }
  bool frozen() const { return frozen_; }
  /// An executing task that is done waits with its answer, until next_blocked() gives it back.
  void block(Task& task);
  /// The oldest blocked task, now executing again, or null; while frozen there is none.
  Task* next_blocked();
  /// A blocked task need not wait: it has been ended.
  void stop_blocking(Task& task);
  Task* find(uint64_t tag);
  bool empty() const { return tasks_.empty(); }
  List& tasks() { return tasks_; }

 private:
  bool add_by_its_attribute(Task& task);

  List tasks_;
  uint32_t ordered_ = 0;
  uint32_t waiting_ = 0;
  uint32_t held_ = 0;
  uint32_t blocked_ = 0;
  bool frozen_ = false;
};

}  // namespace ashlar::scsi
