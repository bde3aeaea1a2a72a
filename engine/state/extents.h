// Where the offsets of streams are: in which stripe.
//
// Three places say so. Stream::extent says where a stream was written last; it is known if that was
// since the log was opened, or in a segment that is not filed yet. Segments::unfiled lists the
// stripes of segments that are not filed yet. The store has the directory of extents. Where that is
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
