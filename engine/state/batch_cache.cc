#include "engine/state/batch_cache.h"

#include <algorithm>
#include <mutex>

namespace strandline {

void BatchCache::push(const std::vector<BatchPointer>& batches) {
  std::vector<BatchPointer> gone;  // freed after the lock
  std::unique_lock lock(mutex_);
  size_t bytes = bytes_.load(std::memory_order_relaxed);
  for (const BatchPointer& batch : batches) {
    newest_.push_back(batch);
    by_stream_[batch->batch.stream()].push_back(batch);
    bytes += batch->bytes.size();
  }
  while (bytes > bytes_max_ && !newest_.empty()) {
    const BatchPointer oldest = std::move(newest_.front());
    newest_.pop_front();
    const auto found = by_stream_.find(oldest->batch.stream());
    found->second.pop_front();
    if (found->second.empty()) by_stream_.erase(found);
    bytes -= oldest->bytes.size();
    gone.push_back(oldest);
  }
  bytes_.store(bytes, std::memory_order_relaxed);
  lock.unlock();
}

BatchPointer BatchCache::find(StreamId stream, Offset offset) const {
  std::shared_lock lock(mutex_);
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return nullptr;
  const auto& batches = found->second;
  // The first that begins after the offset; the one before it, if any, covers it.
  const auto after = std::upper_bound(
      batches.begin(), batches.end(), offset,
      [](Offset o, const BatchPointer& batch) { return o < batch->batch.first(); });
  if (after == batches.begin()) return nullptr;
  const BatchPointer& batch = *std::prev(after);
  return batch->batch.covers(offset) ? batch : nullptr;
}

}  // namespace strandline
