// When something is due for named consumers without anybody asking: a deadline or a delay passes,
// or an event becomes a dead letter. It holds one time for each consumer: the next one.
//
// *Threads*: set, nudge and stop: any; next: one thread, which sleeps while nothing is due and
// reads no consumer meanwhile. *Time*: the clock's elapsed microseconds. *Memory*: about 200 bytes
// for each consumer that has a moment.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "engine/api/clock.h"
#include "engine/state/consumers.h"

namespace strandline {

class Alarms {
 public:
  // From now on this is its moment; none: it has none.
  void set(const ConsumerPointer& consumer, std::optional<int64_t> due_us);
  // Waits until a consumer is due, whose moment is then forgotten; null once stopped.
  ConsumerPointer next(Clock& clock);
  void nudge();  // time was moved
  void stop();

 private:
  struct Alarm {
    int64_t due_us;
    std::weak_ptr<NamedConsumer> consumer;
  };

  std::mutex mutex_;  // guards all below
  std::condition_variable wake_;
  std::unordered_map<uint64_t, Alarm> by_id_;
  std::set<std::pair<int64_t, uint64_t>> by_due_;  // due, id
  bool stopped_ = false;
};

}  // namespace strandline
