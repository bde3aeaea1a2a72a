// Backups of a log: what is asked for, and what is told of each.
//
// A backup holds every event below `next`, and everything else as it was at that moment: streams,
// consumers, producers, keys. Values, owned by who asked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "engine/api/error.h"
#include "engine/api/types.h"

namespace strandline {

// So much that a disk of today is not kept busy, and a terabyte is saved in three hours.
inline constexpr uint64_t kBackupBytesPerSecond = 100 << 20;

struct BackupProgress {
  uint64_t bytes = 0;      // copied, or read again to be checked
  uint64_t bytes_all = 0;  // to be copied; 0 while that is not known
};

struct BackupRequest {
  std::filesystem::path directory;                        // of all backups; made if it is missing
  uint64_t bytes_per_second_max = kBackupBytesPerSecond;  // read and written; 0: no limit
  // Called now and then, on the thread that makes the backup. False: it is to end, as `closed`.
  std::function<bool(const BackupProgress&)> progress = {};
};

struct BackupInfo {
  uint64_t id = 0;  // counts up, from 1
  Timestamp made;
  Sequence next;            // one past the last event that is in it
  std::string incarnation;  // of the log, 32 hexadecimal digits
  uint64_t files = 0;
  uint64_t bytes = 0;    // of all its files
  uint64_t written = 0;  // of those that no backup before it had
};

// Of each backup: what is wrong with it, or nothing.
struct BackupFault {
  std::string file;
  std::string what;
};

}  // namespace strandline
