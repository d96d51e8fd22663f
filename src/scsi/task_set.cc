#include "scsi/task_set.h"

namespace ashlar::scsi {

bool TaskSet::add(Task& task) {
  tasks_.push_back(task);
  task.state_ = Task::State::executing;
  if (task.attribute == TaskAttribute::simple && (ordered_ | uint32_t{frozen_}) == 0) [[likely]]
    return true;
  return add_by_its_attribute(task);
}

bool TaskSet::add_by_its_attribute(Task& task) {
  bool wait = false;
  if (task.attribute == TaskAttribute::ordered) {
    wait = &tasks_.front() != &task;
    ++ordered_;
  } else if (task.attribute == TaskAttribute::simple) {
    wait = ordered_ > 0;
  }
  if (frozen_ || task.attribute == TaskAttribute::aca) return false;
  if (!wait) return true;
  task.state_ = Task::State::waiting;
  ++waiting_;
  return false;
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
  if (waiting_ == 0 || frozen_) return nullptr;
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

void TaskSet::block(Task& task) {
  CHECK(task.state_ == Task::State::executing);
  task.state_ = Task::State::blocked;
  ++blocked_;
}

void TaskSet::stop_blocking(Task& task) {
  CHECK(task.state_ == Task::State::blocked && blocked_ > 0);
  task.state_ = Task::State::executing;
  --blocked_;
}

Task* TaskSet::next_blocked() {
  if (blocked_ == 0 || frozen_) return nullptr;
  for (Task& task : tasks_) {
    if (task.state_ != Task::State::blocked) continue;
    stop_blocking(task);
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
