// Reads the events at the positions that a member was given.
//
// *Threads*: any; reads the disk where the batch cache no longer has them. *Memory*: what it gives
// owns its bytes. Positions whose events are gone (dropped, truncated, damaged) are named, with the
// gap.
// *Errors*: the cursor's; io where the file system fails.
#pragma once

#include <vector>

#include "engine/api/consumer.h"
#include "engine/state/log_state.h"

namespace strandline {

struct Retrieved {
  Fetched fetched;
  std::vector<uint64_t> gone = {};  // of the given
};

// `given` ascends.
Result<Retrieved> retrieve(const LogState& log, const ConsumerSettings& settings,
                           const std::vector<Given>& given);

}  // namespace strandline
