// The operations on streams and segments: create, delete, truncate, roll, drop. Each has a commit
// group to itself, so that it sees everything before it as written. *Threads*: the writer's.
#pragma once

#include "engine/state/commit_group.h"
#include "engine/writing/commit_group_builder.h"
#include "engine/writing/operation.h"

namespace strandline {

// Stages an operation that wants a commit group alone (operation_traits.h) in the builder's group,
// which must be empty, or says why not.
Result<Outcome> administer(LogState& log, CommitGroupBuilder& builder,
                           const Operation::Request& request);

}  // namespace strandline
