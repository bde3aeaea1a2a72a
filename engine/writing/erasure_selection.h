// Which events an erasure takes: reads what is stored of the streams that it names, below their
// starts, too, and of dead letters the copies of what it takes.
//
// *Threads*: any. *Errors*: `corrupt` where something cannot be read that may match.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "engine/api/erasure.h"
#include "engine/format/erasure_record.h"
#include "engine/format/stored_batch.h"
#include "engine/state/log_state.h"

namespace strandline {

struct SelectedEvents {
  ErasedRuns runs;
  uint64_t events = 0;
  uint64_t copies = 0;
  size_t runs_count = 0;
  std::map<StreamId, uint64_t> of_stream;

  void add(StreamId stream, Offset offset);
};
Result<SelectedEvents> select_events(const LogState& log, const EraseRequest& request);

// Visits each stored batch of a stream that holds any of [from, to), whether or not it is below the
// start. False ends it. What is not stored any more is passed over; what is damaged is an error,
// unless it is below the start.
using VisitBatch = std::function<bool(const StoredBatch&)>;
Status walk_batches(const LogState& log, const Stream& stream, Offset from, Offset to,
                    const VisitBatch& visit);

}  // namespace strandline
