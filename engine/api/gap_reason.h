// Why events are not there: what a gap says, and a hole in a stored batch.
//
// The numbers are on disk and in frames, and are never used again for another reason.
#pragma once

#include <cstdint>

namespace strandline {

enum class GapReason : uint8_t {
  truncated = 1,  // by truncate(stream, before)
  deleted = 2,    // the stream was deleted
  dropped = 3,    // their segment was dropped
  damaged = 4,    // their bytes do not match their checksum, or are missing
  erased = 5,     // by an erasure (erasure.h)
  compacted = 6,  // a newer event has the same key
  expired = 7,    // their stream's retention is over
};
const char* name_of(GapReason reason);

// What one gap says that is made of two which touch: an erasure first, then whatever else is not a
// compaction.
inline GapReason told_of(GapReason one, GapReason other) {
  if (one == GapReason::erased || other == GapReason::erased) return GapReason::erased;
  return one == GapReason::compacted ? other : one;
}

}  // namespace strandline
