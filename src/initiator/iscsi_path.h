// A path by iSCSI: one session, and one logical unit by it.
#pragma once

#include <functional>
#include <vector>

#include "initiator/login.h"
#include "initiator/path.h"
#include "initiator/scsi_block.h"

namespace ashlar::initiator {

class IscsiPath final : public Path, SessionWatcher {
 public:
  /// Asked before each login.
  using ChapSource = std::function<std::optional<ChapCredentials>()>;
  /// `login` names portal, target, us and our ISID; the same ISID again ends the session before (RFC 7143 6.3.5).
  /// `depth`: commands at once.
  IscsiPath(loop::Loop& loop, uint16_t index, LoginOptions login, ChapSource chap, uint16_t lun,
            uint16_t depth, const PathTiming& timing, PathWatcher& watcher);
  ~IscsiPath() override;

  void submit(PathCommand& command) override;
  bool fences() const override { return true; }
  loop::Nanoseconds doubt_time() const override { return doubt_; }

 private:
  static constexpr size_t unmap_bytes = 24;  // SBC-3 5.28.2: a header and one descriptor
  // A SCSI command on its way for a command of the path.
  struct Carrier {
    Command command;
    IscsiPath* path = nullptr;
    PathCommand* user = nullptr;
    int flushes = 0;
    // As the unit was when it began, for it may be looked at meanwhile:
    bool flushes_after = false;  // it is to be durable and cannot say so itself
    uint64_t read_bytes = 0;     // that must come
    bool flushing = false;       // the second step
    std::array<uint8_t, unmap_bytes> unmap{};
    iovec part{};
    std::vector<iovec> zeroes;  // of zeroes that are written as data
  };

  loop::Task<Result<Findings>> attach() override;
  loop::Task<Result<Findings>> look() override;
  loop::Task<void> detach(bool lost) override;
  void abandon() override;
  void session_closed(const Error& reason) override { lose(reason); }
  void asynchronous_message(const wire::iscsi::AsyncMessage& message) override;

  loop::Task<Result<void>> examine(Findings& found);
  loop::Task<Result<void>> take_page(uint8_t page, Findings& found, void (*take)(ConstBytes, Findings&));
  loop::Task<Result<void>> ask_capacity(Findings& found);
  loop::Task<Result<void>> ask_access(Findings& found);
  loop::Task<Result<void>> ask_caching(Findings& found);
  loop::Task<Answer> ask(Cdb cdb, Bytes into);

  void begin(Carrier& carrier);
  void begin_write_zeroes(Carrier& carrier);
  void begin_flush(Carrier& carrier);
  void send(Carrier& carrier);
  void ended(Carrier& carrier);
  void over(Carrier& carrier, Disposition disposition);

  const LoginOptions login_;  // but for what it proves itself with
  const ChapSource chap_;
  const uint16_t lun_;
  const loop::Nanoseconds doubt_;
  std::unique_ptr<Session> session_;
  std::optional<BlockUnit> unit_;
  bool asymmetric_ = false;  // TPGS is not zero
  uint16_t port_group_ = 0;
  std::vector<std::unique_ptr<Carrier>> carriers_;
  std::vector<Carrier*> free_;
  loop::Event idle_;
};

}  // namespace ashlar::initiator
