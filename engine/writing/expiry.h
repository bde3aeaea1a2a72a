// How a stream's start is raised, and what the writer does of what retention found to be due.
#pragma once

#include "engine/api/delivery.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

// Forgets what is below `start`, of which there are so many bytes.
void raise_start(LogState& log, CommitGroup& group, Stream& stream, Offset start, uint64_t bytes,
                 GapReason reason);

// Cuts each stream, but for those that a hold or a consumer keeps. It reads nothing: each cut
// brings what must be known of it. What came in between (a truncation, a deletion) counts.
Result<Outcome> expire(LogState& log, CommitGroup& group, const Expire& request);

}  // namespace strandline
