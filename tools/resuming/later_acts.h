// What happened to a log after a backup of it, so that it is not undone by restoring that backup:
// from an export of `$admin` (strandline export '$admin' --full).
//
// A key that was revoked is revoked again. What was erased is erased again, if the receipt says of
// all of it where it was. *Errors*: `invalid`, by line, for a file that is no such export.
// *Threads*: one.
#pragma once

#include <string>
#include <vector>

#include "engine/log.h"

namespace strandline::tools {

struct LaterActs {
  std::vector<std::string> revoked;  // keys
  std::vector<std::string> rotated;  // keys whose old secrets are good again in a restored log
  std::vector<EraseRequest> erased;
  std::vector<std::string> rest;  // what else takes something away, with its place
  uint64_t acts = 0;              // all later than the backup
};

// Those in the file whose offsets are not below `from`: how far `$admin` goes in the backup.
Result<LaterActs> read_later_acts(const std::string& path, uint64_t from);
// Answers how many were applied.
Result<uint64_t> apply(const LaterActs& acts, Log& log);

}  // namespace strandline::tools
