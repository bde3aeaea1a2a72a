// Which segments' events may not be in table files yet. *Threads*: any.
#pragma once

#include <deque>
#include <mutex>

#include "engine/api/types.h"

namespace strandline {

class Flushes {
 public:
  // No more than so many are ever under way.
  explicit Flushes(size_t under_way_max) : under_way_max_(under_way_max) {}

  // One begins, and events go to this segment from here on.
  void begin(SegmentId open) {
    const std::lock_guard lock(mutex_);
    open_at_.push_back(open);
    ++begun_;
    if (open_at_.size() > under_way_max_) open_at_.pop_front();
  }
  // How many have begun.
  uint64_t begun() const {
    const std::lock_guard lock(mutex_);
    return begun_;
  }
  // Whether anything of a segment may be in memory that no flush has begun to write.
  bool may_be_in_memory(SegmentId segment) const {
    const std::lock_guard lock(mutex_);
    return open_at_.empty() || segment >= open_at_.back();
  }
  // Whether one that is under way may be writing any of a segment, or of the one before it.
  bool may_be_writing(SegmentId segment) const {
    const std::lock_guard lock(mutex_);
    return open_at_.size() < under_way_max_ || segment >= open_at_.front();
  }

 private:
  const size_t under_way_max_;
  mutable std::mutex mutex_;  // guards both below
  std::deque<SegmentId> open_at_;
  uint64_t begun_ = 0;
};

}  // namespace strandline
