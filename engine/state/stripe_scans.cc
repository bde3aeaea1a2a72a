#include "engine/state/stripe_scans.h"

#include <algorithm>

namespace strandline {
namespace {

constexpr size_t kMemoryBlockBytes = 1 << 20;
// What one takes of the memory, at most: stripes are smaller, but for one with a large append.
constexpr size_t kShare = 3;
// Blocks of a stripe that cannot be read, before the rest of it is given up.
constexpr int kDamagesMax = 64;
constexpr size_t kTooLargeMax = 1'024;
// Held that nobody reads: the one that a reader may come back to.
constexpr size_t kIdleMax = 1;

// Nobody reads it.
bool is_idle(const StripeScans::Pointer& scan) { return scan.use_count() == 1; }

}  // namespace

std::string_view StripeScan::keep(std::string_view value) {
  if (memory_.empty() || memory_.back().capacity() - memory_.back().size() < value.size()) {
    memory_.emplace_back().reserve(std::max(kMemoryBlockBytes, value.size()));
    bytes_ += memory_.back().capacity();
  }
  std::string& block = memory_.back();
  block.append(value);
  batch_bytes_ += value.size();
  return std::string_view(block).substr(block.size() - value.size());
}

bool StripeScan::add(StreamId stream, std::string_view value, size_t bytes_max) {
  const StoredBatch batch(stream, keep(value));
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    entries_.push_back({stream, batch.head().stored, part});
    if (part.first + part.count == batch.next()) break;
  }
  return bytes_ + entries_.capacity() * sizeof(Entry) <= bytes_max;
}

std::shared_ptr<const StripeScan> StripeScan::read(const Store& store, StripeId stripe,
                                                   Sequence durable, size_t bytes_max) {
  auto scan = std::make_shared<StripeScan>();
  scan->stripe_ = stripe;
  scan->durable_ = durable;
  // The log's own records are not wanted: parts carry their sequences.
  EventKey key{stripe, kLogStream + 1, Offset(0)};
  uint64_t step = 1;
  for (int damages = 0; damages < kDamagesMax; ++damages) {
    // A fresh one each time, so that nothing is carried over from one that has met damage.
    StoreIterator it = store.read_through(Family::events);
    EventKey at;
    for (it.seek(encode(key)); it.valid() && decode(it.key(), at) && at.stripe == stripe;
         it.next()) {
      key = at;
      step = 1;
      if (StoredBatch::check(at, it.value())) continue;
      if (!scan->add(at.stream, it.value(), bytes_max)) return nullptr;
    }
    if (!it.damage()) break;
    // Behind the block that cannot be read: further and further on, for nothing says where it ends.
    key = {stripe, key.stream + step, Offset(0)};
    step *= 2;
  }
  std::ranges::sort(scan->entries_, {}, [](const Entry& entry) { return entry.part.sequence; });
  scan->bytes_ += scan->entries_.capacity() * sizeof(Entry);
  return scan;
}

size_t StripeScan::index_of(Sequence position, size_t near) const {
  const auto ends_behind = [&](size_t i) { return entries_[i].next() > position; };
  // The usual cases: the same again, or the next.
  for (size_t i = near; i < std::min(near + 2, entries_.size()); ++i) {
    if (ends_behind(i) && (i == 0 || !ends_behind(i - 1))) return i;
  }
  const auto found = std::ranges::upper_bound(entries_, position, {}, &Entry::next);
  return static_cast<size_t>(found - entries_.begin());
}

StripeScans::Pointer StripeScans::holding(Sequence position) const {
  std::lock_guard lock(mutex_);
  for (const Pointer& scan : held_) {
    if (scan->holds(position)) return scan;
  }
  return nullptr;
}

Sequence StripeScans::first_held(Sequence from, Sequence end) const {
  std::lock_guard lock(mutex_);
  for (const Pointer& scan : held_) {
    const size_t index = scan->index_of(from, 0);
    if (index >= scan->size()) continue;
    const Sequence first = std::max(from, (*scan)[index].part.sequence);
    // What came behind it meanwhile it does not hold.
    if (first < scan->durable()) end = std::min(end, first);
  }
  return end;
}

StripeScans::Pointer StripeScans::read(const Store& store, StripeId stripe, Sequence position,
                                       Sequence durable) {
  std::unique_lock lock(mutex_);
  read_.wait(lock, [&] { return std::ranges::count(being_read_, stripe) == 0; });
  for (const Pointer& scan : held_) {
    if (scan->stripe() != stripe) continue;
    if (scan->holds(position)) return scan;
    // It has all that was durable then: what is missing in it cannot be read.
    if (position < scan->durable()) return nullptr;
  }
  if (too_large_.contains(stripe)) return nullptr;
  // Of the open stripe: there is more of it by now.
  std::erase_if(held_,
                [&](const Pointer& scan) { return scan->stripe() == stripe && is_idle(scan); });
  if (!make_room()) return nullptr;
  being_read_.push_back(stripe);
  lock.unlock();
  Pointer scan;
  const auto over = [&] {
    lock.lock();
    std::erase(being_read_, stripe);
    read_.notify_all();
  };
  try {
    scan = StripeScan::read(store, stripe, durable, bytes_max_ / kShare);
  } catch (...) {
    over();
    throw;
  }
  over();
  if (scan) {
    held_.push_back(scan);
    ++stripes_read_;
    bytes_read_ += scan->batch_bytes();
  } else {
    if (too_large_.size() >= kTooLargeMax) too_large_.clear();
    too_large_.insert(stripe);
  }
  return scan;
}

bool StripeScans::make_room() {
  while (std::ranges::count_if(held_, is_idle) > static_cast<ptrdiff_t>(kIdleMax)) {
    held_.erase(std::ranges::find_if(held_, is_idle));
  }
  const size_t one = bytes_max_ / kShare;
  while (held_bytes() + (being_read_.size() + 1) * one > bytes_max_) {
    const auto idle = std::ranges::find_if(held_, is_idle);
    if (idle == held_.end()) return false;
    held_.erase(idle);
  }
  return true;
}

size_t StripeScans::held_bytes() const {
  size_t bytes = 0;
  for (const Pointer& scan : held_) bytes += scan->bytes();
  return bytes;
}

}  // namespace strandline
