#include "engine/state/stripe_scans.h"

#include <algorithm>

namespace strandline {
namespace {

constexpr size_t kMemoryBlockBytes = 1 << 20;
// What one takes of the memory, at most: stripes are smaller by far, but for one large append.
constexpr size_t kShare = 2;
// Held that nobody reads: the one that a reader may come back to.
constexpr size_t kIdleMax = 1;

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

std::shared_ptr<const StripeScan> StripeScan::read(const Store& store, StripeId stripe,
                                                   Sequence durable, size_t bytes_max) {
  auto scan = std::make_shared<StripeScan>();
  scan->stripe_ = stripe;
  scan->durable_ = durable;
  StoreIterator it = store.read_through(Family::events);
  EventKey key;
  // The log's own records are not wanted: parts carry their sequences.
  it.seek(encode(EventKey{stripe, kLogStream + 1, Offset(0)}));
  for (; it.valid() && decode(it.key(), key) && key.stripe == stripe; it.next()) {
    if (StoredBatch::check(key, it.value())) continue;
    const StoredBatch batch(key.stream, scan->keep(it.value()));
    if (scan->bytes_ > bytes_max) return nullptr;
    for (Part part = batch.first_part();; part = batch.part_after(part)) {
      scan->entries_.push_back({key.stream, batch.head().stored, part});
      if (part.first + part.count == batch.next()) break;
    }
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

StripeScans::Pointer StripeScans::read(const Store& store, StripeId stripe, Sequence position,
                                       Sequence durable) {
  std::unique_lock lock(mutex_);
  read_.wait(lock, [&] { return std::ranges::count(being_read_, stripe) == 0; });
  for (const Pointer& scan : held_) {
    if (scan->stripe() == stripe && scan->holds(position)) return scan;
  }
  // Of the open stripe: there is more of it by now.
  std::erase_if(held_, [&](const Pointer& scan) { return scan->stripe() == stripe; });
  if (!make_room()) return nullptr;
  being_read_.push_back(stripe);
  lock.unlock();
  Pointer scan = StripeScan::read(store, stripe, durable, bytes_max_ / kShare);
  lock.lock();
  std::erase(being_read_, stripe);
  if (scan) {
    held_.push_back(scan);
    ++stripes_read_;
    bytes_read_ += scan->batch_bytes();
  }
  read_.notify_all();
  return scan;
}

bool StripeScans::make_room() {
  const auto is_idle = [](const Pointer& scan) { return scan.use_count() == 1; };
  while (std::ranges::count_if(held_, is_idle) > static_cast<ptrdiff_t>(kIdleMax)) {
    held_.erase(std::ranges::find_if(held_, is_idle));
  }
  const size_t one = bytes_max_ / kShare / kShare;
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
