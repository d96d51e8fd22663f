#include <algorithm>
#include <numeric>

#include "block/store.h"

namespace ashlar::block {
namespace {

// Levenshtein's distance, to turn a slip of the keys into "did you mean".
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// "did you mean path? known: path, ..." or only the known ones when nothing is near.
std::string advice(std::string_view given, const std::vector<std::string>& known) {
  if (known.empty()) return "none is known here";
  const auto nearest =
      std::ranges::min_element(known, {}, [&](const std::string& name) { return distance(given, name); });
  std::string text;
  if (distance(given, *nearest) <= std::max<size_t>(1, nearest->size() / 3))
    text = fmt::format("did you mean {}? ", *nearest);
  return text + fmt::format("known: {}", fmt::join(known, ", "));
}

}  // namespace

void Registry::add_store(std::string kind, std::vector<OptionSchema> options, MakeStore make) {
  const bool added = kinds_.emplace(kind, Kind{std::move(options), std::move(make), {}}).second;
  CHECK(added, "kind {} registered twice", kind);
}

void Registry::add_layer(std::string kind, std::vector<OptionSchema> options, MakeLayer make) {
  const bool added = kinds_.emplace(kind, Kind{std::move(options), {}, std::move(make)}).second;
  CHECK(added, "kind {} registered twice", kind);
}

bool Registry::has_layer(std::string_view kind) const {
  const auto found = kinds_.find(kind);
  return found != kinds_.end() && found->second.make_layer;
}

Result<const Registry::Kind*> Registry::find(const StoreSpec& spec, bool layer,
                                             const std::string& place) const {
  const auto found = kinds_.find(spec.kind);
  if (found == kinds_.end() || layer != static_cast<bool>(found->second.make_layer)) {
    std::vector<std::string> known;
    for (const auto& [name, kind] : kinds_) {
      if (layer == static_cast<bool>(kind.make_layer)) known.push_back(name);
    }
    return fail(ErrorCode::invalid_argument, place + ".kind", "no {} of kind \"{}\"; {}",
                layer ? "layer" : "store", spec.kind, advice(spec.kind, known));
  }
  std::vector<std::string> known;
  for (const OptionSchema& option : found->second.options) {
    known.push_back(option.name);
    if (option.required && !spec.options.contains(option.name)) {
      return fail(ErrorCode::invalid_argument, place + "." + option.name, "kind {} needs it: {}", spec.kind,
                  option.help);
    }
  }
  for (const auto& [name, value] : spec.options) {
    if (std::ranges::find(known, name) == known.end()) {
      return fail(ErrorCode::invalid_argument, place + "." + name, "kind {} has no such option; {}",
                  spec.kind, advice(name, known));
    }
  }
  if (spec.block_bytes != 512 && spec.block_bytes != 2048 && spec.block_bytes != 4096) {
    return fail(ErrorCode::invalid_argument, place + ".block_bytes",
                "must be 512, 2048 (a CD) or 4096, not {}", spec.block_bytes);
  }
  if (spec.size_bytes % spec.block_bytes != 0) {
    return fail(ErrorCode::invalid_argument, place + ".size_bytes",
                "must be a multiple of the block size {}, {} is not", spec.block_bytes, spec.size_bytes);
  }
  return &found->second;
}

loop::Task<Result<std::shared_ptr<Store>>> Registry::open(StoreSpec spec, std::string place) const {
  CO_TRY_ASSIGN(const Kind* kind, find(spec, false, place));
  auto opening = kind->make_store(std::move(spec));
  auto store = co_await opening;
  // The store knows its files, the document's place is known here: both help whoever reads the error.
  if (!store)
    store.error().place = store.error().place.empty() ? place : place + " (" + store.error().place + ")";
  co_return store;
}

Result<std::shared_ptr<Store>> Registry::stack(StoreSpec layer, std::shared_ptr<Store> below,
                                               std::string place) const {
  TRY_ASSIGN(const Kind* kind, find(layer, true, place));
  auto made = kind->make_layer(std::move(layer), std::move(below));
  if (!made) made.error().place = made.error().place.empty() ? place : place + "." + made.error().place;
  return made;
}

loop::Task<Result<std::shared_ptr<Medium>>> Store::open_medium(std::string /*path*/) {
  co_return fail(ErrorCode::unsupported, "medium", "this kind of store keeps the medium that it has");
}

loop::Task<void> Store::change_medium(std::shared_ptr<Medium> /*medium*/) {
  CHECK(false, "a medium for a store that opened none");
  co_return;
}

}  // namespace ashlar::block
