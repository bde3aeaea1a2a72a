// The operations on API keys: create, rotate, revoke. Each has a commit group to itself. *Threads*:
// the writer's. *Errors*: `exists`, `not_found`, `limit`; nothing is changed then.
#pragma once

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

Result<Outcome> create_key(LogState& log, CommitGroup& group, const CreateKey& request);
Result<Outcome> rotate_key(LogState& log, CommitGroup& group, const RotateKey& request);
Result<Outcome> revoke_key(LogState& log, CommitGroup& group, const RevokeKey& request);
// Nothing is changed (`retried`) where it was used before.
Result<Outcome> first_use(LogState& log, CommitGroup& group, const FirstUse& request);

}  // namespace strandline
