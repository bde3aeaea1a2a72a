// Makes and checks backups of the served log, one at a time, on a thread of its own.
//
// A backup of a large log takes hours, and no request waits for that: a request starts it, and
// others ask how far it is. *Threads*: any. *Lifetime*: ended, with what it does, before the log is
// closed. *Errors*: `invalid` where the operator named no directory for backups; `conflict` while
// one is under way.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/log.h"

namespace strandline::server {

class BackupRunner {
 public:
  BackupRunner(Log& log, std::string directory, uint64_t bytes_per_second_max);
  ~BackupRunner();  // ends what is under way

  // The directory, if the operator named one.
  Result<std::string> directory() const;
  Status begin_backup(Actor by);
  Status begin_verify(uint64_t backup);
  // Not while one is under way.
  Result<uint64_t> remove(uint64_t backup, Actor by);

  struct Job {
    bool verifies = false;  // or else it makes one
    uint64_t backup = 0;    // which it verifies, or has made
    BackupProgress progress = {};
    bool ended = false;
    std::string failed = {};  // why
    std::vector<BackupFault> faults = {};
  };
  // The one under way, or the last; nothing: there was none since the server started.
  std::optional<Job> job() const;
  // The newest that is whole, as it was when the server started, or since.
  std::optional<BackupInfo> newest() const;
  uint64_t failures() const { return failures_; }

 private:
  template <class Do>
  Status begin(Job job, Do act);
  bool goes_on(const BackupProgress& progress);
  void look();

  Log& log_;
  const std::string directory_;
  const uint64_t bytes_per_second_max_;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> failures_ = 0;
  mutable std::mutex mutex_;  // guards all below
  std::optional<Job> job_;
  std::optional<BackupInfo> newest_;
  std::thread thread_;
};

}  // namespace strandline::server
