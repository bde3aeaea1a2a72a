// Rebuilds the records of the state from the events. It runs only after a table that held some of
// them was taken out (damaged_tables.h), because it reads every stream of every stripe.
//
// Each part rebuilds its own records (StatePart::rebuild) from what the events say. What they
// cannot say is lost: a stream's name (it becomes "lost-" and its number), a truncation, a
// deletion, committed positions. If the segments' records are lost too, nothing says whether the
// events before a stream's first event were dropped: they are reported as damaged. *Requires*:
// every table of events can be read, which taking out sees to. *Threads*: one, before anything is
// loaded.
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
  // A stream's part of a stripe.
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
  std::map<StripeId, std::map<StreamId, Run>> runs;
  // What the log's own records name, or those of stripes, there or not, for its offsets were given
  // out: [first, next).
  std::map<StreamId, std::pair<Offset, Offset>> named;
  // Where each stream's events begin, say the records of stripes that are left.
  std::map<StreamId, Offset> begun;
};

// Written, not yet durable.
Status rebuild_records(Store& store, const StateParts& parts);

}  // namespace strandline
