// What retention has done, and what it has left to do (Log::retention). Plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "engine/api/types.h"

namespace strandline {

// The clock jumped: nothing is cut or dropped until somebody confirms that it is right now.
struct RetentionPause {
  Timestamp since = {};  // by the clock, as it was when the jump was seen
  int64_t jump_s = 0;    // how far it jumped; negative: back
  std::string why = {};  // a sentence
  bool operator==(const RetentionPause&) const = default;
};

struct RetentionInfo {
  std::optional<RetentionPause> paused = {};
  // How long events that are to go have been there longer than they should; 0: none is.
  uint64_t lag_s = 0;
  uint64_t passes = 0;          // since the log was opened, as all that follow but for the bytes
  uint64_t events_expired = 0;  // that were cut for readers
  uint64_t segments_dropped = 0;
  uint64_t segments_rewritten = 0;
  // Of stored batches, as StreamInfo::bytes counts them, by the last look at the segments:
  uint64_t kept_bytes = 0;
  uint64_t dead_bytes = 0;  // that nobody can read any more, and are there still
  // Of the disk, as it was measured: table files and WAL; and by how much drops and rewritten
  // segments made the table files smaller since the log was opened.
  uint64_t disk_bytes = 0;
  uint64_t reclaimed_bytes = 0;
  uint64_t log_bytes_max = 0;  // Options'; 0: none
  std::string blocked = {};    // what keeps the log above it, or a due cut from being made
};

}  // namespace strandline
