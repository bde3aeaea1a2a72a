#include "engine/reading/log_cursor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/base/check.h"

namespace strandline {
namespace {

constexpr uint64_t kLogScanBytes = 1 << 20;
// Readers hold a copy of a batch each, and iterators while they are being read.
constexpr size_t kReadersMax = 256;
constexpr size_t kReadersBytesMax = 16 << 20;

// Batches that are fetched before a stripe is read instead: these take about as long. And how small
// they are, in events, for that to be worth it; and how many of the ranges are followed, at least.
constexpr uint32_t kFetchedMin = 1'000;
constexpr uint64_t kSmallBatchEvents = 16;
constexpr uint64_t kFollowedShare = 8;

// What a cursor keeps of what the index found while it rests.
constexpr size_t kFoundAtRestBytes = 256 << 10;
// What passing over a stripe by the index counts as, in bytes that were scanned.
constexpr uint64_t kLookUpBytes = 4'096;

Offset as_offset(Sequence sequence) { return Offset(sequence.value); }

}  // namespace

bool LogCursor::ready() const {
  const Stream& log = log_.streams.log();
  return as_offset(position_) < log.tail() || as_offset(position_) < log.start();
}

Result<std::optional<Delivery>> LogCursor::next() {
  scanned_ = 0;
  needs_disk_ = false;
  const Stream& log = log_.streams.log();
  while (true) {
    if (left_.events == 0) return std::nullopt;
    if (const Offset start = log.start(); as_offset(position_) < start) {
      Gap gap{"", position_.value, start.value, log.gap_reason(), {}};
      position_ = Sequence(start.value);
      current_.reset();
      return gap;
    }
    if (as_offset(position_) >= log.tail()) return moved();
    if (found_) {
      if (left_.bytes == 0) return moved();
      if (auto delivery = next_found()) {
        moved_ = false;
        return delivery;
      }
      if (moved_ && scanned_ >= kLogScanBytes) return moved();
      continue;
    }
    if (scan_) {
      if (left_.bytes == 0) return moved();
      if (auto delivery = next_in_scan()) {
        moved_ = false;
        return delivery;
      }
      if (moved_ && scanned_ >= kLogScanBytes) return moved();
      continue;
    }
    if (!records_.holds(as_offset(position_))) {
      auto gap = next_record();
      if (!gap || *gap) return gap;
      if (scan_ || found_) continue;
      if (needs_disk_) return moved();
      if (moved_ && scanned_ >= kLogScanBytes) return moved();
      if (!records_.holds(as_offset(position_))) {
        if (left_.bytes == 0) return moved();
        continue;
      }
    }
    if (!current_ || position_ >= current_->next()) find_range();
    ++ranges_;
    if (!current_->stream) {
      position_ = current_->next();
    } else if (auto delivery = next_in_range(); !delivery || *delivery) {
      moved_ = false;
      return delivery;
    }
    if (needs_disk_) return moved();
    moved_ = true;
    if (scanned_ >= kLogScanBytes) return moved();
  }
}

// Nothing more for now; but a word first if something was left out since the last.
std::optional<Delivery> LogCursor::moved() {
  if (!std::exchange(moved_, false)) return std::nullopt;
  return Moved{};
}

Result<std::optional<Delivery>> LogCursor::next_record() {
  current_.reset();
  range_index_ = 0;
  if (left_.bytes == 0) return std::nullopt;
  const bool in_memory = records_.load_from_memory(as_offset(position_));
  needs_disk_ = stays_in_memory_ && !in_memory;
  if (needs_disk_) return std::nullopt;
  if (!in_memory && ask_index()) return std::nullopt;
  if (!in_memory) find_scan();
  if (scan_) return std::nullopt;
  if (auto damage = records_.load(as_offset(position_))) {
    // What is below the start now was dropped while it was looked for: the caller sees that.
    if (as_offset(position_) < log_.streams.log().start()) return std::nullopt;
    if (damage->passing && left_.io_fails) return fail(Code::io, std::move(damage->detail));
    // What the record named may be in a scan all the same, but for what was damaged with it.
    const Sequence to = log_.stripe_scans.first_held(position_, Sequence(damage->to.value));
    if (to == position_) return std::nullopt;  // one that was read meanwhile
    Gap gap{"", position_.value, to.value, GapReason::damaged, std::move(damage->detail)};
    position_ = to;
    return gap;
  }
  scanned_ += records_.batch().value().size();
  return std::nullopt;
}

void LogCursor::find_range() {
  const StoredBatch& record = records_.batch();
  Sequence sequence = current_ ? current_->next() : record.head().sequence;
  if (current_) {
    ++range_index_;
  } else {
    range_index_ = 0;
  }
  for (;; ++range_index_) {
    CHECK_LT(range_index_, record.range_count());
    const Range range = record.range(range_index_);
    if (position_ < sequence + range.count) {
      Stream* stream = log_.streams.find(range.stream);
      current_ = Current{stream && follows(*stream) ? stream : nullptr, range, sequence};
      return;
    }
    sequence += range.count;
  }
}

// The next matching run of the current range, from the position on; nothing if there is none.
Result<std::optional<Delivery>> LogCursor::next_in_range() {
  const Stream& stream = *current_->stream;
  ++ranges_followed_;
  const Offset offset = current_->range.first() + (position_ - current_->sequence);
  const Offset range_end = current_->range.first() + current_->range.count;
  const auto gap_to = [&](Offset to, GapReason reason, std::string detail) {
    const Sequence from = position_;
    position_ = current_->sequence + (std::min(to, range_end) - current_->range.first());
    return Gap{std::string(stream.name), from.value, position_.value, reason, std::move(detail)};
  };
  if (const Offset start = stream.start(); offset < start) {
    return gap_to(start, stream.gap_reason(), {});
  }
  BatchReader& reader = reader_for(stream);
  if (!reader.holds(offset)) {
    needs_disk_ = stays_in_memory_ && !reader.load_from_memory(offset);
    if (needs_disk_) return std::nullopt;
    if (auto damage = reader.load(offset)) {
      if (const Offset start = stream.start(); offset < start) {
        return gap_to(start, stream.gap_reason(), {});
      }
      if (damage->passing && left_.io_fails) return fail(Code::io, std::move(damage->detail));
      return gap_to(damage->to, GapReason::damaged, std::move(damage->detail));
    }
    const uint64_t bytes = reader.batch().value().size();
    left_.bytes -= std::min(left_.bytes, bytes);
    scanned_ += bytes;
    ++fetched_;
    events_fetched_ += reader.batch().head().count;
  }
  const Part part = reader.batch().part_covering(offset);
  const uint32_t end = std::min(part.count, static_cast<uint32_t>(range_end - part.first));
  auto events = next_in_part(stream, part, end, reader.batch().head().stored);
  if (!events) return std::nullopt;
  return Delivery(*events);
}

std::optional<Events> LogCursor::next_in_part(const Stream& stream, const Part& part, uint32_t end,
                                              Timestamp stored) {
  uint32_t skip = static_cast<uint32_t>(position_ - part.sequence);
  if (index_.filters()) {
    const auto matches = [&](uint32_t i) { return takes(index_.filter(), part, i); };
    const uint32_t begin = skip;
    while (skip < end && !matches(skip)) ++skip;
    position_ += skip - begin;
    if (skip == end) return std::nullopt;
    uint32_t last = skip;
    while (last < end && matches(last)) ++last;
    end = last;
  }
  const uint32_t count = static_cast<uint32_t>(std::min<uint64_t>(end - skip, left_.events));
  left_.events -= count;
  Events events(stream.name, part.flatbuffer, part.count, skip, count, part.first + skip,
                part.sequence + skip, stored, false);
  CHECK_EQ(events.sequence(), position_);
  position_ += count;
  return events;
}

bool LogCursor::is_dense() const { return ranges_ <= kFollowedShare * ranges_followed_; }

bool LogCursor::wants_scan() const {
  if (from_stripe_to_stripe_) return is_dense();
  return fetched_ >= kFetchedMin && events_fetched_ < kSmallBatchEvents * fetched_ && is_dense();
}

// One that is held is taken at once; one is read where that is worth it.
void LogCursor::find_scan() {
  const Sequence tail(log_.streams.log().tail().value);
  scan_ = log_.stripe_scans.holding(position_);
  if (!scan_ && wants_scan() && tail - position_ >= kFetchedMin) {
    auto extent = find_extent(log_, log_.streams.log(), as_offset(position_));
    if (extent && *extent && (*extent)->first <= as_offset(position_)) {
      scan_ = log_.stripe_scans.read(*log_.store, (*extent)->stripe, position_, tail);
    }
    if (scan_ && !scan_->holds(position_)) scan_.reset();
    // A stripe is much: whoever waits has a word before the next.
    scanned_ += kLogScanBytes;
    start_counting();
  }
  scan_index_ = 0;
  from_stripe_to_stripe_ = scan_ != nullptr;
}

void LogCursor::start_counting() {
  fetched_ = 0;
  events_fetched_ = ranges_ = ranges_followed_ = 0;
}

std::optional<Delivery> LogCursor::next_in_scan() {
  scan_index_ = scan_->index_of(position_, scan_index_);
  if (!scan_->holds(position_, scan_index_)) {
    scan_.reset();
    // At the stripe's end the next one is read; what is missing in its middle is fetched.
    return std::nullopt;
  }
  const StripeScan::Entry& entry = (*scan_)[scan_index_];
  const Part& part = entry.part;
  const Stream* stream = log_.streams.find(entry.stream);
  ++ranges_;
  if (!stream || !follows(*stream)) {
    scanned_ += part.flatbuffer.size();
    position_ = entry.next();
    moved_ = true;
    return std::nullopt;
  }
  ++ranges_followed_;
  return next_in_entry(entry, *stream);
}

std::optional<Delivery> LogCursor::next_in_entry(const StripeScan::Entry& entry,
                                                 const Stream& stream) {
  const Part& part = entry.part;
  const Sequence from = position_;
  const Offset offset = part.first + (position_ - part.sequence);
  if (const Offset start = stream.start(); offset < start) {
    position_ = part.sequence + (std::min(start, part.first + part.count) - part.first);
    return Gap{std::string(stream.name), from.value, position_.value, stream.gap_reason(), {}};
  }
  // Once a part, however many runs of it match.
  if (part_at_ != part.sequence) {
    part_.assign(part.flatbuffer);
    part_at_ = part.sequence;
    left_.bytes -= std::min<uint64_t>(left_.bytes, part_.size());
    scanned_ += part_.size();
  }
  Part delivered = part;
  delivered.flatbuffer = part_;
  auto events = next_in_part(stream, delivered, part.count, entry.stored);
  if (!events) {
    moved_ = true;
    return std::nullopt;
  }
  return Delivery(*events);
}

bool LogCursor::ask_index() {
  if (!index_.filters() || position_ < scan_to_) return false;
  const Candidates* stripe = index_.holding(position_);
  if (!stripe) {
    const Sequence tail(log_.streams.log().tail().value);
    const auto extent = find_extent(log_, log_.streams.log(), as_offset(position_));
    const bool there = extent && *extent && (*extent)->first <= as_offset(position_);
    if (there) stripe = index_.of((*extent)->stripe);
    if (!stripe || position_ < stripe->first || position_ >= stripe->next) {
      scan_to_ = there && (*extent)->next ? Sequence((*extent)->next->value) : tail;
      return false;
    }
  }
  scanned_ += kLookUpBytes;
  if (stripe->where == Candidates::Where::nowhere) {
    position_ = stripe->next;
    moved_ = true;
    return true;
  }
  found_next_ = scan_to_ = stripe->next;
  if (stripe->where == Candidates::Where::everywhere) return false;
  found_ = index_.fetch(*stripe, includes_);
  found_index_ = 0;
  if (found_) scanned_ += found_->bytes();
  return found_.has_value();
}

std::optional<Delivery> LogCursor::next_found() {
  while (found_index_ < found_->size() && (*found_)[found_index_].next() <= position_) {
    ++found_index_;
  }
  if (found_index_ == found_->size()) {
    position_ = found_next_;
    moved_ = true;
    found_.reset();
    return std::nullopt;
  }
  const StripeScan::Entry& entry = (*found_)[found_index_];
  if (position_ < entry.part.sequence) {
    position_ = entry.part.sequence;
    moved_ = true;
  }
  return next_in_entry(entry, *log_.streams.find(entry.stream));
}

BatchReader& LogCursor::reader_for(const Stream& stream) {
  const auto found = readers_.find(stream.id);
  if (found != readers_.end()) return found->second;
  size_t bytes = 0;
  for (const auto& [id, reader] : readers_) bytes += reader.memory_bytes();
  if (readers_.size() >= kReadersMax || bytes >= kReadersBytesMax) readers_.clear();
  return readers_.try_emplace(stream.id, log_, stream).first->second;
}

Lag LogCursor::lag() {
  const Stream& log = log_.streams.log();
  const Offset tail = log.tail();
  const Offset at = std::max(as_offset(position_), log.start());
  if (at >= tail) return {0, 0};
  BatchReader reader(log_, log);
  if (reader.load(at)) return {tail - at, 0};
  const uint64_t bytes = log.bytes();
  return {tail - at, bytes - std::min(bytes, reader.batch().head().bytes_before)};
}

bool LogCursor::near_tail() const {
  return records_.holds(as_offset(position_)) ||
         log_.batch_cache.find(kLogStream, as_offset(position_)) != nullptr;
}

void LogCursor::release() {
  rest();
  drop_found();
  std::string().swap(part_);
  part_at_.reset();
  current_.reset();
  records_.release();
  readers_.clear();
}

// What is left of them is asked for again.
void LogCursor::drop_found() {
  if (found_) scan_to_ = Sequence(0);
  found_.reset();
}

void LogCursor::rest() {
  scan_.reset();
  if (found_ && found_->bytes() > kFoundAtRestBytes) drop_found();
  from_stripe_to_stripe_ = false;
  start_counting();
  records_.rest();
  for (auto& [id, reader] : readers_) reader.rest();
}

}  // namespace strandline
