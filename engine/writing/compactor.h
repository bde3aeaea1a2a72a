// Compaction by key, for streams whose policy asks for it: the newest event of each key is kept,
// and a hole (`compacted`) is left where the others were. An event without data is a *tombstone*:
// it removes its key, and goes itself once its delay is over. Events without the key stay.
//
// A pass reads the stream twice: for where each key was last, and for what goes. What a consumer
// with `retain` has not acked is kept; so is what a legal hold covers, and an audited stream. A
// stream is looked at again once enough came since the last pass, or a tombstone is due.
// *Threads*: its own; compact(): any. *Memory*: about 50 bytes a key, during a pass. *Errors*: what
// cannot be read ends a pass, with a warning; the next one tries again.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class Compactor {
 public:
  // `rebuilding` is the eraser's.
  Compactor(LogState& log, std::mutex& rebuilding, std::function<void(Operation)> submit);
  ~Compactor();  // as stop()
  void stop();   // before the writer does

  // A pass over one stream, now. How many events went; `invalid` where nothing asks for it.
  Result<uint64_t> compact(const Stream& stream);

 private:
  struct Pass {
    Offset tail;        // as it was
    uint64_t kept = 0;  // events that it left
    std::optional<int64_t> tombstone_due_us = {};
  };

  void run();
  bool is_due(const Stream& stream) const;
  Result<Outcome> perform(Rewrite rewrite);

  LogState& log_;
  std::mutex& rebuilding_;
  const std::function<void(Operation)> submit_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::map<StreamId, Pass> passes_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace strandline
