// When each event was sent, by its offset, and how long each took to arrive. *Threads*: one sends,
// one takes what arrives.
#pragma once

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "bench/process.h"

namespace strandline::bench {

inline constexpr double kEventsPerSecond = 1000;

class Stopwatch {
 public:
  explicit Stopwatch(size_t events) : sent_(events) {}

  // Calls `send` once for each of [first, end), on time: a late one does not make those after it
  // later.
  template <class Send>
  void pace(size_t first, size_t end, Send send) {
    const auto begin = std::chrono::steady_clock::now();
    for (size_t i = first; i < end; ++i) {
      const auto after = static_cast<double>(i - first) / kEventsPerSecond;
      std::this_thread::sleep_until(begin + std::chrono::duration<double>(after));
      sent_[i].store(now_s(), std::memory_order_release);
      send(i);
    }
  }
  void arrived(size_t offset) {
    took_us_.push_back((now_s() - sent_[offset].load(std::memory_order_acquire)) * 1e6);
  }
  size_t arrivals() const { return took_us_.size(); }
  const std::vector<double>& took_us() const { return took_us_; }

 private:
  std::vector<std::atomic<double>> sent_;
  std::vector<double> took_us_;
};

}  // namespace strandline::bench
