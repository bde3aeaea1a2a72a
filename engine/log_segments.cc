// Log's segments: rolled, listed, dropped.
#include "engine/log.h"
#include "engine/log_parts.h"
#include "engine/writing/segment_ends.h"

namespace strandline {

Result<SegmentId> Log::roll(Actor by) {
  auto outcome = parts_->perform(Roll{}, std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  return SegmentId(outcome->number);
}

std::vector<SegmentInfo> Log::segments() const {
  const LogState& state = *parts_->state;
  const Stream& log = state.streams.log();
  std::vector<SegmentInfo> out;
  for (const auto& [id, record] : state.segments.list()) {
    const bool sealed = record.sealed != 0;
    out.push_back({.id = id,
                   .sealed = sealed,
                   .created = {record.created_us},
                   .first = Sequence(record.first_sequence),
                   .next = Sequence(sealed ? record.next_sequence : log.tail().value),
                   .bytes = sealed ? record.bytes : log.bytes() - record.bytes_before});
  }
  return out;
}

Status Log::drop_segment(SegmentId segment, Actor by) {
  DropSegment drop{.segment = segment, .ends = std::nullopt};
  const auto segments = parts_->state->segments.list();
  uint64_t stripes = 0;
  // Any other is refused without a look.
  if (!segments.empty() && segments.begin()->first == segment && segments.begin()->second.sealed) {
    stripes = segments.begin()->second.stripes;
    auto ends = segment_ends(*parts_->state, segment);
    if (!ends) return std::unexpected(std::move(ends.error()));
    drop.ends = std::move(*ends);
  }
  auto outcome = parts_->perform(std::move(drop), std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  // Nobody can reach its events any more; readers that are inside one keep their files. What fails
  // from here on is not the drop, but the freeing of its space, which the next opening tries again.
  LogState& state = *parts_->state;
  const auto warn = [&state](const Error& error) {
    if (state.options.on_warning) state.options.on_warning(error.message);
  };
  // What is left of the directory when the log closes or is too busy, the next opening removes.
  const auto forgotten = [warn](const Result<Outcome>& done) {
    if (done || done.error().code == Code::closed || done.error().code == Code::busy) return;
    warn(done.error());
  };
  for (uint64_t i = 0; i < stripes; ++i) {
    parts_->submit({.request = ForgetStripe{first_stripe(segment) + i},
                    .done = forgotten,
                    .bytes = kOperationBytes});
  }
  state.store->set_first_live(segment + 1);
  if (const Status freed = state.store->drop_events_below(segment + 1); !freed) warn(freed.error());
  return {};
}

}  // namespace strandline
