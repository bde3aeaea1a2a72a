// Where the offsets of streams are: in which stripe.
//
// Three places say so. Of each stream, where it was written last, if that was since the log was
// opened or in a segment that is not filed yet (Stream::extent); the lists of stripes whose segment
// is not filed yet (Segments::unfiled); and the directory of extents in the store. Where that is
// damaged, the events themselves say, stripe by stripe. *Threads*: any.
#pragma once

#include <optional>

#include "engine/api/error.h"
#include "engine/format/keys.h"

namespace strandline {

class Stream;
struct LogState;

struct Extent {
  StripeId stripe;
  Offset first;                // [first, next) of the stream are in this stripe
  std::optional<Offset> next;  // none: it is the stream's last
};

// The extent that covers `offset`, or else the first one after it; none: there is neither.
Result<std::optional<Extent>> find_extent(const LogState& log, const Stream& stream, Offset offset);

}  // namespace strandline
