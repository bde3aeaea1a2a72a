// Where the streams of a segment that is to be dropped go on behind it: what its stripes' records
// say. They are many, so they are read on the thread that asks for the drop: on the writer's, every
// append would wait for it.
//
// *Threads*: any. What it says of a sealed segment stays true whatever is appended meanwhile.
#pragma once

#include <vector>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

// *Errors*: `corrupt` where a stream is named that is not there, or where neither a stripe's record
// nor all of its events can be read.
Result<std::vector<StreamEnd>> segment_ends(const LogState& log, SegmentId segment);

}  // namespace strandline
