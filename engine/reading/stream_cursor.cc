#include "engine/reading/stream_cursor.h"

#include <algorithm>
#include <ranges>
#include <utility>

#include "engine/base/mutation.h"

namespace strandline {
namespace {

// A cursor asks the index where it has so many events before it, at least.
constexpr uint64_t kIndexedMin = 1'000;
// What a cursor keeps of what the index found while it rests.
constexpr size_t kFoundInStreamAtRestBytes = 256 << 10;
// What passing over a stripe by the index counts as, in bytes that were scanned.
constexpr uint64_t kStripePassedBytes = 4'096;
// How much a filtered read scans without a match before it says where it is.
constexpr uint64_t kStreamScanBytes = 1 << 20;

Events run_of(const Stream& stream, const Part& part, Timestamp stored, uint32_t skip,
              uint32_t count, bool backward) {
  return Events(stream.name, part.flatbuffer, part.count, skip, count, part.first + skip,
                part.sequence + skip, stored, backward);
}

}  // namespace

bool takes(const EventFilter& filter, const Part& part, uint32_t i) {
  const auto* root = flatbuffers::GetRoot<schema::Batch>(part.flatbuffer.data());
  const auto* event = root->events()->Get(i);
  const auto view = [](const flatbuffers::String* text) {
    return text ? std::string_view(text->c_str(), text->size()) : std::string_view();
  };
  return filter.matches(view(event->type()), view(event->subject()));
}

bool FoundInStream::ask(const LogState& log, const Stream& stream, IndexedReading& index,
                        Offset offset, bool onwards) {
  if (!index.filters() || (offset >= begin_ && offset < end_)) return parts_.has_value();
  drop();
  const Offset start = stream.start(), tail = stream.tail();
  if ((onwards ? tail - offset : offset - start) < kIndexedMin) return false;
  const auto extent = find_extent(log, stream, offset);
  if (!extent || !*extent || (*extent)->first > offset) return false;
  begin_ = (*extent)->first;
  end_ = std::min((*extent)->next.value_or(tail), tail);
  const Candidates* stripe = index.of((*extent)->stripe, onwards);
  if (!stripe || stripe->where == Candidates::Where::everywhere) return false;
  if (stripe->where == Candidates::Where::nowhere) {
    parts_.emplace();
  } else {
    parts_ = index.fetch(*stripe, stream.id);
  }
  return parts_.has_value();
}

void FoundInStream::rest() {
  if (!parts_ || parts_->bytes() <= kFoundInStreamAtRestBytes) return;
  parts_.reset();
  end_ = begin_;
}

size_t FoundInStream::part_behind(Offset offset) const {
  const auto all = std::views::iota(size_t{0}, parts_->size());
  const auto ends = [&](size_t i) {
    const Part& part = (*parts_)[i].part;
    return part.first + part.count <= offset;
  };
  return *std::ranges::partition_point(all, ends);
}

Part FoundInStream::part(size_t i, Bounds& left) {
  Part part = (*parts_)[i].part;
  if (copied_ != part.first) {
    copy_.assign(part.flatbuffer);
    copied_ = part.first;
    left.bytes -= std::min<uint64_t>(left.bytes, copy_.size());
  }
  part.flatbuffer = copy_;
  return part;
}

Result<std::optional<Delivery>> StreamCursor::next() {
  uint64_t scanned = 0;
  needs_disk_ = false;
  while (true) {
    if (left_.events == 0) return std::nullopt;
    if (const Offset start = stream_.start(); position_ < start) {
      Gap gap{std::string(stream_.name), position_.value, start.value, stream_.gap_reason(), {}};
      position_ = start;
      part_.reset();
      return gap;
    }
    if (position_ >= stream_.tail()) return moved();
    if (found_.holds(position_)) {
      if (left_.bytes == 0) return moved();
      if (auto delivery = next_found()) return delivery;
      scanned += kStripePassedBytes;
      if (scanned >= kStreamScanBytes) return moved();
      continue;
    }
    if (!part_ || position_ >= part_->first + part_->count || !reader_.holds(position_)) {
      if (!reader_.holds(position_)) {
        if (left_.bytes == 0) return moved();
        const bool in_memory = reader_.load_from_memory(position_);
        needs_disk_ = stays_in_memory_ && !in_memory;
        if (needs_disk_) return moved();
        if (!in_memory && found_.ask(log_, stream_, index_, position_, true)) {
          part_.reset();
          continue;
        }
        if (auto damage = reader_.load(position_)) {
          // What is below the start now was dropped while it was looked for.
          if (position_ < stream_.start()) continue;
          if (mutated(Mutation::no_contiguity_check)) {
            position_ = damage->to;
            continue;
          }
          if (damage->passing && left_.io_fails) {
            return fail(Code::io, std::move(damage->detail));
          }
          Gap gap{std::string(stream_.name), position_.value, damage->to.value, GapReason::damaged,
                  std::move(damage->detail)};
          position_ = damage->to;
          part_.reset();
          return gap;
        }
        const uint64_t bytes = reader_.batch().value().size();
        left_.bytes -= std::min(left_.bytes, bytes);
        scanned += bytes;
        part_ = reader_.batch().part_covering(position_);
      } else {
        // On to the batch's next part; or to wherever the position is, after a gap.
        part_ = part_ && position_ == part_->first + part_->count
                    ? reader_.batch().part_after(*part_)
                    : reader_.batch().part_covering(position_);
      }
    }
    if (auto delivery = next_in(*part_, reader_.batch().head().stored)) return delivery;
    moved_ = true;
    if (scanned >= kStreamScanBytes) return moved();
  }
}

// Nothing more for now; but a word first if the filter has left something out since the last.
std::optional<Delivery> StreamCursor::moved() {
  if (!std::exchange(moved_, false)) return std::nullopt;
  return Moved{};
}

// The next matching run of what the index found; nothing where the position moved on only.
std::optional<Delivery> StreamCursor::next_found() {
  for (size_t i = found_.part_behind(position_); i < found_.parts(); ++i) {
    const Part part = found_.part(i, left_);
    moved_ |= position_ < part.first;
    position_ = std::max(position_, part.first);
    if (auto delivery = next_in(part, found_.stored(i))) return delivery;
  }
  position_ = found_.end();
  moved_ = true;
  return std::nullopt;
}

// The next matching run of the part, from the position on; nothing if there is none.
std::optional<Delivery> StreamCursor::next_in(const Part& part, Timestamp stored) {
  uint32_t skip = static_cast<uint32_t>(position_ - part.first);
  uint32_t end = part.count;
  if (index_.filters()) {
    while (skip < end && !takes(index_.filter(), part, skip)) ++skip;
    uint32_t last = skip;
    while (last < end && takes(index_.filter(), part, last)) ++last;
    position_ = part.first + skip;
    if (skip == end) return std::nullopt;
    end = last;
  }
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(end - skip, left_.events));
  left_.events -= count;
  moved_ = false;
  position_ = part.first + skip + count;
  return run_of(stream_, part, stored, skip, count, false);
}

