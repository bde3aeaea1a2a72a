// Does what time alone brings to named consumers: it ends attempts whose deadline has passed, and
// makes events whose last attempt is over dead letters, whether anybody fetches or not.
//
// A thread that sleeps until the earliest moment of any consumer (alarms.h), asks the writer for
// what is due there, and buries it. What fails is tried again after a while, and of a sealed log
// nothing is. *Threads*: its own.
#pragma once

#include <functional>
#include <thread>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class ConsumerTimer {
 public:
  // `submit` hands an operation to the writer, and calls its `done` whatever becomes of it.
  ConsumerTimer(LogState& log, std::function<void(Operation)> submit);
  ~ConsumerTimer();  // before the writer stops

 private:
  void run();
  void look_at(const ConsumerPointer& consumer);

  LogState& log_;
  const std::function<void(Operation)> submit_;
  std::thread thread_;
};

}  // namespace strandline
