#include "engine/state/alarms.h"

#include <algorithm>
#include <chrono>

namespace strandline {
namespace {

// A machine that slept may wake behind the moment that was waited for.
constexpr int64_t kLookAgainUs = 1'000'000;

}  // namespace

void Alarms::set(const ConsumerPointer& consumer, std::optional<int64_t> due_us) {
  bool sooner = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = by_id_.find(consumer->id);
    if (found != by_id_.end()) {
      if (due_us == found->second.due_us) return;
      by_due_.erase({found->second.due_us, consumer->id});
    }
    if (!due_us) {
      if (found != by_id_.end()) by_id_.erase(found);
      return;
    }
    by_id_.insert_or_assign(consumer->id, Alarm{*due_us, consumer});
    by_due_.insert({*due_us, consumer->id});
    sooner = by_due_.begin()->second == consumer->id;
  }
  if (sooner) wake_.notify_all();
}

ConsumerPointer Alarms::next(Clock& clock) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (by_due_.empty()) {
      wake_.wait(lock);
      continue;
    }
    const auto [due_us, id] = *by_due_.begin();
    const int64_t left_us = due_us - clock.elapsed_us();
    if (left_us > 0) {
      wake_.wait_for(lock, std::chrono::microseconds(std::min(left_us, kLookAgainUs)));
      continue;
    }
    ConsumerPointer consumer = by_id_.at(id).consumer.lock();
    by_id_.erase(id);
    by_due_.erase(by_due_.begin());
    if (consumer) return consumer;
  }
  return nullptr;
}

void Alarms::nudge() {
  // Under the lock, so that it is not missed between a look at the clock and the wait.
  const std::lock_guard lock(mutex_);
  wake_.notify_all();
}

void Alarms::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

}  // namespace strandline
