#include "engine/writing/segment_ends.h"

#include <fmt/format.h>

#include <map>

#include "engine/reading/batch_reader.h"

namespace strandline {
namespace {

struct Held {
  const Stream* stream;
  Offset first;  // in the stripe
  Offset tail;   // when it was looked at
};

// Of every stream, its part in the last of the segment's stripes that hold any of it.
Result<std::vector<Held>> held_by(const LogState& log, SegmentId segment) {
  std::map<StreamId, Offset> last;
  StoreIterator it = log.store->iterate(Family::segments);
  const std::string end = key_of(KeyKind::holds, first_stripe(segment + 1).value);
  it.seek(key_of(KeyKind::holds, first_stripe(segment).value));
  for (; it.valid() && it.key() < end; it.next()) {
    last[StreamId(get_be64(it.key(), 9))] = Offset(get_be64(it.value(), 0));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  std::vector<Held> held;
  for (const auto& [id, first] : last) {
    const Stream* stream = log.streams.find(id);
    if (!stream) return fail(Code::corrupt, fmt::format("a segment names stream {}", id.value));
    held.push_back({stream, first, stream->tail()});
  }
  return held;
}

// What stands in the stream before the batch that begins at `offset`, by a point look-up: an
// iterator would have to look into every file of level 0.
std::optional<uint64_t> bytes_before(const LogState& log, const EventKey& key) {
  if (const auto shared = log.batch_cache.find(key.stream, key.first)) {
    return shared->batch.head().bytes_before;
  }
  const auto value = log.store->get(Family::events, encode(key));
  if (!value || !*value || StoredBatch::check(key, **value)) return std::nullopt;
  return StoredBatch(key.stream, **value).head().bytes_before;
}

}  // namespace

Result<std::vector<StreamEnd>> segment_ends(const LogState& log, SegmentId segment) {
  auto held = held_by(log, segment);
  if (!held) return std::unexpected(std::move(held.error()));
  std::vector<StreamEnd> ends;
  // It sees what is there from here on, after the tails were read: a stream of which nothing is
  // seen behind the segment had its tail at the segment's end.
  StoreIterator extents = log.store->iterate(Family::segments);
  for (const auto& [stream, first, tail] : *held) {
    StreamEnd end{.stream = stream->id, .end = tail, .bytes_below = std::nullopt};
    const std::string own = key_of(KeyKind::where, stream->id.value, first.value);
    extents.seek(own);
    const bool found = extents.valid() && extents.key() == own;
    if (found) extents.next();
    if (!found || extents.damage()) {
      // The directory is damaged: the events themselves say.
      auto extent = find_extent(*log.store, stream->id, first);
      if (!extent) return std::unexpected(std::move(extent.error()));
      if (*extent && (*extent)->next) end.end = *(*extent)->next;
      extents = log.store->iterate(Family::segments);
    } else if (extents.valid() && extents.key().starts_with(std::string_view(own).substr(0, 9))) {
      const EventKey next{StripeId(get_be64(extents.value(), 0)), stream->id,
                          Offset(get_be64(extents.key(), 9))};
      end.end = next.first;
      if (next.first < tail && next.first > stream->start()) {
        end.bytes_below = bytes_before(log, next);
      }
    }
    ends.push_back(end);
  }
  return ends;
}

}  // namespace strandline
