// Takes back what dead events hold of the disk: sealed segments in which nothing is left are
// dropped, the oldest first; others of which much is dead are rewritten without it.
//
// What is dead is told from the records of stripes and the starts of streams: no event is read for
// it. A segment is rewritten if half of it is dead; or, if a fifth of it is, while what is dead in
// the log is more than a sixth of what is kept. The worst comes first. Before a segment is
// rewritten, its index of types and subjects is removed, for it counts batches; it is made again
// afterwards.
//
// *Threads*: its own, which gives way to all others; look: any. *Crash*: what was not done is found
// again by the next opening.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class Rewriter {
 public:
  // As Retention::Means.
  struct Means {
    std::function<Result<Outcome>(Operation::Request)> perform;
    std::function<Status(SegmentId)> drop;
  };
  Rewriter(LogState& log, Means means);
  ~Rewriter();  // before the writer stops

  // Does what is to be done, at so many bytes a second (0: as fast as it goes).
  Status look(uint64_t bytes_per_s_max);

 private:
  struct Dead {
    uint64_t bytes = 0;      // of the segment's stored batches
    bool everything = true;  // no event of it can be read
  };

  void run();
  // Of a sealed segment; nothing where it cannot be told.
  std::optional<Dead> dead_of(SegmentId segment, const SegmentRecord& record) const;
  Status drop_what_is_dead();
  // The segment that is to be rewritten next, of those that were looked at.
  std::optional<SegmentId> worst() const;
  Status rewrite(SegmentId segment, uint64_t bytes_per_s_max);

  LogState& log_;
  const Means means_;
  std::mutex looking_;  // guards what follows: one look at a time
  std::map<SegmentId, Dead> dead_;
  std::set<SegmentId> tried_;     // in this look
  std::set<SegmentId> given_up_;  // a rewriting met damage
  // As they were at the last look: nothing to do while they are the same.
  uint64_t starts_raised_ = UINT64_MAX;
  uint64_t seen_raised_ = UINT64_MAX;  // by the last look, complete or not
  SegmentId open_{0};

  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;  // for wake_
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace strandline
