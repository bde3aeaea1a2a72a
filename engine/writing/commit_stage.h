// The commit stage: one thread that fsyncs what the writer has written, and then publishes it:
// first every part of the state (part.h), then the wake-ups, then the answers. While it fsyncs, the
// writer fills the next commit group. Everything that was written meanwhile shares the next fsync.
//
// If the stage is idle and the disk is quick, the writer finishes a small commit group itself:
// handing it to another thread would take longer than the fsync.
//
// *Threads*: push, finish_here and wait_for_turn: the writer's. Answers are given on its own thread
// or the writer's, and must only post. *After a failure* nothing more is published: what was
// written is answered outcome_unknown.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

class CommitStage {
 public:
  explicit CommitStage(LogState& log);
  ~CommitStage();  // as stop()

  void push(CommitGroup group);
  // Fsyncs and publishes the group on this thread, if that is the quicker way; otherwise answers
  // false, and the group is to be pushed.
  bool finish_here(CommitGroup& group);
  // Waits while too much is written and not yet fsynced; and where there is little to write, until
  // the stage is idle: what comes meanwhile shares the group.
  void wait_for_turn(size_t queue_bytes);
  // Finishes what it has.
  void stop();

 private:
  using Time = std::chrono::steady_clock::time_point;

  void run();
  bool syncs_quickly() const;
  std::vector<CommitGroup> take();
  void finish(std::span<CommitGroup> groups);
  void publish(CommitGroup& group);
  void refuse(CommitGroup& group);

  LogState& log_;
  std::mutex mutex_;  // guards the members down to thread_
  std::condition_variable work_;
  std::condition_variable room_;
  std::vector<CommitGroup> pending_;
  size_t pending_bytes_ = 0;  // written, not yet published
  bool urgent_ = false;       // somebody waits for what is pending
  Time oldest_;               // when the oldest pending group was written
  bool at_work_ = false;      // on groups that it took
  bool stopping_ = false;
  // What an fsync takes, a moving average; whoever is in finish() writes it.
  std::atomic<uint64_t> sync_us_ = 1'000'000'000;
  std::thread thread_;
};

}  // namespace strandline
