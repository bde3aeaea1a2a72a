// What stands for events that are about to go, where the audit tree will still need it.
#pragma once

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

// Before the events [first, next) of a stream go: keeps the leaves of those that are in one tile
// with others that stay, and of those in the tile where the newest checkpoint ends, from which the
// next is shown to follow. It reads their events; what cannot be read is not kept, and holds
// nothing up.
void keep_edges(LogState& log, CommitGroup& group, const Stream& stream, Offset first, Offset next);

}  // namespace strandline
