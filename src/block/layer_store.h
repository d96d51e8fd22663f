// A store over another store.
#pragma once

#include "block/store.h"

namespace ashlar::block {

/// Hands down what it is asked, and up what it is told: a layer says only what it does otherwise. Its channels are the data path,
/// and each layer's own.
class LayerStore : public Store {
 public:
  explicit LayerStore(std::shared_ptr<Store> below) : below_(std::move(below)) {}
  const Limits& limits() const override { return below_->limits(); }
  loop::Task<Result<void>> resize(uint64_t bytes) override { return below_->resize(bytes); }
  loop::Task<Result<std::shared_ptr<Medium>>> open_medium(std::string path) override {
    return below_->open_medium(std::move(path));
  }
  loop::Task<void> change_medium(std::shared_ptr<Medium> medium) override {
    return below_->change_medium(std::move(medium));
  }
  loop::Task<Result<void>> erase_key() override { return below_->erase_key(); }
  void collect(std::map<std::string, uint64_t>& counters) const override { below_->collect(counters); }

 protected:
  Store& below() const { return *below_; }

 private:
  std::shared_ptr<Store> below_;
};

}  // namespace ashlar::block
