// Where the streams of a segment that is to be dropped go on behind it: what its stripes' records
// say. They are many, so they are read on the thread that asks for the drop: on the writer's, every
// append would wait for it.
//
// *Threads*: any. What it says of a sealed segment stays true whatever is appended meanwhile.
#pragma once

#include <vector>

#include "engine/format/extent_run.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

// *Errors*: `corrupt` where a stream is named that is not there, or where neither a stripe's record
// nor all of its events can be read.
Result<std::vector<StreamEnd>> segment_ends(const LogState& log, SegmentId segment);
// What is left in the directory of a stream that goes on on both sides of a dropped segment.
ExtentRun hole_of(SegmentId segment, const StreamEnd& end);
// The ends of streams that begin in the segment, moved behind the holes that follow them. The keys
// of these.
std::vector<WhereKey> pass_holes(const LogState& log, bool oldest, std::vector<StreamEnd>& ends);

}  // namespace strandline
