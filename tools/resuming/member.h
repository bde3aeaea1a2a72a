// `strandline tail --consumer` of a named consumer: a member of it that prints what it is given, or
// runs a command for it.
//
// What was printed, or succeeded, is acked; of an exclusive consumer its position is committed, at
// most once a second or 1,000 events, and after each command. A command that fails has its event
// nacked, and given out again after a while. An exclusive reader runs it again itself; if the
// consumer has max_attempts it joins again for that, so that each run is an attempt, and goes on
// behind the event when it is dead-lettered. A command that cannot be run at all (exit 126 or 127)
// ends it, and its events go back untried. A server that is away is waited for. At the end, what
// is at hand is finished and the member leaves.
#pragma once

#include <cstdint>
#include <string>

#include "tools/base/shape.h"
#include "tools/connection/log_handle.h"

namespace strandline::tools {

struct MemberOptions {
  uint64_t limit = std::numeric_limits<uint64_t>::max();  // events
  Shape shape = Shape::full;
  std::string exec;           // empty: print
  unsigned jobs = 1;          // commands at a time, in a group
  uint64_t retry_ms = 1'000;  // after a failure, and twice as long after each further one
};

// The exit code.
int tail_as_member(LogHandle& log, const ConsumerInfo& consumer, const MemberOptions& options);

}  // namespace strandline::tools
