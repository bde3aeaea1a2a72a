// Lets bytes pass at a rate, by waiting: for work that must leave the disk to others.
//
// *Threads*: one; `stopping` may be raised by any, and ends all waiting.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

namespace strandline {

class Pace {
 public:
  // 0: it never waits.
  Pace(uint64_t bytes_per_s_max, const std::atomic<bool>& stopping)
      : bytes_per_s_max_(bytes_per_s_max), stopping_(stopping) {}

  void passed(uint64_t bytes) {
    bytes_ += bytes;
    if (bytes_per_s_max_ == 0 || bytes_ - looked_ < kPieceBytes) return;
    looked_ = bytes_;
    using namespace std::chrono;
    const auto due =
        begin_ + duration_cast<steady_clock::duration>(duration<double>(
                     static_cast<double>(bytes_) / static_cast<double>(bytes_per_s_max_)));
    while (!stopping_) {
      const auto now = steady_clock::now();
      if (now >= due) return;
      std::this_thread::sleep_for(std::min<steady_clock::duration>(due - now, kSliceMax));
    }
  }

 private:
  // Small against what a second lets pass, so that the disk sees a stream and not bursts.
  static constexpr uint64_t kPieceBytes = 256 << 10;
  static constexpr std::chrono::milliseconds kSliceMax{20};

  const uint64_t bytes_per_s_max_;
  const std::atomic<bool>& stopping_;
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  uint64_t bytes_ = 0;
  uint64_t looked_ = 0;
};

}  // namespace strandline
