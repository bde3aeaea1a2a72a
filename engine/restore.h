// Restores a log from a backup (engine/backup), in two steps, so that what happened since the
// backup can be told to it before anybody reads it:
//
//   auto restoring = Restoring::begin({.backups = "b", .which = {}, .directory = "data"});
//   (*restoring)->log().revoke_key("...");     // for example
//   (*restoring)->finish();
//
// The restored log is another incarnation (engine/api/incarnation.h). Until finish() returns, there
// is no log in the directory; a restore that was cut off can be run again. *Threads*: one.
#pragma once

#include <memory>

#include "engine/backup/restoring.h"
#include "engine/log.h"

namespace strandline {

struct RestoreRequest {
  std::filesystem::path backups;
  WhichBackup which = {};
  std::filesystem::path directory;  // empty or new
  Options options = {};
  uint64_t bytes_per_second_max = 0;
  std::function<bool(const BackupProgress&)> progress = {};  // as BackupRequest's
};

class Restoring {
 public:
  static Result<std::unique_ptr<Restoring>> begin(RestoreRequest request);
  ~Restoring();  // without finish(): nothing is restored

  const BackupInfo& backup() const { return record_.info; }
  Log& log() { return *log_; }
  Status finish();

 private:
  Restoring(RestoreRequest request, BackupRecord record)
      : request_(std::move(request)), record_(std::move(record)) {}

  RestoreRequest request_;
  BackupRecord record_;
  std::unique_ptr<Log> log_;
};

}  // namespace strandline
