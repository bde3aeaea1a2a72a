#include "engine/writing/expiry.h"

#include <algorithm>

#include "engine/state/consumer_standing.h"
#include "engine/writing/tree_edges.h"

namespace strandline {

void raise_start(LogState& log, CommitGroup& group, Stream& stream, Offset start, uint64_t bytes,
                 GapReason reason) {
  keep_edges(log, group, stream, Offset(stream.assigned.start), start);
  stream.assigned.start_bytes = bytes;
  stream.assigned.start = start.value;
  stream.assigned.gap_reason = static_cast<uint8_t>(reason);
  log.streams.touch(group, stream);
  log.streams.settle(group, stream);
  log.retention_counts.starts_raised.fetch_add(1, std::memory_order_relaxed);
}

Result<Outcome> expire(LogState& log, CommitGroup& group, const Expire& request) {
  // What was found before a pause is not done after it.
  if (log.retention.is_paused()) return Outcome{};
  Outcome outcome;
  for (const Cut& cut : request.cuts) {
    Stream* stream = log.streams.find(cut.stream);
    if (!stream || !stream->assigned.exists) continue;
    const StateRecord& state = stream->assigned;
    if (cut.before.value <= state.start || cut.before.value > state.next) continue;
    if (!may_lose(log, stream->name)) continue;
    if (!may_forget(log, *stream, cut.before, cut.last)) continue;
    outcome.events += cut.before.value - state.start;
    outcome.bytes += cut.bytes_below - std::min(cut.bytes_below, state.start_bytes);
    ++outcome.number;
    raise_start(log, group, *stream, cut.before, cut.bytes_below, GapReason::expired);
  }
  return outcome;
}

}  // namespace strandline
