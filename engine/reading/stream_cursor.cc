#include "engine/reading/stream_cursor.h"

#include <algorithm>
#include <utility>

#include "engine/base/mutation.h"

namespace strandline {
namespace {

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
    if (!part_ || position_ >= part_->first + part_->count || !reader_.holds(position_)) {
      if (!reader_.holds(position_)) {
        if (left_.bytes == 0) return moved();
        needs_disk_ = stays_in_memory_ && !reader_.load_from_memory(position_);
        if (needs_disk_) return moved();
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

// The next matching run of the part, from the position on; nothing if there is none.
std::optional<Delivery> StreamCursor::next_in(const Part& part, Timestamp stored) {
  uint32_t skip = static_cast<uint32_t>(position_ - part.first);
  uint32_t end = part.count;
  if (!filter_.empty()) {
    while (skip < end && !takes(filter_, part, skip)) ++skip;
    uint32_t last = skip;
    while (last < end && takes(filter_, part, last)) ++last;
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
    const uint32_t low = start > part.first ? static_cast<uint32_t>(start - part.first) : 0;
    uint32_t end = static_cast<uint32_t>(position_ - part.first);
    uint32_t begin = low;
    if (!filter_.empty()) {
      while (end > low && !takes(filter_, part, end - 1)) --end;
      begin = end;
      while (begin > low && takes(filter_, part, begin - 1)) --begin;
    }
    if (begin < end) {
      const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(end - begin, left_.events));
      left_.events -= count;
      position_ = part.first + (end - count);
      return run_of(stream_, part, reader_.batch().head().stored, end - count, count, true);
    }
    position_ = part.first + low;
    if (scanned >= kStreamScanBytes) return Moved{};
  }
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
