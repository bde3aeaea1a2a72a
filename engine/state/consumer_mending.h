// Named consumers after a loss that was accepted: what is left of them must be of a log that is
// shorter, or of consumers whose other records are gone.
//
// *Threads*: the opening's. What it changes is written at once, and said.
#pragma once

#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/state/log_state.h"

namespace strandline {

// Removes records that are of no consumer (`orphans`, by their keys), and those of events that come
// after where their consumer stands, and takes consumers that stand beyond the tail back to it:
// what is appended there from now on they have not seen. Says what was lost by it, or nothing.
Result<std::string> mend_consumers(LogState& log, const std::vector<std::string>& orphans);

}  // namespace strandline
