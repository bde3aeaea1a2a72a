#include "engine/state/rebuild.h"

#include <algorithm>

#include "engine/format/stored_batch.h"

namespace strandline {
namespace {

// What the log's own records name, there or not: its offsets were given out.
void read_ranges(Rebuild& rebuild, StripeId stripe) {
  StoreIterator it = rebuild.store.iterate(Family::events);
  EventKey key;
  it.seek(encode(EventKey{stripe, kLogStream, Offset(0)}));
  for (; it.valid() && decode(it.key(), key); it.next()) {
    if (key.stripe != stripe || key.stream != kLogStream) return;
    if (StoredBatch::check(key, it.value())) continue;
    const StoredBatch record(key.stream, it.value());
    for (size_t i = 0; i < record.range_count(); ++i) {
      const Range range = record.range(i);
      const auto named =
          rebuild.named.try_emplace(range.stream, range.first(), range.first()).first;
      named->second.first = std::min(named->second.first, range.first());
      named->second.second = std::max(named->second.second, range.first() + range.count);
    }
  }
}

// The first and the last batch of every stream in every stripe.
Status read_events(Rebuild& rebuild) {
  StoreIterator it = rebuild.store.iterate(Family::events);
  EventKey key;
  it.seek_to_first();
  while (it.valid() && decode(it.key(), key)) {
    Rebuild::Run run{.first = key.first};
    auto head = StoredBatch(key.stream, it.value()).head();
    run.bytes_before = head.bytes_before;
    run.stored_first = head.stored;
    const EventKey end{key.stripe, key.stream, Offset(UINT64_MAX)};
    it.seek_for_prev(encode(end));
    if (!it.valid()) break;
    const StoredBatch last(key.stream, it.value());
    run.next = last.next();
    run.bytes = last.head().bytes_before + last.value().size();
    run.stored_last = last.head().stored;
    rebuild.runs[key.stripe][key.stream] = run;
    if (key.stream == kLogStream) read_ranges(rebuild, key.stripe);
    it.seek(encode(end));
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the events family: " + *damage);
  return {};
}

}  // namespace

Status rebuild_records(Store& store, const StateParts& parts) {
  Rebuild rebuild(store);
  if (auto ok = read_events(rebuild); !ok) return ok;
  for (const StatePart* part : parts) {
    if (auto ok = part->rebuild(rebuild); !ok) return ok;
  }
  return store.write(std::move(rebuild.changes));
}

}  // namespace strandline
