// A load on a unit: keeps its depth in flight, or its rate, measures, and holds the unit to what it acknowledged.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "load/journal.h"
#include "load/path.h"
#include "load/report.h"

namespace ashlar::load {

/// CPU time so far, in seconds: a client's own, and that of the process that is watched. The edge of the program knows.
struct CpuClocks {
  std::function<double()> own = [] { return 0.0; };
  std::function<double()> watched = [] { return 0.0; };
};

/// On one loop; the unit and the journal outlive it. Destroyed when run() has ended.
class Load {
 public:
  /// Errors name the option. `journal`: of options.journal. `wanted`: what --verify-only reads back, by place.
  static Result<std::unique_ptr<Load>> make(loop::Loop& loop, const Options& options, Unit& unit,
                                            CpuClocks clocks, Journal* journal, std::vector<uint64_t> wanted);
  ~Load();

  /// Until the time is over, all is done once, a connection is lost, or stop(); no I/O is in flight then.
  loop::Task<Report> run();
  /// No more is sent; the report is of what was.
  void stop();

 private:
  /// One of the depth: its I/O, and where that goes.
  struct Slot {
    Load* load = nullptr;
    uint32_t connection = 0;
    std::unique_ptr<Io> io;
    std::vector<uint8_t> own_data;  // with a journal
    loop::Instant begun;            // with a rate: when it was due
    uint64_t place = 0;
    uint64_t generation = 0;  // of a write; of a read, the least that must be found
  };
  struct Alarm final : loop::Timer {
    explicit Alarm(std::function<void()> rings) : rang(std::move(rings)) {}
    void expired() override { rang(); }
    std::function<void()> rang;
  };
  struct Lane {  // of one connection, in order
    uint64_t next = 0, end = 0;
  };

  Load(loop::Loop& loop, const Options& options, Unit& unit, CpuClocks clocks);
  Result<void> lay_out(Journal* journal, std::vector<uint64_t> wanted);
  void prepare_slots();
  void open_window();
  void close_window();
  void go_on();
  bool begin(Slot& slot);
  bool choose(Slot& slot);
  bool choose_in_order(Slot& slot);
  bool choose_by_chance(Slot& slot);
  bool choose_wanted(Slot& slot);
  void send(Slot& slot);
  void ended(Slot& slot);
  void verify(const Slot& slot);
  void wrong_block(uint64_t lba, uint64_t found, uint64_t least);
  bool verifies() const { return !generations_.empty(); }
  uint64_t random() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_;
  }

  loop::Loop& loop_;
  const Options options_;
  Unit& unit_;
  CpuClocks clocks_;
  Journal* journal_ = nullptr;
  uint64_t first_lba_ = 0;
  uint64_t places_ = 0;
  uint32_t place_blocks_ = 0;

  std::vector<std::unique_ptr<Slot>> slots_;
  std::vector<Slot*> idle_;
  std::vector<Lane> lanes_;
  std::vector<uint8_t> out_data_, in_data_;  // without a journal: of all writes, of all reads
  uint64_t random_;
  size_t in_flight_ = 0;
  bool stopping_ = false;
  bool measuring_ = false;
  loop::Event over_;

  // A rate: the next I/O is due then.
  loop::Instant due_;
  loop::Nanoseconds interval_{0};
  double interval_rest_ = 0, interval_fraction_ = 0;
  Alarm pace_{[this] { go_on(); }};
  Alarm phase_{[this] { measuring_ ? stop() : open_window(); }};

  // With a journal: what is acknowledged, and which places are in use; what is to be read back.
  std::vector<uint64_t> generations_;
  std::vector<bool> busy_;
  uint64_t last_generation_ = 0;
  uint64_t next_wanted_ = 0;
  bool reads_back_ = false;

  loop::Instant window_begun_;
  double own_cpu_ = 0, watched_cpu_ = 0;
  Report report_;
};

}  // namespace ashlar::load
