#include "engine/store/insert_hints.h"

#include <functional>
#include <string_view>

namespace strandline {
namespace {

// By then its events take more memory than the place.
constexpr uint64_t kOften = 5;
constexpr uint64_t kOftenMax = 64;
constexpr uint64_t kCount = 0xFF;

}  // namespace

bool InsertHints::InDomain(const rocksdb::Slice& key) const {
  if (key.size() != key_bytes_) return false;
  const uint64_t hash = std::hash<std::string_view>{}({key.data(), prefix_bytes_});
  const size_t at = hash / (kCount + 1) % kSlots;
  std::atomic<uint64_t>* seldom = nullptr;  // of the two
  for (std::atomic<uint64_t>* slot : {&met_[at], &met_[at ^ 1]}) {
    const uint64_t met = slot->load(std::memory_order_relaxed);
    if ((met & ~kCount) == (hash & ~kCount)) {
      if ((met & kCount) < kOftenMax) slot->store(met + 1, std::memory_order_relaxed);
      return (met & kCount) >= kOften;
    }
    if (!seldom || (met & kCount) < (*seldom & kCount)) seldom = slot;
  }
  const uint64_t worn = *seldom;
  seldom->store((worn & kCount) > 1 ? worn - 1 : (hash & ~kCount) | 1, std::memory_order_relaxed);
  return false;
}

}  // namespace strandline
