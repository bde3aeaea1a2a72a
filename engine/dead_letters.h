// An event that was given out in vain, as its consumer's dead-letter stream keeps it: as it was,
// with what became of it in extension attributes:
//
//   deadletterconsumer, deadlettercause, deadletterattempts   whose, why, after how many
//   deadletterstream, deadletteroffset                        where it came from
//
// These do not count as the event's own (event_rules.h), so that the dead letter of the largest
// event is an event like any other: it is read, exported and imported under the limits of an
// append.
#pragma once

#include <string>
#include <string_view>

#include "engine/batch.h"
#include "engine/error.h"

namespace strandline {

Result<Batch> dead_letter(const std::string& consumer, std::string_view stream, const Event& event,
                          uint32_t attempts, std::string_view cause, const Limits& limits);

}  // namespace strandline
