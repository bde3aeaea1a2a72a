#include "engine/writing/segment_ends.h"

#include <fmt/format.h>

#include <map>

namespace strandline {

Result<std::vector<StreamEnd>> segment_ends(const LogState& log, SegmentId segment,
                                            uint64_t stripes) {
  std::map<StreamId, StreamEnd> last;
  for (uint64_t i = 0; i < stripes; ++i) {
    for (const StripeEntry& entry : record_of(*log.store, first_stripe(segment) + i).entries) {
      last[entry.stream] = {
          .stream = entry.stream,
          .end = entry.next,
          .bytes_below = entry.bytes > 0 ? std::optional(entry.bytes) : std::nullopt};
    }
  }
  std::vector<StreamEnd> ends;
  ends.reserve(last.size());
  for (const auto& [id, end] : last) {
    if (!log.streams.find(id)) {
      return fail(Code::corrupt, fmt::format("a segment names stream {}", id.value));
    }
    ends.push_back(end);
  }
  return ends;
}

}  // namespace strandline
