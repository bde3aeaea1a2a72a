#include "engine/state/rebuild.h"

#include <algorithm>

#include "engine/format/stored_batch.h"
#include "engine/format/stripe_record.h"

namespace strandline {
namespace {

void name(Rebuild& rebuild, StreamId stream, Offset first, Offset next) {
  const auto named = rebuild.named.try_emplace(stream, first, first).first;
  named->second.first = std::min(named->second.first, first);
  named->second.second = std::max(named->second.second, next);
}

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
      name(rebuild, range.stream, range.first(), range.first() + range.count);
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

// And what the records of stripes say that are left.
Status read_stripe_records(Rebuild& rebuild) {
  StoreIterator it = rebuild.store.iterate(Family::segments);
  const std::string kind(1, static_cast<char>(KeyKind::stripe));
  for (it.seek(kind); it.valid() && it.key().starts_with(kind); it.next()) {
    StripeRecord record;
    if (!decode(it.value(), record)) continue;
    for (const StripeEntry& entry : record.entries) {
      name(rebuild, entry.stream, entry.first, entry.next);
      const auto begun = rebuild.begun.try_emplace(entry.stream, entry.first).first;
      begun->second = std::min(begun->second, entry.first);
    }
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  return {};
}

}  // namespace

Status rebuild_records(Store& store, const StateParts& parts) {
  Rebuild rebuild(store);
  if (auto ok = read_events(rebuild); !ok) return ok;
  if (auto ok = read_stripe_records(rebuild); !ok) return ok;
  for (const StatePart* part : parts) {
    if (auto ok = part->rebuild(rebuild); !ok) return ok;
  }
  return store.write(std::move(rebuild.changes));
}

}  // namespace strandline
