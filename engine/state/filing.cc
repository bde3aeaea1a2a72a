#include "engine/state/filing.h"

namespace strandline {

Filing::Filing(SegmentId segment, std::vector<StripeListPointer> stripes)
    : segment_(segment), stripes_(std::move(stripes)) {
  for (const StripeListPointer& stripe : stripes_) readers_.emplace_back(*stripe);
}

std::optional<std::pair<StreamId, ExtentRun>> Filing::next() {
  const StripeList::Reader* least = nullptr;
  for (const StripeList::Reader& reader : readers_) {
    if (reader.valid() && (!least || reader.stream() < least->stream())) least = &reader;
  }
  if (!least) return std::nullopt;
  const StreamId stream = least->stream();
  ExtentRun run{.segment = segment_, .places = {}};
  for (size_t i = 0; i < readers_.size(); ++i) {
    if (!readers_[i].valid() || readers_[i].stream() != stream) continue;
    run.places.push_back({stripes_[i]->stripe(), readers_[i].first()});
    readers_[i].next();
  }
  return std::pair(stream, std::move(run));
}

}  // namespace strandline
