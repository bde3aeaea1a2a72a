// Which segments' events compactions leave out. *Threads*: any.
#pragma once

#include <atomic>
#include <mutex>
#include <set>
#include <shared_mutex>

#include "engine/api/types.h"

namespace strandline {

class Dropped {
 public:
  void set_first_live(SegmentId segment) { first_live_ = segment.value; }
  void add(SegmentId segment) {
    const std::lock_guard lock(mutex_);
    others_.insert(segment);
    has_others_ = true;
  }
  bool has(SegmentId segment) const {
    if (segment.value < first_live_.load(std::memory_order_relaxed)) return true;
    if (!has_others_.load(std::memory_order_relaxed)) return false;
    const std::shared_lock lock(mutex_);
    return others_.contains(segment);
  }

 private:
  std::atomic<uint64_t> first_live_{0};
  std::atomic<bool> has_others_{false};
  mutable std::shared_mutex mutex_;  // guards others_
  std::set<SegmentId> others_;
};

}  // namespace strandline
