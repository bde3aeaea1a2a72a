// Makes the index of types and subjects, a stripe at a time, once a stripe is sealed.
//
// It reads the stripe, which nothing changes any more, on a thread of its own that gives way to all
// others, and hands what it made to the writer. The index of a segment that was dropped it has
// removed. What a crash or a full disk cut off is done by the next opening, or a moment later.
// *Threads*: its own. *Memory*: of one stripe (stripe_index.h).
#pragma once

#include <functional>
#include <thread>

#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class Indexer {
 public:
  // `submit` hands an operation to the writer, and calls its `done` whatever becomes of it.
  Indexer(LogState& log, std::function<void(Operation)> submit);
  ~Indexer();  // before the writer stops

 private:
  void run();
  Status keep(KeepIndex request);

  LogState& log_;
  const std::function<void(Operation)> submit_;
  std::thread thread_;
};

}  // namespace strandline
