#include "engine/opening/cut_off_drops.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "engine/format/extent_run.h"
#include "engine/writing/segment_ends.h"

namespace strandline {
namespace {

Status forget_segments_below(Store& store, SegmentId first_live) {
  while (true) {
    StoreIterator it = store.iterate(Family::segments);
    it.seek(std::string(1, static_cast<char>(KeyKind::stripe)));
    if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
    const char kind = static_cast<char>(KeyKind::stripe);
    if (!it.valid() || it.key().size() != 9 || it.key()[0] != kind) return {};
    const StripeId stripe(get_be64(it.key(), 1));
    if (segment_of(stripe) >= first_live) return {};
    Changes changes = store.changes();
    if (auto ok = forget_stripe(store, stripe, changes); !ok) return ok;
    if (auto ok = store.write(std::move(changes)); !ok) return ok;
  }
}

// Leaves the holes of a segment that was dropped between others, as far as a crash cut that off: it
// has records of stripes still.
Status leave_holes(LogState& state, SegmentId segment) {
  Store& store = *state.store;
  std::map<StreamId, StreamEnd> ends;
  std::vector<std::string> keys;
  StoreIterator it = store.iterate(Family::segments);
  const std::string last = stripe_key(first_stripe(segment + 1));
  for (it.seek(stripe_key(first_stripe(segment))); it.valid() && it.key() < last; it.next()) {
    keys.emplace_back(it.key());
    StripeRecord record;
    if (!decode(it.value(), record)) continue;
    for (const StripeEntry& entry : record.entries) {
      const auto [at, fresh] = ends.try_emplace(entry.stream);
      const Offset first = fresh ? entry.first : std::min(at->second.first, entry.first);
      at->second = {entry.stream, first, entry.next, entry.bytes, entry.last_stored_us};
    }
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  if (keys.empty()) return {};
  Changes changes = store.changes();
  for (const auto& [id, end] : ends) {
    const Stream* stream = state.streams.find(id);
    const std::string key = encode(WhereKey{id, end.first});
    if (!stream || stream->assigned.start >= end.end.value) {
      changes.erase(Family::segments, key);
    } else {
      changes.put(Family::segments, key, encode(hole_of(segment, end)));
    }
  }
  for (const std::string& key : keys) changes.erase(Family::segments, key);
  return store.write(std::move(changes));
}

}  // namespace

Status finish_drops(LogState& state) {
  const auto segments = state.segments.list();
  const SegmentId first_live = segments.begin()->first;
  state.store->set_first_live(first_live);
  Status freed = forget_segments_below(*state.store, first_live);
  if (freed) freed = state.store->drop_events_below(first_live);
  for (SegmentId id = first_live; freed && id < segments.rbegin()->first; id = id + 1) {
    if (segments.contains(id)) continue;
    state.store->set_dropped(id);
    freed = leave_holes(state, id);
    if (freed) freed = state.store->drop_events_of(id);
  }
  return freed;
}

}  // namespace strandline
