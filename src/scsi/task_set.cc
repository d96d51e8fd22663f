#include "scsi/task_set.h"

namespace ashlar::scsi {

bool TaskSet::add(Task& task) {
  bool wait = false;
  if (task.attribute == TaskAttribute::ordered) {
    wait = !tasks_.empty();
    ++ordered_;
  } else if (task.attribute != TaskAttribute::head_of_queue) {
    wait = ordered_ > 0;
  }
  tasks_.push_back(task);
  task.state_ = wait ? Task::State::waiting : Task::State::executing;
  if (wait) ++waiting_;
  return !wait;
}

void TaskSet::remove(Task& task) {
  if (task.attribute == TaskAttribute::ordered) --ordered_;
  tasks_.remove(task);
}

void TaskSet::stop_waiting(Task& task) {
  CHECK(task.state_ == Task::State::waiting && waiting_ > 0);
  task.state_ = Task::State::executing;
  --waiting_;
}

Task* TaskSet::next() {
  if (waiting_ == 0) return nullptr;
  bool older = false;
  bool older_ordered = false;
  for (Task& task : tasks_) {
    const bool ordered = task.attribute == TaskAttribute::ordered;
    if (task.state_ == Task::State::waiting && !(ordered ? older : older_ordered)) {
      stop_waiting(task);
      return &task;
    }
    older = true;
    older_ordered = older_ordered || ordered;
  }
  return nullptr;
}

void TaskSet::hold(Task& task) {
  CHECK(task.state_ == Task::State::executing);
  task.state_ = Task::State::held;
  ++held_;
}

void TaskSet::stop_holding(Task& task) {
  CHECK(task.state_ == Task::State::held && held_ > 0);
  task.state_ = Task::State::executing;
  --held_;
}

Task* TaskSet::next_held() {
  if (held_ == 0) return nullptr;
  for (Task& task : tasks_) {
    if (task.state_ != Task::State::held) continue;
    stop_holding(task);
    return &task;
  }
  return nullptr;
}

Task* TaskSet::find(uint64_t tag) {
  for (Task& task : tasks_) {
    if (task.tag == tag) return &task;
  }
  return nullptr;
}

}  // namespace ashlar::scsi
