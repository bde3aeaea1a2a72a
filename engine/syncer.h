// The sync stage: one thread that fsyncs what the writer has written, then publishes it: the
// window, the tails, once per stream touched, then the answers. While it fsyncs, the writer fills
// the next group; whatever was written meanwhile shares the next fsync.
//
// *Threads*: push and wait_for_room: the writer's. Answers are given on its own thread and must
// only post. *After a failure* nothing more is published: what was written is answered
// outcome_unknown.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/group.h"
#include "engine/log_state.h"

namespace strandline {

class Syncer {
 public:
  explicit Syncer(LogState& log);
  ~Syncer();  // as stop()

  void push(Group group);
  // Waits while too much is written and not yet fsynced.
  void wait_for_room();
  // Finishes what it has.
  void stop();

 private:
  using Time = std::chrono::steady_clock::time_point;

  void run();
  std::vector<Group> take();
  void publish(Group& group);
  void refuse(Group& group);

  LogState& log_;
  std::mutex mutex_;  // guards the members down to thread_
  std::condition_variable work_;
  std::condition_variable room_;
  std::vector<Group> pending_;
  size_t pending_bytes_ = 0;  // written, not yet published
  bool urgent_ = false;       // somebody waits for what is pending
  Time oldest_;               // when the oldest pending group was written
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace strandline
