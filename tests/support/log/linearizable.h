// Is there one order of a history's operations in which each takes effect at a single moment
// between its being sent and its answer, and every answer is what this model gives?
//
// The model: a sequence of events that only grows, appended to under a compare-and-set of its
// length, and positions that only go forward and never past the tail, under a compare-and-set of
// their own. What is asked for with a read-your-acknowledgement or an exactly-one-wins follows: a
// read after the answer that does not see it, or a second winner, fits no order.
//
// The search is Wing and Gong's ("Testing and verifying concurrent objects", 1993) with Lowe's
// memory of what was tried ("Testing for linearizability", 2017): walk the operations in the order
// in which they were sent, take the next that fits, and go back where nothing does. An operation
// whose outcome is unknown is taken or, once it could not take effect any more, left out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/log/history.h"

namespace strandline::tests {

// Nothing if it is; otherwise where the longest attempt ended.
std::optional<std::string> not_linearizable(const std::vector<Operation>& history);

}  // namespace strandline::tests
