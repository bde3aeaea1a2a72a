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
      const auto [at, fresh] = last.try_emplace(entry.stream);
      const Offset first = fresh ? entry.first : std::min(at->second.first, entry.first);
      at->second = {.stream = entry.stream,
                    .first = first,
                    .end = entry.next,
                    .bytes_below = entry.bytes > 0 ? std::optional(entry.bytes) : std::nullopt,
                    .stored_us = entry.last_stored_us};
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

ExtentRun hole_of(SegmentId segment, const StreamEnd& end) {
  return {.segment = SegmentId(0),
          .places = {},
          .hole = ExtentHole{.segment = segment,
                             .reason = GapReason::dropped,
                             .count = end.end - end.first,
                             .bytes = end.bytes_below.value_or(0),
                             .stored_us = end.stored_us}};
}

std::vector<WhereKey> pass_holes(const LogState& log, bool oldest, std::vector<StreamEnd>& ends) {
  std::vector<WhereKey> passed;
  for (StreamEnd& end : ends) {
    const Stream& stream = *log.streams.find(end.stream);
    if (!oldest && stream.start() < end.first) continue;
    while (end.end < stream.tail()) {
      const auto extent = find_extent(log, stream, end.end);
      if (!extent || !*extent || !(*extent)->hole || (*extent)->first != end.end) break;
      passed.push_back({end.stream, end.end});
      end.end = *(*extent)->next;
      end.bytes_below = (*extent)->hole->bytes;
    }
  }
  return passed;
}

}  // namespace strandline
