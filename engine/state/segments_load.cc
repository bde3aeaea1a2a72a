// What a log's segments say when it opens: which there are; and, of those that are not filed, what
// became of their streams.
#include <fmt/format.h>

#include <algorithm>

#include "engine/format/extent_run.h"
#include "engine/state/log_state.h"
#include "engine/state/stripe_survey.h"
#include "engine/state/verification.h"

namespace strandline {
namespace {

std::string place_of(StripeId stripe) {
  return fmt::format("segment {}, stripe {}", segment_of(stripe).value, number_in_segment(stripe));
}

// Nothing: it is not there, or does not parse.
Result<std::optional<StripeRecord>> stored_record(const Store& store, StripeId stripe) {
  auto value = store.get(Family::segments, stripe_key(stripe));
  if (!value) return std::unexpected(std::move(value.error()));
  StripeRecord record;
  if (!*value || !decode(**value, record) || record.stripe != stripe) return std::nullopt;
  return record;
}

// The sequence at which a stripe begins, as the log's own records say; nothing: they cannot be
// read.
std::optional<Sequence> begin_of(const Store& store, StripeId stripe) {
  StoreIterator it = store.iterate(Family::events);
  EventKey key;
  it.seek(encode(EventKey{stripe, kLogStream, Offset(0)}));
  const bool there = it.valid() && decode(it.key(), key) && key.stripe == stripe;
  if (!there || key.stream != kLogStream) return std::nullopt;
  return Sequence(key.first.value);
}

// What both say, each of what it knows.
void merge(StripeRecord& record, const StripeRecord& other) {
  std::vector<StripeEntry> both;
  both.reserve(std::max(record.entries.size(), other.entries.size()));
  auto left = record.entries.begin();
  auto right = other.entries.begin();
  while (left != record.entries.end() || right != other.entries.end()) {
    if (right == other.entries.end() ||
        (left != record.entries.end() && left->stream < right->stream)) {
      both.push_back(*left++);
    } else if (left == record.entries.end() || right->stream < left->stream) {
      both.push_back(*right++);
    } else {
      both.push_back({left->stream, std::min(left->first, right->first),
                      std::max(left->next, right->next), std::max(left->bytes, right->bytes),
                      std::max(left->last_stored_us, right->last_stored_us)});
      ++left, ++right;
    }
  }
  record.entries = std::move(both);
}

}  // namespace

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

Status Segments::catch_up(Loading& loading) {
  std::vector<StripeListPointer> lists;
  Sequence begin;  // of the open stripe
  for (const auto& [id, segment] : segments_) {
    if (segment.filed) continue;
    std::vector<StripeListPointer> of_segment;
    begin = Sequence(segment.first_sequence);
    const uint64_t sealed = segment.sealed ? segment.stripes : segment.stripes - 1;
    for (uint64_t i = 0; i < sealed; ++i) {
      const auto record = record_of(*loading.log.store, {id, segment, i}, begin, loading.lenient);
      if (!record) return std::unexpected(record.error());
      if (auto ok = catch_up_with(loading, *record); !ok) return ok;
      begin = std::max(begin, record->next);
      of_segment.push_back(std::make_shared<const StripeList>(*record));
    }
    lists.insert(lists.end(), of_segment.begin(), of_segment.end());
    if (segment.sealed) {
      to_file_.push_back({id, segment, std::move(of_segment)});
    } else {
      sealed_ = std::move(of_segment);
    }
  }
  unfiled_.store(std::make_shared<const std::vector<StripeListPointer>>(std::move(lists)));
  return open ? catch_up_open(loading, open->stripe(), begin) : Status();
}

// Of each stream what is furthest.
Status Segments::catch_up_with(Loading& loading, const StripeRecord& record) {
  for (const StripeEntry& entry : record.entries) {
    Stream* stream = loading.log.streams.find(entry.stream);
    if (!stream) {
      if (loading.lenient) continue;
      return fail(Code::corrupt, fmt::format("{} holds stream {}, of which there is no record",
                                             place_of(record.stripe), entry.stream.value));
    }
    StateRecord& state = stream->assigned;
    if (stream->id != kLogStream) {
      state.next = std::max(state.next, entry.next.value);
      state.bytes = std::max(state.bytes, entry.bytes);
      state.last_stored_us = std::max(state.last_stored_us, entry.last_stored_us);
    }
    stream->publish(state);
    stream->publish_extent(record.stripe, entry.first);
  }
  return {};
}

// The open stripe's record is as old as the last flush, or the log's end. What came since is read.
Status Segments::catch_up_open(Loading& loading, StripeId stripe, Sequence begin) {
  Store& store = *loading.log.store;
  const Sequence tail(loading.log.streams.log().assigned.next);
  auto stored = stored_record(store, stripe);
  if (!stored) return std::unexpected(std::move(stored.error()));
  StripeRecord record = std::move(*stored).value_or(StripeRecord{.stripe = stripe});
  kept_ = record.next;
  if (record.next < tail) {
    const StripeSurvey found = survey(store, stripe);
    if (!found.covers(std::max(begin, record.next), tail) && !loading.lenient) {
      return fail(Code::corrupt,
                  fmt::format("{}: which offsets its events were given cannot be told: {}",
                              place_of(stripe), found.damage.value_or("events are missing")));
    }
    merge(record, found.record);
    record.next = tail;
    const bool owner = loading.log.options.mode == Options::Mode::owner;
    if (loading.lenient && owner) {
      // What was accepted to be lost is not asked for again.
      Changes changes = store.changes();
      changes.put(Family::segments, stripe_key(stripe), encode(record));
      if (auto ok = store.write(std::move(changes)); !ok) return ok;
      // The next opening relies on it.
      if (auto ok = store.sync(); !ok) return ok;
      kept_ = tail;
    }
    flushes_ = UINT64_MAX;  // and what was read is kept with the next group
  }
  if (auto ok = catch_up_with(loading, record); !ok) return ok;
  for (const StripeEntry& entry : record.entries) {
    Stream* stream = loading.log.streams.find(entry.stream);
    if (!stream) continue;
    stream->assigned.entered = turn_;
    entered_.emplace_back(stream, entry.first);
  }
  return {};
}

void Segments::verify(Verification& verification) const {
  for (const auto& [id, segment] : list()) {
    if (!segment.sealed) continue;
    for (uint64_t i = 0; i < segment.stripes; ++i) {
      const StripeId stripe = first_stripe(id) + i;
      const auto record = stored_record(*log_.store, stripe);
      if (!record) {
        verification.find(place_of(stripe), record.error().message);
      } else if (!*record && list().contains(id)) {
        verification.find(place_of(stripe), "the record of its streams is missing or damaged");
      }
    }
  }
}

Result<StripeRecord> record_of(const Store& store, const SealedStripe& sealed, Sequence begin,
                               bool lenient) {
  const StripeId stripe = first_stripe(sealed.segment) + sealed.number;
  auto stored = stored_record(store, stripe);
  if (stored && *stored) return std::move(**stored);
  if (!stored && stored.error().code != Code::corrupt) return std::unexpected(stored.error());
  StripeSurvey found = survey(store, stripe);
  if (lenient) return std::move(found.record);
  const bool last = sealed.record.sealed && sealed.number + 1 == sealed.record.stripes;
  const auto end =
      last ? std::optional(Sequence(sealed.record.next_sequence)) : begin_of(store, stripe + 1);
  // A stream that is not seen would be given its offsets again.
  if (!end || !found.covers(begin, *end)) {
    return fail(Code::corrupt,
                fmt::format("{}: the record of its streams cannot be read, nor can all of its "
                            "events: {}",
                            place_of(stripe), found.damage.value_or("events are missing")));
  }
  return std::move(found.record);
}

Status forget_stripe(const Store& store, StripeId stripe, Changes& changes) {
  auto record = stored_record(store, stripe);
  if (!record) return std::unexpected(std::move(record.error()));
  if (*record) {
    for (const StripeEntry& entry : (*record)->entries) {
      changes.erase(Family::segments, encode(WhereKey{entry.stream, entry.first}));
    }
  }
  changes.erase(Family::segments, stripe_key(stripe));
  return {};
}

}  // namespace strandline
