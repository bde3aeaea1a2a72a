// Carries erasures out (engine/api/erasure.h), on the thread that asks, and on one of its own.
//
// *Steps*: the events are selected; the first half of the receipt is written, with a record of what
// goes; stored batches are rebuilt without it; records that say something of its bytes are
// replaced. From there on nobody is shown any of it. Then, on its own thread: what was written goes
// to table files; the tables that held the old bytes are compacted; the old files are waited for;
// the files in `damaged/`, which nothing needs any more, are deleted; the other half of the receipt
// is written. A crash anywhere between goes on from the record: each step does what is left of it.
//
// *Threads*: erase: any; one erasure, or compaction by key, rebuilds batches at a time. *Errors*:
// what goes wrong after the first half is told to whoever waits and tried again, every few seconds.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "engine/api/erasure.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class Eraser {
 public:
  // `submit` hands an operation to the writer, and calls its `done` whatever becomes of it.
  Eraser(LogState& log, std::function<void(Operation)> submit);
  ~Eraser();  // as stop()
  // Before the writer does. Whoever waits is answered.
  void stop();

  // Answers once nobody is shown what was erased, and the bytes are gone, or `patience` is over.
  Result<Erased> erase(const EraseRequest& request, const Actor& by,
                       std::chrono::milliseconds patience);
  // Only counts.
  static Result<Erased> count(const LogState& log, const EraseRequest& request);
  // Held while stored batches are read, rebuilt and replaced.
  std::mutex& rebuilding() { return rebuilding_; }

 private:
  Result<Outcome> perform(Operation::Request request, const Actor& by = {});
  // Rebuilds what is left to be rebuilt; adds the keys of all that holds any of it.
  Status rebuild_all(const ErasureRecord& record, std::set<StoredKey>& keys);
  Status replace_records(const ErasureRecord& record, std::set<StoredKey>& keys);
  Status purge(const std::set<StoredKey>& keys);
  Status delete_damaged();
  Status finish(uint64_t id);
  void run();
  bool going_on() const { return !stopping_; }

  LogState& log_;
  const std::function<void(Operation)> submit_;
  std::mutex rebuilding_;
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::set<uint64_t> to_finish_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace strandline
