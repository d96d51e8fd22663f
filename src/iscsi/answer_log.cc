#include "iscsi/answer_log.h"

#include "base/check.h"
#include "iscsi/command_window.h"

namespace ashlar::iscsi {

void AnswerLog::forget_oldest() {
  bytes_ -= answers_.front().pdu.size();
  answers_.pop_front();
}

void AnswerLog::add(uint32_t status_sequence, ConstBytes pdu) {
  answers_.push_back({status_sequence, {pdu.begin(), pdu.end()}});
  bytes_ += pdu.size();
  while (answers_.size() > most_answers || (bytes_ > most_bytes && answers_.size() > 1)) forget_oldest();
}

void AnswerLog::acknowledge(uint32_t expected) {
  while (!answers_.empty() && serial_before(answers_.front().status_sequence, expected)) forget_oldest();
}

void AnswerLog::forget(uint32_t status_sequence) {
  std::erase_if(answers_, [&](const Answer& answer) {
    if (answer.status_sequence != status_sequence) return false;
    bytes_ -= answer.pdu.size();
    return true;
  });
}

void AnswerLog::replace(uint32_t status_sequence, ConstBytes pdu) {
  for (Answer& answer : answers_) {
    if (answer.status_sequence != status_sequence) continue;
    CHECK(answer.pdu.size() == pdu.size());
    answer.pdu.assign(pdu.begin(), pdu.end());
  }
}

const AnswerLog::Answer* AnswerLog::find(uint32_t status_sequence) const {
  return find_if([&](const Answer& answer) { return answer.status_sequence == status_sequence; });
}

}  // namespace ashlar::iscsi
