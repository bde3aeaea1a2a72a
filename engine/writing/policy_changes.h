// What an operation on policies, legal holds and the pause of retention checks, and stages: the
// writer's.
#pragma once

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

Result<Outcome> change_stream(LogState& log, CommitGroup& group, const ChangeStream& request);
Result<Outcome> change_policy(LogState& log, CommitGroup& group, const ChangePolicy& request);
// `invalid` if what would hold contradicts itself, `limit` if there are too many.
Status put_policy(LogState& log, CommitGroup& group, const NameScope& scope, const Policy& policy);

Result<Outcome> lay_hold(LogState& log, CommitGroup& group, const LayHold& request);
Result<Outcome> release_hold(LogState& log, CommitGroup& group, const ReleaseHold& request);

Result<Outcome> pause_retention(LogState& log, CommitGroup& group, const PauseRetention& request);
Result<Outcome> confirm_clock(LogState& log, CommitGroup& group);

}  // namespace strandline
