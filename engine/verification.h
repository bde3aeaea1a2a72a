// Reads everything in a log and checks it: every checksum, every FlatBuffer, the contiguity of
// every stream from its start to its tail, and the log's own records against the streams they name.
#pragma once

#include <functional>

#include "engine/log.h"
#include "engine/log_state.h"

namespace strandline {

Log::Verified verify(const LogState& log, const std::function<void(uint64_t)>& progress);

}  // namespace strandline
