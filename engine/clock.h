// What time it is: microseconds since the Unix epoch. The log never stores a time lower than the
// last one it stored, whatever the clock does (writer.h).
#pragma once

#include <atomic>
#include <chrono>

#include "engine/types.h"

namespace strandline {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() = 0;
};

class SystemClock : public Clock {
 public:
  Timestamp now() override {
    using namespace std::chrono;
    return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
  }
};

// Stands still until it is set. Any thread.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Timestamp start) : us_(start.us) {}
  Timestamp now() override { return {us_.load()}; }
  void set(Timestamp time) { us_ = time.us; }
  void advance_us(int64_t us) { us_ += us; }

 private:
  std::atomic<int64_t> us_;
};

}  // namespace strandline
