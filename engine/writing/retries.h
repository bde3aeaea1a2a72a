// Says whether an append was made before: by its idempotency key, or by the producers of its parts.
#pragma once

#include <optional>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

// What the original was answered; nothing for an append that is new. *Errors*: reused; conflict for
// a retry with other events, or of a part of an append; out_of_order, fenced; corrupt. The
// writer's.
Result<std::optional<Outcome>> find_original(LogState& log, const AppendMany& request);

}  // namespace strandline
