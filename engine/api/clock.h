// What time it is: microseconds since the Unix epoch. The log never stores a time lower than the
// last one it stored, whatever the clock does (writer.h).
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <utility>

#include "engine/api/types.h"

namespace strandline {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() = 0;
  // Since some moment, in microseconds: goes on evenly whatever happens to now(). For deadlines.
  virtual int64_t elapsed_us() {
    using namespace std::chrono;
    return duration_cast<microseconds>(steady_clock::now().time_since_epoch()).count();
  }
  // Who waits for a moment is called when time was moved by hand, which no wait would notice; one
  // at a time, null for nobody. The callback must only wake.
  virtual void when_moved(std::function<void()> callback) { (void)callback; }
};

class SystemClock : public Clock {
 public:
  Timestamp now() override {
    using namespace std::chrono;
    return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
  }
};

// Stands still until it is moved. Any thread.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Timestamp start) : us_(start.us) {}
  Timestamp now() override { return {us_.load()}; }
  int64_t elapsed_us() override { return elapsed_us_; }
  void set(Timestamp time) { us_ = time.us; }  // as somebody sets a clock: no time passes
  void advance_us(int64_t us) {
    us_ += us;
    elapsed_us_ += us;
    const std::lock_guard lock(mutex_);
    if (moved_) moved_();
  }
  void when_moved(std::function<void()> callback) override {
    const std::lock_guard lock(mutex_);
    moved_ = std::move(callback);
  }

 private:
  std::atomic<int64_t> us_;
  std::atomic<int64_t> elapsed_us_{1};
  std::mutex mutex_;  // guards moved_
  std::function<void()> moved_;
};

}  // namespace strandline
