// The one thread that owns the order of everything. It drains a bounded queue into a commit group,
// checks conditions, assigns offsets and log sequences, and writes one WriteBatch without an fsync.
// Meanwhile the commit stage (commit_stage.h) fsyncs the commit group before.
//
// *Threads*: submit: any; `busy` at once when the queue is full. *Order*: operations commit in the
// order in which submit took them. *After a failure* everything is refused as `sealed`.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "engine/state/commit_group.h"
#include "engine/state/disk_space.h"
#include "engine/state/log_state.h"
#include "engine/writing/commit_group_builder.h"
#include "engine/writing/commit_stage.h"
#include "engine/writing/operation.h"

namespace strandline {

class Writer {
 public:
  Writer(LogState& log, CommitStage& commit_stage);
  ~Writer();  // as stop()

  // Takes the operation, or says at once why not; `done` is then not called.
  Status submit(Operation& operation);
  // Refuses new operations, finishes those it has.
  void stop();

  size_t queue_appends() const;
  size_t queue_bytes() const;
  // Log::appends_refused of an owner.
  std::optional<Error> appends_refused() const;
  std::optional<uint64_t> disk_free_bytes() const { return disk_.free_bytes(); }

 private:
  void run();
  // Waits for work; false when stopped and drained. May return with nothing, about twice a second.
  bool wait_for_work();
  void take();
  void fill(CommitGroupBuilder& builder);
  void commit(CommitGroup group);
  void flush_if_due();
  void look_at_directory();
  Status admit(Treatment treatment);

  LogState& log_;
  CommitStage& commit_stage_;
  uint64_t group_number_ = 0;
  bool flush_due_ = false;
  uint64_t since_flush_bytes_ = 0;  // written since the last flush
  DiskSpace disk_;
  std::chrono::steady_clock::time_point
      directory_seen_;  // where it was, when it was last looked at
  bool seal_told_ = false;
  std::vector<Operation> taken_;  // of this group
  mutable std::mutex mutex_;      // guards the queue
  std::condition_variable wake_;
  std::deque<Operation> queue_;
  size_t queue_bytes_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace strandline
