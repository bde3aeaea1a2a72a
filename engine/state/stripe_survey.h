// What the events of a stripe say of its streams, and what the log's own records there say: for the
// open stripe, when a log opens, and where a stripe's record was lost.
//
// Either of the two is enough: an event that cannot be read is named by the log's record, and an
// event whose log record cannot be read carries its sequence itself. So one damaged block hides no
// offset that was given out. *Memory*: some 100 bytes for each stream of the stripe.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/format/stripe_record.h"
#include "engine/store/store.h"

namespace strandline {

struct StripeSurvey {
  StripeRecord record;
  std::optional<std::string> damage;  // the first that was met
  // Whether the stream and the offset of every event of [from, to) of the log are known.
  bool covers(Sequence from, Sequence to) const;
  std::vector<std::pair<Sequence, Sequence>> known;  // [first, next) of the log, in order
};

StripeSurvey survey(const Store& store, StripeId stripe);

}  // namespace strandline
