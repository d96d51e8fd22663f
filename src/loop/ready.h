// The ready list: what runs next in this turn of the loop. Every completion travels through it, so none runs inside the
// call that caused it.
#pragma once

#include "base/intrusive_list.h"

namespace ashlar::loop {

struct ReadyTag;

/// Something to run once, later in this turn (or in the next one, if posted while the turn's sends go out). The poster
/// keeps it alive until run() is called; it may destroy itself in run(). At most once on a list at a time.
class Ready : public ListNode<ReadyTag> {
 public:
  virtual void run() = 0;

 protected:
  ~Ready() = default;
};
using ReadyList = IntrusiveList<Ready, ReadyTag>;

struct TurnEndTag;
/// Called once at the end of the turn, after the ready list has drained: the place for the one gathered send of a connection.
class TurnEnd : public ListNode<TurnEndTag> {
 public:
  virtual void turn_end() = 0;

 protected:
  ~TurnEnd() = default;
};
using TurnEndList = IntrusiveList<TurnEnd, TurnEndTag>;

}  // namespace ashlar::loop
