// A dead letter, as the consumer's dead-letter stream keeps it: the event as it was, and what
// became of it in extension attributes:
//
//   deadletterconsumer, deadlettercause, deadletterattempts   whose, why, after how many
//   deadletterstream, deadletteroffset                        where it came from
//
// One that was a dead letter already, which another consumer read and gave up on, has these of the
// latest, and of before:
//
//   deadletterfirstby, deadletterfirstin, deadletterfirstat   the first consumer, stream and offset
//   deadletterchain                                           all consumers before, the first one
//                                                             first: names, %-encoded, with commas
//
// These do not count as the event's own (event_rules.h), so that the dead letter of the largest
// event is an event like any other: it is read, exported and imported under the limits of an
// append.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/batch.h"
#include "engine/api/error.h"

namespace strandline {

// What became of an event that is a dead letter; nothing, if it is none.
struct History {
  std::string stream = {};  // where it was an event like any other
  std::string offset = {};
  std::vector<std::string> consumers = {};  // that gave up on it, the first one first

  // Nobody dead-letters the same event twice, and few do in turn: it would go on for ever.
  bool may_go_on_to(std::string_view consumer) const;
};
History history_of(const Event& event);

struct Fate {
  std::string_view consumer;
  std::string_view stream;  // that it was read from
  uint32_t attempts;
  std::string_view cause;
  History history = {};
};
Result<Batch> dead_letter(const Fate& fate, const Event& event, const Limits& limits);

}  // namespace strandline
