// What the log writes down of an administrative operation (engine/api/administration.h).
//
// Each has an act_of beside the others: one that its traits call administrative and that has none
// does not compile. *Threads*: pure functions.
#pragma once

#include <optional>

#include "engine/api/administration.h"
#include "engine/api/batch.h"
#include "engine/writing/operation.h"

namespace strandline {

// Of an operation that was done; nothing where it is no administrative one.
std::optional<Act> act_of(const Operation& operation, const Outcome& outcome);
// The event of an act, ready to be appended.
Batch record_of(const Act& act, const Actor& by);

}  // namespace strandline
