// Puts the directory of extents of a sealed segment together: stream by stream, from the lists of
// its stripes. The writer does so a few streams at a time, beside its commit groups; if the log
// ends meanwhile, the next opening begins again, and writes the same.
//
// *Threads*: the writer's.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "engine/format/extent_run.h"
#include "engine/state/stripe_list.h"

namespace strandline {

class Filing {
 public:
  Filing(SegmentId segment, std::vector<StripeListPointer> stripes);

  SegmentId segment() const { return segment_; }
  // The next stream, and where it is in the segment; nothing: that was all.
  std::optional<std::pair<StreamId, ExtentRun>> next();

 private:
  SegmentId segment_;
  std::vector<StripeListPointer> stripes_;
  std::vector<StripeList::Reader> readers_;  // of each
};

}  // namespace strandline
