// The records of the state, made again from the events, where a table that held some of them was
// taken out (damaged_tables.h): only then, for it looks at every stream of every segment.
//
// Each part makes its own (StatePart::rebuild) from what the events say. What they cannot say is
// lost: a stream's name (it becomes "lost-" and its number), a truncation or a deletion, committed
// positions; and, if the segments' records are lost, too, whether what is missing before its first
// event was dropped: it is told as damaged. *Requires*: every table of events can be read, which
// taking out sees to. *Threads*: one, before anything is loaded.
#pragma once

#include <map>
#include <utility>

#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/state/part.h"
#include "engine/store/store.h"

namespace strandline {

// What the events say, for the parts.
struct Rebuild {
  // A stream's part of a segment.
  struct Run {
    Offset first;
    uint64_t bytes_before = 0;  // its first batch
    Offset next;
    uint64_t bytes = 0;  // of all the stream's batches up to next
    Timestamp stored_first, stored_last;
  };

  explicit Rebuild(Store& store) : store(store), changes(store.changes()) {}

  Store& store;
  Changes changes;  // what the parts make: written when all have
  std::map<SegmentId, std::map<StreamId, Run>> runs;
  // What the log's own records name, there or not, for its offsets were given out: [first, next).
  std::map<StreamId, std::pair<Offset, Offset>> named;
};

// Written, not yet durable.
Status rebuild_records(Store& store, const StateParts& parts);

}  // namespace strandline
