// The batch cache: the newest durable batches, in memory, shared by reference among all readers
// near the tail.
//
// Bounded in bytes: the oldest go first. It holds the log's own records too, so that a follower of
// `$all` is served by it as well. *Threads*: find: any; push: the commit stage's, before it raises
// the tails. *Memory*: a batch lives as long as somebody holds it.
#pragma once

#include <atomic>
#include <deque>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "engine/format/stored_batch.h"

namespace strandline {

class BatchCache {
 public:
  explicit BatchCache(size_t bytes_max) : bytes_max_(bytes_max) {}

  void push(const std::vector<BatchPointer>& batches);
  // The batch that covers the offset, or null.
  BatchPointer find(StreamId stream, Offset offset) const;
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }

 private:
  const size_t bytes_max_;
  std::atomic<size_t> bytes_{0};
  mutable std::shared_mutex mutex_;  // guards both below
  std::deque<BatchPointer> newest_;  // in order of arrival
  // The same, by stream, in order of offsets: contiguous, for every batch passes through here.
  std::unordered_map<StreamId, std::deque<BatchPointer>> by_stream_;
};

}  // namespace strandline