Lag StreamCursor::lag() {
  const Offset tail = stream_.tail();
  const Offset at = std::max(position_, stream_.start());
  if (at >= tail) return {0, 0};
  const uint64_t bytes = stream_.bytes();
  if (reader_.holds(at)) {
    return {tail - at, bytes - std::min(bytes, reader_.batch().head().bytes_before)};
  }
  BatchReader reader(log_, stream_);
  if (reader.load(at)) return {tail - at, 0};
  return {tail - at, bytes - std::min(bytes, reader.batch().head().bytes_before)};
}

bool StreamCursor::near_tail() const {
  return reader_.holds(position_) || log_.batch_cache.find(stream_.id, position_) != nullptr;
}

Result<std::optional<Delivery>> BackwardCursor::next() {
  uint64_t scanned = 0;
  while (true) {
    const Offset start = stream_.start();
    if (left_.events == 0 || position_ <= start) return std::nullopt;
    const Offset last = position_ - 1;
    if (!reader_.holds(last)) {
      if (left_.bytes == 0) return std::nullopt;
      if (!reader_.load_from_memory(last) && found_.ask(log_, stream_, index_, last, false)) {
        if (auto delivery = next_found(start)) return delivery;
        scanned += kStripePassedBytes;
        if (scanned >= kStreamScanBytes) return Moved{};
        continue;
      }
      if (auto damage = reader_.load(last)) {
        if (last < stream_.start()) continue;
        const Offset from = reader_.damage_begin(last, start);
        Gap gap{std::string(stream_.name), from.value, position_.value, GapReason::damaged,
                std::move(damage->detail)};
        position_ = from;
        return gap;
      }
      const uint64_t bytes = reader_.batch().value().size();
      left_.bytes -= std::min(left_.bytes, bytes);
      scanned += bytes;
    }
    const Part part = reader_.batch().part_covering(last);
    if (auto delivery = next_in(part, reader_.batch().head().stored, start)) return delivery;
    if (scanned >= kStreamScanBytes) return Moved{};
  }
}

std::optional<Delivery> BackwardCursor::next_in(const Part& part, Timestamp stored, Offset start) {
  const uint32_t low = start > part.first ? static_cast<uint32_t>(start - part.first) : 0;
  uint32_t end = static_cast<uint32_t>(position_ - part.first);
  uint32_t begin = low;
  if (index_.filters()) {
    while (end > low && !takes(index_.filter(), part, end - 1)) --end;
    begin = end;
    while (begin > low && takes(index_.filter(), part, begin - 1)) --begin;
  }
  if (begin == end) {
    position_ = part.first + low;
    return std::nullopt;
  }
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(end - begin, left_.events));
  left_.events -= count;
  position_ = part.first + (end - count);
  return run_of(stream_, part, stored, end - count, count, true);
}

std::optional<Delivery> BackwardCursor::next_found(Offset start) {
  const size_t around = found_.part_behind(position_ - 1);
  for (size_t i = std::min(around + 1, found_.parts()); i-- > 0;) {
    const Part part = found_.part(i, left_);
    if (part.first >= position_) continue;
    if (part.first + part.count <= start) break;
    position_ = std::min(position_, part.first + part.count);
    if (auto delivery = next_in(part, found_.stored(i), start)) return delivery;
  }
  position_ = std::max(found_.begin(), start);
  return std::nullopt;
}

Offset find_time(const LogState& log, const Stream& stream, Timestamp moment) {
  Offset low = stream.start();
  Offset high = stream.tail();
  BatchReader reader(log, stream);
  // Stored-at never decreases, so the batches are sorted by it.
  while (low < high) {
    const Offset middle = low + (high - low) / 2;
    if (auto damage = reader.load(middle)) {
      // It says nothing; what comes after it does. Not to be passed over, though, if all of that
      // was stored later.
      if (damage->to >= high || reader.load(damage->to) || reader.batch().head().stored >= moment) {
        high = middle;
      } else {
        low = damage->to;
      }
    } else if (reader.batch().head().stored >= moment) {
      high = std::max(low, reader.batch().first());
    } else {
      low = reader.batch().next();
    }
  }
  return std::min(low, stream.tail());
}

}  // namespace strandline
