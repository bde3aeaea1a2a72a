// What fetching has cost a cursor over several streams since it began to count (log_cursor.h), and
// so whether it is to read whole stripes instead. *Threads*: its cursor's.
#pragma once

#include <cstdint>

namespace strandline {

class FetchTally {
 public:
  // Batches that are fetched before a stripe is read instead: these take about as long.
  static constexpr uint32_t kFetchedMin = 1'000;

  void passed_range() { ++ranges_; }
  void followed_range() { ++followed_; }
  void fetched_batch(uint64_t events) {
    ++fetched_;
    events_ += events;
  }
  // Of what was passed, it follows enough.
  bool is_dense() const { return ranges_ <= kFollowedShare * followed_; }
  // It fetched much, in small batches.
  bool is_slow() const { return fetched_ >= kFetchedMin && events_ < kSmallBatchEvents * fetched_; }

 private:
  // How small batches are, in events, for a stripe to be worth it; and how many of the ranges are
  // followed, at least.
  static constexpr uint64_t kSmallBatchEvents = 16;
  static constexpr uint64_t kFollowedShare = 8;

  uint32_t fetched_ = 0;  // batches
  uint64_t events_ = 0, ranges_ = 0, followed_ = 0;
};

}  // namespace strandline
