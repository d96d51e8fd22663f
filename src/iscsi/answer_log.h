// Answers with a status number that a host has not acknowledged yet, for it to ask for again (RFC 7143 7.1.4.2, 11.16).
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "base/bytes.h"

namespace ashlar::iscsi {

/// Of one connection at ErrorRecoveryLevel 1 and above; empty below. Bounded: past either bound the oldest answer is forgotten,
/// and a host that asks for it is refused. Pure.
class AnswerLog {
 public:
  static constexpr size_t most_answers = 512;
  static constexpr size_t most_bytes = 256 * 1024;
  struct Answer {
    uint32_t status_sequence = 0;
    std::vector<uint8_t> pdu;  ///< header and data segment, without digests and padding
  };

  /// In order of `status_sequence`.
  void add(uint32_t status_sequence, ConstBytes pdu);
  /// The host has all answers before `expected`.
  void acknowledge(uint32_t expected);
  /// Null when it is acknowledged, forgotten or still to come.
  const Answer* find(uint32_t status_sequence) const;
  /// The oldest one that `wanted` says is it; null when there is none.
  template <typename Wanted>
  const Answer* find_if(Wanted wanted) const {
    for (const Answer& answer : answers_) {
      if (wanted(answer)) return &answer;
    }
    return nullptr;
  }
  void forget(uint32_t status_sequence);
  /// An answer that is there is now this one, as long as it was.
  void replace(uint32_t status_sequence, ConstBytes pdu);
  size_t size() const { return answers_.size(); }
  bool empty() const { return answers_.empty(); }

 private:
  void forget_oldest();
  std::deque<Answer> answers_;
  size_t bytes_ = 0;
};

}  // namespace ashlar::iscsi
