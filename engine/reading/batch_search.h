// Finds where in a stream something begins to hold, by halves: what holds for a batch holds for all
// batches behind it.
//
// *Threads*: any; it reads the disk. Where a batch is damaged, it says nothing, and what comes
// after it does (as find_time, stream_cursor.h).
#pragma once

#include <algorithm>

#include "engine/reading/batch_reader.h"

namespace strandline {

// The first offset of the first batch for which `holds` says true; the tail, if there is none. It
// is never below the start.
template <class Holds>  // bool(const StoredBatch&)
Offset first_batch_where(const LogState& log, const Stream& stream, Holds holds) {
  Offset low = stream.start();
  Offset high = stream.tail();
  BatchReader reader(log, stream);
  while (low < high) {
    const Offset middle = low + (high - low) / 2;
    if (auto damage = reader.load(middle)) {
      if (damage->to >= high || reader.load(damage->to) || holds(reader.batch())) {
        high = middle;
      } else {
        low = damage->to;
      }
    } else if (holds(reader.batch())) {
      high = std::max(low, reader.batch().first());
    } else {
      low = reader.batch().next();
    }
  }
  return std::min(low, stream.tail());
}

}  // namespace strandline
