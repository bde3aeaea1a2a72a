// Applies batches of lines exactly once, whatever becomes of the connection.
//
// The ledger (imported.h) is a committed position, `$import` of a consumer, that counts the bytes
// of the lines applied. Each batch is one atomic append that moves it from the lines before the
// batch to the lines after it, so that the log itself knows how far the import came: after a lost
// connection, or an outcome that is unknown, the position is read and everything past it is sent
// again. Without a consumer there is no such memory: one batch at a time, and the first failure is
// final. So it is in a directory, where the next run goes on. *Threads*: one.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tools/connection/log_handle.h"
#include "tools/resuming/imported.h"
#include "tools/resuming/resume.h"

namespace strandline::tools {

class Ledger {
 public:
  // `consumer` may be empty; `done` is what earlier runs applied. `patience` bounds the wait for a
  // server that went away.
  Ledger(LogHandle& log, std::string consumer, Imported done, std::chrono::seconds patience);

  // Sends a batch, after which all of `upto` is imported; waits if too much is under way.
  Status apply(std::vector<AppendMany::Part> parts, Imported upto);
  // Waits until everything is acknowledged.
  Status settle();

  const Imported& applied() const { return applied_; }  // acknowledged, earlier runs' included
  const Imported& sent() const { return sent_; }
  // Whether the batch after applied() may be there all the same.
  bool outcome_unknown() const { return unknown_; }

 private:
  struct Pending {
    AppendMany request;
    Imported upto;
  };

  Status receive_one();
  // Finds out what of pending_ was applied, and sends the rest again.
  Status recover(Error error);
  Status resend();

  LogHandle& log_;
  const std::string consumer_;
  Backoff backoff_;
  std::unique_ptr<Feed> feed_;
  std::deque<Pending> pending_;  // under way, in order
  Imported applied_;
  Imported sent_;
  bool unknown_ = false;
};

}  // namespace strandline::tools
