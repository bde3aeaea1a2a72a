// Retention: what is older, or more, than its stream keeps is cut for readers; and where the log
// has a limit on the disk, its oldest segments are dropped above it.
//
// It looks now and then (Options::retention_interval_ms), on a thread of its own, which reads what
// it must know of the streams that have a limit, and hands the writer cuts that the writer need not
// look up (expiry.h). What a legal hold or a consumer that retains keeps is not cut. The bytes of
// what was cut are the rewriter's business (rewriter.h).
//
// *The clock*: age goes by the clock. The clock is held against the time that has passed (a clock
// that goes on evenly), and at the first look against the newest event. If it jumped by more than
// Options::clock_jump_max_s, retention is paused, durably, until somebody confirms that the clock
// is right: `Log::confirm_clock`. *Threads*: its own; look: any.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class Retention {
 public:
  // `perform` hands an operation to the writer, and waits for it. `drop` drops a segment; `roll`
  // seals the open one.
  struct Means {
    std::function<Result<Outcome>(Operation::Request)> perform;
    std::function<Status(SegmentId)> drop;
    std::function<Status()> roll;
  };
  Retention(LogState& log, Means means);
  ~Retention();  // before the writer stops

  // Looks once, and does what is due.
  Status look();

 private:
  // What a consumer that retains has not acked.
  struct Kept {
    SettingsPointer settings;
    StreamId scope;
    uint64_t floor;
  };

  void run();
  // Whether retention may go on: false while it is paused.
  bool clock_is_trusted();
  Status pause(int64_t jump_s, std::string why);
  Status cut_what_is_due();
  Status hand_over(std::vector<Cut>& cuts);
  // How far the stream is to be cut by its own limits; its start, if it is not.
  Offset due(const PolicySet& policies, const Stream& stream);
  Offset due_by_age(const Stream& stream, uint64_t age_max_s);
  // The same, but for what must stay.
  Offset allowed(const Stream& stream, Offset before);
  Cut cut_of(const Stream& stream, Offset before) const;
  std::vector<Kept> kept() const;
  Status keep_to_the_disk();

  LogState& log_;
  const Means means_;
  std::mutex looking_;  // guards what follows: one look at a time
  Timestamp now_;       // of this look
  bool anchored_ = false;
  bool confirmed_ = false;  // a pause is over: the clock is as it should be
  int64_t anchor_now_us_ = 0, anchor_elapsed_us_ = 0;  // both of one moment, when it was right
  // Of each stream, by its number: no event of it that is kept was stored before. 0: not known.
  std::vector<int64_t> oldest_us_;
  std::optional<std::vector<Kept>> kept_;
  std::string blocked_;
  uint64_t lag_s_ = 0;
  uint64_t dropped_at_bytes_ = 0;  // on the disk, when the last segment was dropped for its size
  int waits_ = 0;                  // looks since then

  std::mutex mutex_;  // guards stopping_
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace strandline
