// How a member waits for something to fetch: one callback, once.
//
// Called back when the tail of what its consumer reads moves, when what others held comes free, and
// when the log closes; not when a deadline passes, which is a matter of time (Assignment::due). To
// miss nothing: arm, then fetch, and wait only if that gave nothing. *Threads*: any; the callback
// runs on the commit stage's and must only post. After disarm returns it never runs.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include "engine/state/tail.h"

namespace strandline {

class ConsumerWait {
 public:
  ConsumerWait() = default;
  ConsumerWait(Wakeups& wakeups, StreamId stream, StreamId consumer)
      : stream_(std::make_shared<Wakeup>(wakeups, stream)),
        consumer_(std::make_shared<Wakeup>(wakeups, consumer)) {}
  ConsumerWait(ConsumerWait&&) = default;
  ConsumerWait& operator=(ConsumerWait&&) = default;
  ~ConsumerWait() { disarm(); }

  // May call back twice: for the one, and for the other.
  void on_ready(const std::function<void()>& callback) {
    if (!stream_) return;
    stream_->arm(callback);
    consumer_->arm(callback);
  }
  // The same without the tail, for a caller that waits for the tail in another way.
  void on_change(const std::function<void()>& callback) {
    if (consumer_) consumer_->arm(callback);
  }
  void disarm() {
    if (!stream_) return;
    stream_->disarm();
    consumer_->disarm();
  }

 private:
  std::shared_ptr<Wakeup> stream_;
  std::shared_ptr<Wakeup> consumer_;
};

// What a blocking call waits on.
class ConsumerSignal {
 public:
  void raise() {
    const std::lock_guard lock(mutex_);
    raised_ = true;
    wake_.notify_one();
  }
  void wait_for(std::chrono::steady_clock::duration patience) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, patience, [&] { return raised_; });
  }

 private:
  std::mutex mutex_;  // guards raised_
  std::condition_variable wake_;
  bool raised_ = false;
};

}  // namespace strandline
