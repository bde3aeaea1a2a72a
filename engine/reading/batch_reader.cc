#include "engine/reading/batch_reader.h"

#include <fmt/format.h>

namespace strandline {
namespace {

constexpr const char* kNotThere = "it is not in the store";

}  // namespace

bool BatchReader::load_from_memory(Offset offset) {
  if (holds(offset)) return true;
  auto shared = log_->batch_cache.find(stream_->id, offset);
  if (!shared) return false;
  log_->counters.cached_batches_read.fetch_add(1, std::memory_order_relaxed);
  rest();
  shared_ = std::move(shared);
  current_ = shared_->batch;
  return true;
}

std::optional<BatchReader::Damage> BatchReader::load(Offset offset) {
  if (load_from_memory(offset)) return std::nullopt;
  current_.reset();
  shared_.reset();
  if (iterator_ && !load_from_store(offset, false)) return std::nullopt;
  const auto wrong = load_from_store(offset, true);
  if (!wrong || (unreadable_ && load_by_scan(offset))) return std::nullopt;
  Damage damage = damage_at(offset, *wrong);
  damage.passing = io_failed_;
  return damage;
}

void BatchReader::rest() {
  iterator_.reset();
  extent_.reset();
}

void BatchReader::release() {
  rest();
  current_.reset();
  shared_.reset();
  std::string().swap(copy_);
}

std::optional<std::string> BatchReader::load_from_store(Offset offset, bool afresh) {
  if (afresh) {
    rest();
    auto extent = find_extent(*log_, *stream_, offset);
    io_failed_ = !extent && extent.error().code == Code::io;
    if (!extent) return extent.error().message;
    if (!*extent || (*extent)->first > offset) return "no stripe holds it";
    extent_ = **extent;
    iterator_.emplace(log_->store->iterate(Family::events));
  } else {
    // The usual case: the next batch is the iterator's next.
    if (iterator_->valid()) iterator_->next();
    EventKey key;
    if (iterator_->valid() && decode(iterator_->key(), key) && key.stream == stream_->id &&
        key.stripe == extent_->stripe && key.first == offset) {
      return take(offset);
    }
    if (offset < extent_->first || (extent_->next && offset >= *extent_->next)) return "elsewhere";
  }
  // Looking backwards, RocksDB reads the blocks beside the one it is asked for, so damage there
  // would count here. Looking forwards it does not: first for a batch that begins at the offset;
  // and last, if there is damage nearby, for the one around it.
  const std::string key = encode(EventKey{extent_->stripe, stream_->id, offset});
  iterator_->seek(key);
  auto damage = iterator_->damage();
  unreadable_ = damage.has_value();
  io_failed_ = iterator_->io_failed();
  if (iterator_->valid() && iterator_->key() == key) return take(offset);
  iterator_->seek_for_prev(key);
  if (!damage) damage = iterator_->damage();
  unreadable_ = damage.has_value();
  io_failed_ |= iterator_->io_failed();
  if (!iterator_->valid() && iterator_->damage() && !seek_around(offset)) return damage;
  auto wrong = take(offset);
  // It may well be in the block that could not be read: that one's file and place are told.
  return wrong == kNotThere && damage ? damage : wrong;
}

bool BatchReader::seek_around(Offset offset) {
  // The first key at or after `from`, if it is at or below the offset. A fresh iterator each time,
  // so that nothing is carried over from one that has met damage.
  EventKey key;
  const auto on_one_below = [&] {
    return iterator_->valid() && decode(iterator_->key(), key) && key.stream == stream_->id &&
           key.stripe == extent_->stripe && key.first <= offset;
  };
  const auto seek = [&](Offset from) {
    iterator_.emplace(log_->store->iterate(Family::events));
    iterator_->seek(encode(EventKey{extent_->stripe, stream_->id, from}));
    return on_one_below();
  };
  // Further and further down until a seek lands below, then forwards to the last that does: a
  // damaged block hides what is before it, too, up to the first key of the one before.
  for (uint64_t step = 1;; step *= 2) {
    const Offset probe = offset - extent_->first > step ? offset - step : extent_->first;
    if (seek(probe)) break;
    if (probe == extent_->first) return false;
  }
  Offset nearest;
  do {
    nearest = key.first;
    iterator_->next();
  } while (on_one_below());
  return seek(nearest);
}

std::optional<std::string> BatchReader::take(Offset offset) {
  if (!iterator_->valid()) return iterator_->damage().value_or(kNotThere);
  EventKey key;
  if (!decode(iterator_->key(), key) || key.stream != stream_->id ||
      key.stripe != extent_->stripe) {
    return kNotThere;
  }
  return take_value(key, iterator_->value(), offset);
}

std::optional<std::string> BatchReader::take_value(const EventKey& key, std::string_view value,
                                                   Offset offset) {
  if (auto wrong = StoredBatch::check(key, value)) return "stored batch: " + *wrong;
  copy_.assign(value);
  StoredBatch batch(stream_->id, copy_);
  if (!batch.covers(offset)) return kNotThere;
  current_ = batch;
  log_->counters.store_batches_read.fetch_add(1, std::memory_order_relaxed);
  log_->counters.store_bytes_read.fetch_add(copy_.size(), std::memory_order_relaxed);
  return std::nullopt;
}

bool BatchReader::load_by_scan(Offset offset) {
  if (!extent_) return false;
  const EventKey from{extent_->stripe, stream_->id, extent_->first};
  const EventKey to{extent_->stripe, stream_->id, offset};
  rest();
  for (const auto& table : log_->store->event_tables(from, to)) {
    const auto salvage = log_->salvages.of(table);
    const auto found = salvage ? salvage->at_or_below(to) : std::nullopt;
    if (found && found->key >= from && !take_value(found->key, found->value, offset)) return true;
  }
  return false;
}

std::optional<Offset> BatchReader::next_by_scan(const Extent& extent, Offset offset, Offset end) {
  const EventKey from{extent.stripe, stream_->id, offset};
  std::optional<Offset> next;
  for (const auto& table : log_->store->event_tables(from, {extent.stripe, stream_->id, end})) {
    const auto salvage = log_->salvages.of(table);
    const auto key = salvage ? salvage->at_or_above(from) : std::nullopt;
    if (!key || key->stripe != extent.stripe || key->stream != stream_->id || key->first >= end) {
      continue;
    }
    next = std::min(next.value_or(key->first), key->first);
  }
  return next;
}

BatchReader::Damage BatchReader::damage_at(Offset offset, std::string detail) {
  const Offset tail = stream_->tail();
  Offset at = offset;
  while (true) {
    auto extent = find_extent(*log_, *stream_, at);
    io_failed_ |= !extent && extent.error().code == Code::io;
    rest();
    if (!extent || !*extent) break;
    const Offset end = std::min((*extent)->next.value_or(tail), tail);
    detail = fmt::format("segment {}, stripe {}, stream {}, offset {}: {}",
                         segment_of((*extent)->stripe).value, number_in_segment((*extent)->stripe),
                         stream_->id.value, offset.value, detail);
    if ((*extent)->first > at) return {std::min((*extent)->first, tail), std::move(detail)};
    const auto readable = readable_after(**extent, at, end);
    const auto scanned =
        unreadable_ ? next_by_scan(**extent, at + 1, readable.value_or(end)) : std::nullopt;
    if (scanned || readable) return {scanned.value_or(readable.value_or(end)), std::move(detail)};
    if (end >= tail) break;
    // Nothing more of this extent can be read: the next one begins where it ends.
    return {end, std::move(detail)};
  }
  return {tail, std::move(detail)};
}

Offset BatchReader::damage_begin(Offset bad, Offset floor) {
  // Double the step downwards until something can be read, then come back batch by batch.
  for (uint64_t step = 1; bad > floor; step *= 2) {
    const Offset probe = bad - floor > step ? bad - step : floor;
    if (!load(probe)) {
      Offset next = batch().next();
      while (next < bad && !load(next)) next = batch().next();
      return std::min(next, bad);
    }
    if (probe == floor) break;
  }
  return floor;
}

std::optional<Offset> BatchReader::readable_after(const Extent& extent, Offset offset, Offset end) {
  enum class Found { readable, end, damage };
  Offset found;
  const auto look = [&](Offset from) {
    StoreIterator it = log_->store->iterate(Family::events);
    it.seek(encode(EventKey{extent.stripe, stream_->id, from}));
    if (!it.valid()) {
      io_failed_ |= it.io_failed();
      return it.damage() ? Found::damage : Found::end;
    }
    EventKey key;
    if (!decode(it.key(), key) || key.stream != stream_->id || key.stripe != extent.stripe ||
        key.first >= end) {
      return Found::end;
    }
    found = key.first;
    return Found::readable;
  };
  Offset low = offset + 1;
  Found result = look(low);
  if (result == Found::damage) {
    // A damaged block hides its keys. Double the step until a seek lands behind it, then halve the
    // distance back, so that no more than the block is given up.
    uint64_t step = 1;
    Offset high = low;
    while (result == Found::damage && high < end) {
      low = high;
      high = std::min(high + step, end);
      step *= 2;
      result = look(high);
    }
    if (result == Found::damage) return std::nullopt;
    while (high - low > 1) {
      const Offset middle = low + (high - low) / 2;
      const Found there = look(middle);
      if (there == Found::damage) {
        low = middle;
      } else {
        high = middle;
        result = there;
      }
    }
    result = look(high);
  }
  return result == Found::readable ? std::optional(found) : std::nullopt;
}

}  // namespace strandline
