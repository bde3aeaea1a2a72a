// Repairs the records of named consumers after a loss that was accepted. The log may be shorter
// than a record says, or a consumer's other records may be gone.
//
// *Threads*: the opening's. Each change is written at once, and reported.
#pragma once

#include <string>
#include <vector>

#include "engine/api/error.h"
#include "engine/state/log_state.h"

namespace strandline {

// Removes records that belong to no consumer (`orphans`, by their keys), and records of events
// behind the position of their consumer. Moves consumers whose position is beyond the tail back to
// the tail: they have not seen what is appended there from now on. Answers what was lost by that,
// or an empty text.
Result<std::string> repair_consumers(LogState& log, const std::vector<std::string>& orphans);

}  // namespace strandline
