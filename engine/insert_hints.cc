#include "engine/insert_hints.h"

#include <functional>
#include <string_view>

namespace strandline {
namespace {

// By then its events take more memory than the place.
constexpr uint64_t kOften = 4;
constexpr uint64_t kCount = 0xFF;

}  // namespace

bool InsertHints::InDomain(const rocksdb::Slice& key) const {
  if (key.size() != key_bytes_) return false;
  const uint64_t hash = std::hash<std::string_view>{}({key.data(), prefix_bytes_});
  std::atomic<uint64_t>& slot = met_[hash / (kCount + 1) % kSlots];
  const uint64_t last = slot.load(std::memory_order_relaxed);
  const bool same = (last & ~kCount) == (hash & ~kCount);
  if (same && (last & kCount) >= kOften) return true;
  slot.store(same ? last + 1 : hash & ~kCount, std::memory_order_relaxed);
  return false;
}

}  // namespace strandline
