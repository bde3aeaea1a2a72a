// Whether an append may be made: what can be said of the request alone, and what rests on where the
// log stands. All of it is checked before any of it is staged, so a refused append leaves no trace.
#pragma once

#include "engine/api/error.h"
#include "engine/state/log_state.h"

namespace strandline {

struct AppendMany;

// Names, keys and times to live. Any thread.
Status check_request(const AppendMany& request, const Limits& limits);

// Each condition sees the parts and commits before it. The writer's.
Status check_append(const LogState& log, const AppendMany& request);

}  // namespace strandline
