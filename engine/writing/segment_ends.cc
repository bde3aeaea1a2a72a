#include "engine/writing/segment_ends.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace strandline {

Result<std::vector<StreamEnd>> segment_ends(const LogState& log, SegmentId segment) {
  const auto segments = log.segments.list();
  const auto sealed = segments.find(segment);
  if (sealed == segments.end()) return std::vector<StreamEnd>();  // dropped meanwhile
  std::map<StreamId, StreamEnd> last;
  Sequence begin(sealed->second.first_sequence);
  for (uint64_t i = 0; i < sealed->second.stripes; ++i) {
    const auto record = record_of(*log.store, {segment, sealed->second, i}, begin, false);
    if (!record) return std::unexpected(record.error());
    begin = std::max(begin, record->next);
    for (const StripeEntry& entry : record->entries) {
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
