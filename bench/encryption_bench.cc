// What encryption costs: requests to the memory store, with the encrypted layer over it and without, in turns on one thread. Time
// is that of the thread's CPU, so that a busy machine disturbs it less; each figure is the best of several rounds.
#include <ctime>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <vector>

#include "block/gatekeeper.h"
#include "block/test_shards.h"
#include "layers/encrypted.h"
#include "stores/stores.h"

namespace ashlar::bench {
namespace {

using block::Operation;
using block::Request;

constexpr uint64_t volume_bytes = 64u << 20;
constexpr int rounds = 12;

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

std::shared_ptr<block::Store> open_memory(block::TestShards& shards, uint32_t block_bytes) {
  block::StoreSpec spec;
  spec.kind = "memory";
  spec.size_bytes = volume_bytes;
  spec.block_bytes = block_bytes;
  return *shards.run([&] { return stores::open_memory(spec); });
}

/// A device with a request in flight at a time.
class Subject {
 public:
  Subject(block::TestShards& shards, uint32_t block_bytes, bool encrypted) : shards_(shards) {
    std::shared_ptr<block::Store> store = open_memory(shards, block_bytes);
    std::vector<uint8_t> key(layers::DataKey::size);
    for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<uint8_t>(i * 7 + 1);
    if (encrypted)
      store = std::make_shared<layers::EncryptedStore>(store, layers::DataKey(key),
                                                       layers::EncryptedStore::Renew{}, "bench");
    store_ = block::guard(std::move(store), "bench");
    device_ = store_->open_channel(shards.at(0));
  }
  /// Bytes a second of CPU, over the whole volume once.
  double rate(Operation operation, uint32_t bytes) {
    std::vector<uint8_t> data(bytes, 0x5a);
    const iovec part{data.data(), data.size()};
    Request request;
    request.operation = operation;
    request.length = bytes;
    request.parts = {&part, 1};
    request.done = [](Request&) {};
    const double begin = cpu_seconds();
    for (uint64_t at = 0; at + bytes <= volume_bytes; at += bytes) {
      request.offset = at;
      shards_.at(0).mailbox.push_back([&] {
        request.begin();
        device_->submit(request);
      });
      while (shards_.at(0).turn(shards_.now())) {
      }
    }
    return static_cast<double>(volume_bytes) / (cpu_seconds() - begin);
  }

 private:
  block::TestShards& shards_;
  std::shared_ptr<block::Store> store_;
  std::unique_ptr<block::BlockDevice> device_;
};

void compare(block::TestShards& shards, uint32_t block_bytes) {
  Subject plain(shards, block_bytes, false);
  Subject encrypted(shards, block_bytes, true);
  for (const Operation operation : {Operation::write, Operation::read}) {
    for (const uint32_t bytes : {4096u, 65536u, 1u << 20}) {
      double best_plain = 0, best_encrypted = 0;
      for (int round = 0; round < rounds; ++round) {
        best_plain = std::max(best_plain, plain.rate(operation, bytes));
        best_encrypted = std::max(best_encrypted, encrypted.rate(operation, bytes));
      }
      std::printf("| %s of %u KiB, %u-byte blocks | %.2f | %.2f | %.2f us |\n",
                  operation == Operation::read ? "read" : "write", bytes >> 10, block_bytes, best_plain / 1e9,
                  best_encrypted / 1e9, bytes / best_encrypted * 1e6 - bytes / best_plain * 1e6);
    }
  }
}

}  // namespace
}  // namespace ashlar::bench

int main() {
  ashlar::block::TestShards shards(1);
  std::printf("| one core | plain, GB/s | encrypted, GB/s | more CPU a request |\n|---|---|---|---|\n");
  ashlar::bench::compare(shards, 512);
  ashlar::bench::compare(shards, 4096);
}
