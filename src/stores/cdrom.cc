// The cdrom store: a drive for image files, which are put in and taken out while hosts look on.
#include "base/log.h"
#include "stores/file_channel.h"
#include "stores/stores.h"

namespace ashlar::stores {
namespace {

constexpr uint32_t cd_block_bytes = 2048;

/// An open image: the store that is for one file and never changes.
struct Image final : block::Medium {
  explicit Image(std::shared_ptr<block::Store> image) : store(std::move(image)) {}
  std::shared_ptr<block::Store> store;
};

class DriveChannel;

struct Drive {
  std::atomic<uint64_t> size_bytes = 0;
  std::vector<DriveChannel*> on_shard;  // entry i is used on shard i only; null: not open there
};

/// A shard's channel of one medium, and what is under way on it.
struct Loaded {
  std::unique_ptr<block::BlockDevice> channel;
  uint32_t in_flight = 0;
  std::move_only_function<void()> gone;  // it leaves, and goes with its last request
};

class DriveChannel final : public block::BlockDevice {
 public:
  DriveChannel(loop::Loop& loop, const block::Limits& limits, std::shared_ptr<Drive> drive,
               std::unique_ptr<block::BlockDevice> medium)
      : drive_(std::move(drive)), index_(loop.index()), limits_(limits, drive_->size_bytes) {
    drive_->on_shard[index_] = this;
    if (medium) load(std::move(medium));
  }
  ~DriveChannel() override { forget(); }
  const block::Limits& limits() const override { return limits_.get(); }

  void submit(block::Request& request) override {
    if (!loaded_)
      return request.complete(block::Status::aborted);  // it went while the request was on its way
    ++loaded_->in_flight;
    request.push(&DriveChannel::ended, this, reinterpret_cast<uintptr_t>(loaded_.get()));
    loaded_->channel->submit(request);
  }

  void close() override {
    CHECK(!leaving_, "a drive was closed with a medium on its way out");
    if (loaded_) loaded_->channel->close();
    loaded_.reset();
    forget();
  }

  /// `gone` is called once: when no request is on the old medium any more.
  void change(std::unique_ptr<block::BlockDevice> medium, std::move_only_function<void()> gone) {
    CHECK(!leaving_, "a medium is changed before the one before it is out");
    leaving_ = std::move(loaded_);
    if (medium) load(std::move(medium));
    if (!leaving_) return gone();
    leaving_->gone = std::move(gone);
    if (leaving_->in_flight == 0) finish_leaving();
  }

 private:
  void load(std::unique_ptr<block::BlockDevice> medium) {
    loaded_ = std::make_unique<Loaded>();
    loaded_->channel = std::move(medium);
  }
  void forget() {
    if (drive_->on_shard[index_] == this) drive_->on_shard[index_] = nullptr;
  }
  void finish_leaving() {
    std::move_only_function<void()> gone = std::move(leaving_->gone);
    leaving_->channel->close();
    leaving_.reset();
    gone();
  }
  static void ended(block::Request& request, block::Request::Layer& layer) {
    auto& drive = *static_cast<DriveChannel*>(layer.layer);
    // What is not on its way out is in the drive: a change waits until the medium before it is gone.
    const bool leaves = reinterpret_cast<uintptr_t>(drive.leaving_.get()) == layer.note;
    Loaded& medium = leaves ? *drive.leaving_ : *drive.loaded_;
    // The file is lost, not the drive: the next one may be good.
    if (request.status == block::Status::device_failed) request.status = block::Status::medium_error;
    if (--medium.in_flight == 0 && leaves) drive.finish_leaving();
  }

