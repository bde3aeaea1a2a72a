#include "engine/state/segments.h"

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {

void CollectedSegments::clear() {
  records.clear();
  dropped.clear();
  entered.clear();
}

Status Segments::load(Loading& loading) {
  std::lock_guard lock(mutex_);
  StoreIterator it = loading.log.store->iterate(Family::segments);
  const std::string end(1, static_cast<char>(KeyKind::where));
  for (it.seek_to_first(); it.valid() && it.key() < end; it.next()) {
    SegmentRecord record;
    if (it.key().size() != 9 || !decode(it.value(), record)) {
      return fail(Code::corrupt, "a record of the segments family does not parse");
    }
    const SegmentId id(get_be64(it.key(), 1));
    segments_[id] = record;
    if (!record.sealed) open = Open{id, record};
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  return {};
}

std::map<SegmentId, SegmentRecord> Segments::list() const {
  std::lock_guard lock(mutex_);
  return segments_;
}

void Segments::enter(CommitGroup& group, Stream& stream, uint64_t first, Sequence sequence) {
  if (!open) {
    open = Open{SegmentId(1), {.created_us = group.stored.us, .first_sequence = sequence.value}};
    group.of(*this).records.emplace_back(open->id, open->record);
  }
  const uint64_t stripe = open->stripe().value;
  if (stream.assigned.stripe == stripe) return;
  stream.assigned.stripe = stripe;
  group.of(*this).entered.push_back({stream.id, first});
}

SegmentId Segments::roll(CommitGroup& group, const StateRecord& log) {
  const Open sealed{open->id,
                    {.sealed = 1,
                     .created_us = open->record.created_us,
                     .first_sequence = open->record.first_sequence,
                     .next_sequence = log.next,
                     .bytes_before = open->record.bytes_before,
                     .bytes = log.bytes - open->record.bytes_before,
                     .stripes = open->record.stripes,
                     .stripe_bytes_before = open->record.stripe_bytes_before}};
  open = Open{sealed.id + 1,
              {.created_us = group.stored.us,
               .first_sequence = log.next,
               .bytes_before = log.bytes,
               .stripe_bytes_before = log.bytes}};
  for (const Open& segment : {sealed, *open}) {
    group.of(*this).records.emplace_back(segment.id, segment.record);
  }
  // A sealed segment's events go to table files of their own, so that it can be dropped whole.
  // Small ones share theirs until they are compacted: a flush for each would cost more than it
  // holds, and leave RocksDB more files than it can merge.
  if (sealed.record.bytes >= kFlushBytes) group.flush = true;
  return sealed.id;
}

void Segments::next_stripe(CommitGroup& group, const StateRecord& log) {
  ++open->record.stripes;
  open->record.stripe_bytes_before = log.bytes;
  group.of(*this).records.emplace_back(open->id, open->record);
}

void Segments::drop(CommitGroup& group, SegmentId segment) {
  group.of(*this).dropped.push_back(segment);
}

void Segments::stage(CommitGroup& group, const Store& store) {
  const CollectedSegments& collected = group.of(*this);
  for (const auto& [segment, record] : collected.records) {
    group.changes.put(Family::segments, key_of(KeyKind::segment, segment.value), encode(record));
  }
  for (const auto& [stream, first] : collected.entered) {
    const uint64_t stripe = open->stripe().value;
    group.changes.put(Family::segments, key_of(KeyKind::where, stream.value, first), be64(stripe));
    group.changes.put(Family::segments, key_of(KeyKind::holds, stripe, stream.value), be64(first));
  }
  for (const SegmentId segment : collected.dropped) {
    group.changes.erase(Family::segments, key_of(KeyKind::segment, segment.value));
    // What is dropped must be in files by then.
    if (store.may_be_in_memory(segment)) group.flush = true;
  }
}

void Segments::publish(CommitGroup& group) {
  const CollectedSegments& collected = group.of(*this);
  if (collected.records.empty() && collected.dropped.empty()) return;
  std::lock_guard lock(mutex_);
  for (const auto& [segment, record] : collected.records) segments_[segment] = record;
  for (const SegmentId segment : collected.dropped) segments_.erase(segment);
}

Status forget_stripe(const Store& store, StripeId stripe, Changes& changes) {
  StoreIterator it = store.iterate(Family::segments);
  const std::string prefix = key_of(KeyKind::holds, stripe.value);
  for (it.seek(prefix); it.valid() && it.key().starts_with(prefix); it.next()) {
    changes.erase(Family::segments, it.key());
    changes.erase(Family::segments,
                  key_of(KeyKind::where, get_be64(it.key(), 9), get_be64(it.value(), 0)));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  return {};
}

namespace {

// The same as find_extent, from the events themselves: where the directory of extents is damaged.
Result<std::optional<Extent>> walk_extents(const Store& store, StreamId stream, Offset offset) {
  StoreIterator it = store.iterate(Family::events);
  std::optional<Extent> covering;
  EventKey key;
  const auto seek = [&](const EventKey& to) {
    it.seek(encode(to));
    return it.valid() && decode(it.key(), key);
  };
  for (StripeId stripe(0); seek({stripe, StreamId(0), Offset(0)}); stripe = stripe + 1) {
    stripe = key.stripe;
    if (!seek({stripe, stream, Offset(0)})) {
      if (it.damage()) break;
      continue;
    }
    if (key.stripe != stripe || key.stream != stream) continue;
    if (key.first > offset) {
      if (!covering) return Extent{stripe, key.first, std::nullopt};
      covering->next = key.first;
      return covering;
    }
    covering = Extent{stripe, key.first, std::nullopt};
  }
  if (auto damage = it.damage()) {
    return fail(it.io_failed() ? Code::io : Code::corrupt, "the events family: " + *damage);
  }
  return covering;
}

}  // namespace

Result<std::optional<Extent>> find_extent(const Store& store, StreamId stream, Offset offset) {
  StoreIterator it = store.iterate(Family::segments);
  const auto in_stream = [&] {
    return it.valid() && it.key().size() == 17 &&
           it.key()[0] == static_cast<char>(KeyKind::where) &&
           get_be64(it.key(), 1) == stream.value;
  };
  it.seek_for_prev(key_of(KeyKind::where, stream.value, offset.value));
  if (!in_stream() && !it.damage()) it.seek(key_of(KeyKind::where, stream.value, offset.value));
  if (it.damage()) return walk_extents(store, stream, offset);
  if (!in_stream()) return std::nullopt;
  Extent extent{.stripe = StripeId(get_be64(it.value(), 0)),
                .first = Offset(get_be64(it.key(), 9)),
                .next = std::nullopt};
  it.next();
  if (in_stream()) extent.next = Offset(get_be64(it.key(), 9));
  if (it.damage()) return walk_extents(store, stream, offset);
  return extent;
}

}  // namespace strandline
