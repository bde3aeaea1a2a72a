// Drops of segments that a crash cut off: what the drop itself did in later steps
// (log_segments.cc), the next opening does. *Threads*: the opening's, before there is a writer.
#pragma once

#include "engine/state/log_state.h"

namespace strandline {

// Of a log that has segments. Where it fails, space is not freed, and the next opening tries again.
Status finish_drops(LogState& state);

}  // namespace strandline
