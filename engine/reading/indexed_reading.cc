#include "engine/reading/indexed_reading.h"

#include <algorithm>

#include "engine/reading/stream_cursor.h"

namespace strandline {
namespace {

constexpr size_t kLookAheadMax = 1'024;

}  // namespace

const Candidates* IndexedReading::of(StripeId stripe, bool onwards) {
  const auto find = [&]() -> const Candidates* {
    const auto at = std::ranges::lower_bound(ahead_, stripe, {}, &Candidates::stripe);
    return at != ahead_.end() && at->stripe == stripe ? &*at : nullptr;
  };
  if (const Candidates* known = find()) return known;
  uint64_t bytes = 0;
  if (onwards) {
    ahead_ = log_.index.find(filter_, stripe, StripeId(UINT64_MAX), look_ahead_, bytes);
    look_ahead_ = std::min(2 * look_ahead_, kLookAheadMax);
  } else {
    const StripeId from = std::max(first_stripe(segment_of(stripe)),
                                   StripeId(stripe.value - std::min(stripe.value, kLookAheadMin)));
    ahead_ = log_.index.find(filter_, from, stripe, kLookAheadMax, bytes);
    // There may be a hole between.
    if (!find()) ahead_ = log_.index.find(filter_, stripe, stripe, 1, bytes);
  }
  count(bytes);
  return find();
}

const Candidates* IndexedReading::holding(Sequence sequence) const {
  const auto at = std::ranges::upper_bound(ahead_, sequence, {}, &Candidates::next);
  return at != ahead_.end() && at->first <= sequence ? &*at : nullptr;
}

std::optional<FoundParts> IndexedReading::fetch(const Candidates& candidates,
                                                const Includes& includes) const {
  return fetch(candidates, std::nullopt, includes);
}

std::optional<FoundParts> IndexedReading::fetch(const Candidates& candidates,
                                                StreamId stream) const {
  return fetch(candidates, stream, nullptr);
}

std::optional<FoundParts> IndexedReading::fetch(const Candidates& candidates,
                                                std::optional<StreamId> only,
                                                const Includes& includes) const {
  uint64_t bytes = 0;
  const auto chunks = log_.index.chunks_of(candidates.stripe, bytes);
  count(bytes);
  if (!chunks) return std::nullopt;
  // Of several terms together it may be most of the stripe, which others read too.
  if (!only && candidates.chunks.size() * 4 > chunks->size()) return std::nullopt;
  FoundParts found;
  StoreIterator it = log_.store->iterate(Family::events);
  for (const uint32_t chunk : candidates.chunks) {
    if (chunk >= chunks->size()) return std::nullopt;
    const bool last = chunk + 1 == chunks->size();
    if (only &&
        ((*chunks)[chunk].stream > *only || (!last && (*chunks)[chunk + 1].stream < *only))) {
      continue;
    }
    if (!fetch_chunk(candidates.stripe, *chunks, chunk, only, includes, it, found)) {
      return std::nullopt;
    }
  }
  std::ranges::sort(found.entries_, {},
                    [](const FoundParts::Entry& entry) { return entry.part.sequence; });
  return found;
}

// False where it does not hold the batches that the index was made of.
bool IndexedReading::fetch_chunk(StripeId stripe, const IndexChunks& chunks, uint32_t chunk,
                                 std::optional<StreamId> only, const Includes& includes,
                                 StoreIterator& it, FoundParts& found) const {
  const auto begin = [&](uint32_t i) {
    return EventKey{stripe, chunks[i].stream, chunks[i].first};
  };
  const EventKey end =
      chunk + 1 < chunks.size() ? begin(chunk + 1) : EventKey{stripe + 1, kLogStream, Offset(0)};
  EventKey key;
  std::string value;  // a FlatBuffer is aligned here, and need not be in the store's own memory
  uint32_t batches = 0;
  for (it.seek(encode(begin(chunk))); it.valid() && decode(it.key(), key) && key < end; it.next()) {
    ++batches;
    if (StoredBatch::check(key, it.value())) return false;
    log_.counters.store_batches_read.fetch_add(1, std::memory_order_relaxed);
    log_.counters.store_bytes_read.fetch_add(it.value().size(), std::memory_order_relaxed);
    if (only && key.stream != *only) continue;
    const Stream* stream = log_.streams.find(key.stream);
    if (!stream || (includes && !includes(*stream))) continue;
    std::optional<StoredBatch> kept;
    value.assign(it.value());
    StoredBatch batch(key.stream, value);
    for (Part part = batch.first_part();; part = batch.part_after(part)) {
      bool matches = false;
      for (uint32_t i = 0; i < part.count && !matches; ++i) matches = takes(filter_, part, i);
      if (matches && !kept) {
        found.values_.emplace_back(value);
        found.bytes_ += value.size();
        kept.emplace(key.stream, found.values_.back());
      }
      if (matches) {
        found.entries_.push_back(
            {key.stream, kept->head().stored, kept->part_covering(part.first)});
      }
      if (part.first + part.count == batch.next()) break;
    }
  }
  return batches == chunks[chunk].batches && (it.valid() || !it.damage());
}

void IndexedReading::count(uint64_t bytes) const {
  log_.counters.index_bytes_read.fetch_add(bytes, std::memory_order_relaxed);
}

}  // namespace strandline
