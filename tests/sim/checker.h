// The judge: knows of every write when it was invoked and how it ended, and says of every read whether some legal order of
// the writes explains it.
//
// The unit is the sector (512 bytes): a write of several is one write to each, in any order, so it may tear between them but
// never within. Per sector the volume is a register and every write has a value of its own, so linearizability is decided by
// intervals instead of by search. Each write to a sector took effect (if it did) at one moment within [low, high]:
//   low   its invocation; later if a read proved that another write came before it
//   high  its answer if it was GOOD; the return of the first read that saw it; else the moment from which on it can no longer
//         touch the medium (its fence), or never
// It is `certain` once it was answered GOOD or was seen. A read [begin, end] of write w is legal unless a certain write came
// after w for sure (its low is past w's high) and before the read for sure (its high is before `begin`). A read that saw w also
// proves that all writes that were over before it began are gone: no later read may see them.
//
// How a write ends:
//   GOOD            certain, high = now
//   rejected        (not executed: unit attention, busy, illegal request, never sent) it never happened; who reads it is wrong
//   failed          (an error from the medium; aborted by a task management function that said "complete") it may have
//                   happened in part, but it is over: high = now
//   unknown         (the connection died) it may still land at any later moment, until its session is fenced: a login that
//                   reinstates it has completed, or the engine's process has died
// Zeroes carry no name: a zero sector is legal if any write of zeroes (or the empty medium) explains it; what it proves is used
// only if there is one such.
//
// Durability. A write is durable once it was answered GOOD when the volume's write cache is off or it had FUA, or when a
// SYNCHRONIZE CACHE that was sent after its answer was answered GOOD. A flush that failed, or whose answer was lost, leaves the
// writes before it doubtful for ever: Linux drops dirty pages after a failed write back, and the next flush says GOOD.
// When the power is lost, writes that are not durable are no longer certain, and each sector keeps exactly one of those that no
// durable one followed for sure ("survivors"): which one, the next read tells, and after it the others are gone for good.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "sim/stamp.h"

namespace ashlar::simulation {

class Checker {
 public:
  enum class Content : uint8_t {
    stamped,  ///< each sector its own stamp
    same,     ///< WRITE SAME: the stamps of one block over and over
    zeroes,   ///< WRITE SAME of zeroes
    unmap,    ///< zeroes (LBPRZ), never durable without a flush
  };
  struct WriteSpec {
    uint32_t volume = 0;
    uint64_t first_sector = 0;
    uint32_t sectors = 0;
    Content content = Content::stamped;
    uint32_t same_period = 1;  ///< sectors of the block that WRITE SAME repeats
    bool durable = false;      ///< durable when answered GOOD: FUA, or no write cache
    uint32_t session = 0;      ///< as given by open_session()
  };

  /// Volumes are numbered from 0; all sectors read as zeroes at first. Returns its number.
  uint32_t add_volume(uint64_t sectors);
  /// New sectors at the end read as zeroes.
  void grow_volume(uint32_t volume, uint64_t sectors);
  uint64_t sectors_of(uint32_t volume) const { return volumes_[volume].sectors.size(); }

  /// A session that logged in. Its writes of unknown outcome may land until it is fenced.
  uint32_t open_session();
  /// Of a host that sends an unanswered write again, whatever happens to the array: what is open may take effect until it ends,
  /// also after a crash or a power loss, and no fence ends what is unknown.
  uint32_t open_lasting_session();
  void fence_session(uint32_t session);
  /// The process died: all sessions are fenced, now.
  void fence_all();

  /// The write's number for the stamps, above 0. One of the four ends follows.
  uint32_t invoke_write(const WriteSpec& spec);
  void write_good(uint32_t write);
  void write_rejected(uint32_t write);
  void write_failed(uint32_t write);
  void write_unknown(uint32_t write);
  /// The stamp that write puts (or is to put) into `sector`.
  Stamp stamp_of(uint32_t write, uint64_t sector) const;

  uint64_t invoke_read(uint32_t volume);
  /// The read is over and gave nothing.
  void read_failed(uint64_t read);
  /// The read is over; why it is illegal, or nothing.
  std::optional<std::string> read_returned(uint64_t read, uint32_t volume, uint64_t first_sector,
                                           ConstBytes bytes);

  /// COMPARE AND WRITE was answered GOOD: `expected` was there and `write` replaced it in one moment. To be called in the place
  /// of write_good() and read_returned(); `read` was invoked just before the write. Of all those that expected the same
  /// write in the same sector, one alone may succeed.
  std::optional<std::string> compare_and_write_good(uint64_t read, uint32_t write, ConstBytes expected);

  uint64_t invoke_flush(uint32_t volume);
  void flush_good(uint64_t flush);
  /// Failed, or its answer was lost.
  void flush_failed(uint64_t flush);

  /// The machine's power was lost (after fence_all()).
  void power_lost();

  uint64_t sectors_checked() const { return sectors_checked_; }

 private:
  static constexpr uint64_t never = UINT64_MAX;
  enum class State : uint8_t { open, good, rejected, failed, unknown };
  struct Write {
    WriteSpec spec;
    State state = State::open;
    uint64_t invoked = 0;
    uint64_t ended = never;
  };
  // A write as one sector knows it.
  struct Entry {
    uint32_t write;         // 0: the empty medium
    uint32_t survivor = 0;  // the number of the power loss that left exactly one of its entries
    bool certain = false;
    bool durable = false;
    bool zeroes = false;
    uint64_t low = 0;
    uint64_t high = never;
    uint64_t gone = never;  // the end of a read that proved that another one followed
  };
  struct Sector {
    std::vector<Entry> entries;
  };
  struct Volume {
    std::vector<Sector> sectors;
    std::vector<uint32_t> undurable;  // GOOD but not durable, in order of their answers
    std::multiset<uint64_t> reads;    // begin of those under way
  };
  struct Pending {
    uint32_t volume;
    uint64_t begin;
  };

  Entry* find(Sector& sector, uint32_t write);
  void end_write(uint32_t write, State state, uint64_t high);
  /// The highest low of the certain (or durable) writes that were over before `moment`: what was over before that is gone.
  static uint64_t horizon(const Sector& sector, uint64_t moment, bool durable);
  void observe(Sector& sector, uint32_t index, uint64_t begin, uint64_t end);
  void prune(Volume& volume, Sector& sector);
  void make_durable(uint32_t write);
  std::optional<std::string> judge(uint32_t volume, uint64_t number, ConstBytes bytes, uint64_t begin,
                                   uint64_t end);
  std::string history(uint32_t volume, uint64_t number) const;

  uint64_t clock_ = 0;
  uint32_t outages_ = 0;
  uint64_t last_outage_ = 0;
  uint64_t sectors_checked_ = 0;
  std::vector<Volume> volumes_;
  std::vector<Write> writes_{Write{}};
  std::vector<uint64_t> fenced_at_;             // by session
  std::vector<bool> lasting_;                   // by session
  std::vector<std::vector<uint32_t>> unknown_;  // by session: writes that may still land
  std::vector<Pending> pending_;                // reads and flushes
  std::set<std::pair<uint64_t, uint32_t>>
      replaced_;  // (sector, write): by a COMPARE AND WRITE, since the last power loss
};

}  // namespace ashlar::simulation
