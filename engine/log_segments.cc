// Log's segments: rolled, listed, dropped.
#include <algorithm>
#include <chrono>
#include <thread>

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
                   .bytes = sealed ? record.bytes : log.bytes() - record.bytes_before,
                   .dead_bytes = std::max(state.retention_counts.dead_of(id), record.dead_bytes),
                   .removed_bytes = record.dead_bytes});
  }
  return out;
}

namespace {

// Streams whose holes are left in one commit group.
constexpr size_t kHolesAtOnce = 16'384;
// How long a drop waits for a segment that was sealed a moment ago.
constexpr auto kFiledPatience = std::chrono::seconds(10);
constexpr auto kFiledPoll = std::chrono::milliseconds(10);

// In the directory of extents by then, where holes are left.
bool await_filed(const LogState& state, SegmentId segment) {
  const auto until = std::chrono::steady_clock::now() + kFiledPatience;
  while (true) {
    const auto segments = state.segments.list();
    const auto found = segments.find(segment);
    if (found == segments.end() || found->second.filed) return true;
    if (state.failure.failed() || std::chrono::steady_clock::now() >= until) return false;
    std::this_thread::sleep_for(kFiledPoll);
  }
}

}  // namespace

Status Log::drop_segment(SegmentId segment, Actor by) {
  LogState& state = *parts_->state;
  DropSegment drop{.segment = segment, .ends = std::nullopt};
  const auto segments = state.segments.list();
  const auto found = segments.find(segment);
  // Any other is refused without a look.
  const bool sealed = found != segments.end() && found->second.sealed;
  const bool oldest = sealed && found == segments.begin();
  const uint64_t stripes = sealed ? found->second.stripes : 0;
  std::vector<WhereKey> passed;
  if (sealed && (oldest || await_filed(state, segment))) {
    auto ends = segment_ends(state, segment);
    if (!ends) return std::unexpected(std::move(ends.error()));
    passed = pass_holes(state, oldest, *ends);
    drop.ends = std::move(*ends);
  }
  const auto ends = drop.ends;
  auto outcome = parts_->perform(std::move(drop), std::move(by));
  if (!outcome) return std::unexpected(std::move(outcome.error()));
  // Nobody can reach its events any more; readers that are inside one keep their files. What fails
  // from here on is not the drop, but the freeing of its space, which the next opening tries again.
  const auto warn = [&state](const Error& error) {
    if (state.options.on_warning) state.options.on_warning(error.message);
  };
  const auto forget_passed = [&] {
    LeaveHoles forget{.segment = segment, .streams = {}, .stripes = 0};
    for (const WhereKey& key : passed) forget.streams.push_back({key.stream, key.first, key.first});
    return forget;
  };
  if (!oldest) {
    if (!passed.empty()) (void)parts_->perform(forget_passed());
    for (size_t at = 0; at < ends->size(); at += kHolesAtOnce) {
      const size_t next = std::min(at + kHolesAtOnce, ends->size());
      LeaveHoles leave{.segment = segment,
                       .streams = {ends->begin() + static_cast<ptrdiff_t>(at),
                                   ends->begin() + static_cast<ptrdiff_t>(next)},
                       .stripes = next == ends->size() ? stripes : 0};
      if (auto left = parts_->perform(std::move(leave)); !left) {
        warn(left.error());
        return {};
      }
    }
    for (uint64_t i = 0; i < stripes; ++i) {
      state.stripe_scans.forget(first_stripe(segment) + i);
    }
    state.store->set_dropped(segment);
    if (const Status freed = state.store->drop_events_of(segment); !freed) warn(freed.error());
    return {};
  }
  // What is left of the directory when the log closes or is too busy, the next opening removes.
  const auto forgotten = [warn](const Result<Outcome>& done) {
    if (done || done.error().code == Code::closed || done.error().code == Code::busy) return;
    warn(done.error());
  };
  if (!passed.empty()) {
    parts_->submit({.request = forget_passed(), .done = forgotten, .bytes = kOperationBytes});
  }
  for (uint64_t i = 0; i < stripes; ++i) {
    parts_->submit({.request = ForgetStripe{first_stripe(segment) + i},
                    .done = forgotten,
                    .bytes = kOperationBytes});
  }
  const auto next = std::next(segments.begin());
  const SegmentId first_live = next == segments.end() ? segment + 1 : next->first;
  state.store->set_first_live(first_live);
  if (const Status freed = state.store->drop_events_below(first_live); !freed) warn(freed.error());
  return {};
}

}  // namespace strandline