  std::shared_ptr<Drive> drive_;
  uint32_t index_;
  block::LiveLimits limits_;
  std::unique_ptr<Loaded> loaded_, leaving_;
};

// What is behind the last whole block of an image cannot be addressed: images end with one, unless they were cut off.
Result<uint64_t> usable_bytes(const loop::File& file, const std::string& path) {
  if (file.traits().block_device)
    return fail(ErrorCode::invalid_argument, path, "is a block device: a medium is an image file");
  const uint64_t there = file.size();
  const uint64_t whole = there - there % cd_block_bytes;
  if (whole == 0)
    return fail(ErrorCode::invalid_argument, path,
                "has {} bytes, less than one block of {}: it is no image of a disc", there, cd_block_bytes);
  if (whole != there) {
    log_warning("stores.cdrom",
                "{} has {} bytes, no multiple of {}: the last {} of them are left out; was it copied whole?",
                path, there, cd_block_bytes, there - whole);
  }
  return whole;
}

loop::Task<Result<std::shared_ptr<block::Medium>>> open_image(std::string path) {
  if (path.empty()) co_return fail(ErrorCode::invalid_argument, "path", "is empty");
  loop::OpenOptions options;
  options.writable = options.create = options.exclusive = false;
  options.block_bytes = cd_block_bytes;
  auto opening = loop::Loop::current().open(path, options);
  auto opened = co_await opening;
  CO_TRY_ASSIGN(std::unique_ptr<loop::File> file, std::move(opened));
  block::StoreSpec spec;
  CO_TRY_ASSIGN(spec.size_bytes, usable_bytes(*file, path));
  spec.options["path"] = path;
  spec.block_bytes = cd_block_bytes;
  spec.thin = false;
  spec.read_only = true;
  co_return std::make_shared<Image>(
      make_file_store(share_file(std::move(file), spec, "stores.cdrom"), false));
}

class DriveStore final : public block::Store {
 public:
  explicit DriveStore(uint32_t shards) : limits_(limits_of_drive(), drive_->size_bytes) {
    drive_->on_shard.resize(shards);
  }
  const block::Limits& limits() const override { return limits_.get(); }
  std::unique_ptr<block::BlockDevice> open_channel(loop::Loop& shard) override {
    return std::make_unique<DriveChannel>(shard, limits_.get(), drive_, medium_on(shard));
  }
  loop::Task<Result<void>> resize(uint64_t /*bytes*/) override {
    co_return fail(ErrorCode::unsupported, "size_bytes", "a CD-ROM drive is as large as the medium in it");
  }
  loop::Task<Result<std::shared_ptr<block::Medium>>> open_medium(std::string path) override {
    return open_image(std::move(path));
  }
  loop::Task<void> change_medium(std::shared_ptr<block::Medium> medium) override {
    const std::shared_ptr<Drive> drive = drive_;
    drive->size_bytes.store(0);
    const std::shared_ptr<block::Medium> old = std::move(image_);  // its file goes here, after its channels
    image_ = std::static_pointer_cast<Image>(std::move(medium));
    const uint64_t bytes = bytes_in_drive();
    loop::Shards& shards = loop::Loop::current().shards();
    loop::Event all_gone;
    uint32_t left = shards.count();
    for (uint32_t i = 0; i < shards.count(); ++i) {
      std::move_only_function<void()> gone = [&shards, &left, &all_gone] {
        std::move_only_function<void()> at_home = [&left, &all_gone] {
          if (--left == 0) all_gone.set();
        };
        shards.send(0, std::move(at_home));
      };
      std::move_only_function<void()> there = [drive, i, next = medium_on(shards.at(i)),
                                               gone = std::move(gone)]() mutable {
        DriveChannel* channel = drive->on_shard[i];
        if (channel == nullptr) return gone();
        channel->change(std::move(next), std::move(gone));
      };
      shards.send(i, std::move(there));
    }
    co_await all_gone;
    drive->size_bytes.store(bytes);
  }

  /// Before the first channel.
  void take(std::shared_ptr<block::Medium> medium) {
    image_ = std::static_pointer_cast<Image>(std::move(medium));
    drive_->size_bytes.store(bytes_in_drive());
  }

 private:
  static block::Limits limits_of_drive() {
    block::Limits limits;
    limits.block_bytes = limits.physical_block_bytes = cd_block_bytes;
    limits.read_only = true;
    limits.volatile_cache = false;
    return limits;
  }
  uint64_t bytes_in_drive() const { return image_ ? image_->store->limits().size_bytes : 0; }
  std::unique_ptr<block::BlockDevice> medium_on(loop::Loop& shard) const {
    return image_ ? image_->store->open_channel(shard) : nullptr;
  }

  std::shared_ptr<Drive> drive_ = std::make_shared<Drive>();
  block::LiveLimits limits_;
  std::shared_ptr<Image> image_;
};

}  // namespace

loop::Task<OpenedStore> open_cdrom(block::StoreSpec spec) {
  if (spec.block_bytes != cd_block_bytes)
    co_return fail(ErrorCode::invalid_argument, "block_bytes", "of a CD-ROM drive is {}, not {}",
                   cd_block_bytes, spec.block_bytes);
  if (spec.size_bytes != 0)
    co_return fail(ErrorCode::invalid_argument, "size_bytes", "is that of the medium: leave it out");
  auto store = std::make_shared<DriveStore>(loop::Loop::current().shards().count());
  const auto path = spec.options.find("path");
  if (path != spec.options.end()) {
    auto opening = store->open_medium(path->second);
    Result<std::shared_ptr<block::Medium>> medium = co_await opening;
    CO_TRY(medium);
    store->take(std::move(*medium));
  }
  co_return store;
}

}  // namespace ashlar::stores
