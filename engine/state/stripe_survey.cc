#include "engine/state/stripe_survey.h"

#include <algorithm>
#include <unordered_map>

#include "engine/format/stored_batch.h"

namespace strandline {
namespace {

// Tries to get behind blocks that cannot be read, before the rest is given up.
constexpr int kTriesMax = 4'096;

class Surveyor {
 public:
  void add(const EventKey& key, std::string_view value) {
    const StoredBatch batch(key.stream, value);
    const Timestamp stored = batch.head().stored;
    if (key.stream == kLogStream) {
      for (size_t i = 0; i < batch.range_count(); ++i) {
        const Range range = batch.range(i);
        seen(range.stream, range.batch_first, range.first() + range.count, 0, stored);
      }
      known(Sequence(batch.first().value), batch.head().count);
      return seen(kLogStream, batch.first(), batch.next(), 0, stored);
    }
    seen(key.stream, key.first, batch.next(), batch.head().bytes_before + value.size(), stored);
    for (Part part = batch.first_part();; part = batch.part_after(part)) {
      known(part.sequence, part.count);
      if (part.first + part.count == batch.next()) return;
    }
  }

  void finish(StripeSurvey& survey) {
    std::ranges::sort(known_);
    survey.known = std::move(known_);
    StripeRecord& record = survey.record;
    record.entries.reserve(entries_.size());
    for (const auto& [stream, entry] : entries_) record.entries.push_back(entry);
    std::ranges::sort(record.entries, {}, &StripeEntry::stream);
    if (!survey.known.empty()) record.next = survey.known.back().second;
  }

 private:
  void seen(StreamId stream, Offset first, Offset next, uint64_t bytes, Timestamp stored) {
    StripeEntry& entry =
        entries_.try_emplace(stream, StripeEntry{stream, first, next, 0, 0}).first->second;
    entry.first = std::min(entry.first, first);
    entry.next = std::max(entry.next, next);
    entry.bytes = std::max(entry.bytes, bytes);
    entry.last_stored_us = std::max(entry.last_stored_us, stored.us);
  }
  void known(Sequence first, uint64_t count) {
    if (!known_.empty() && known_.back().second == first) {
      known_.back().second = first + count;
    } else {
      known_.emplace_back(first, first + count);
    }
  }

  std::unordered_map<StreamId, StripeEntry> entries_;
  std::vector<std::pair<Sequence, Sequence>> known_;
};

// Where to look behind a block that cannot be read, at the n-th try: further and further on in the
// stream that is before it, and then among the streams behind that.
EventKey behind(const EventKey& last, int tries) {
  constexpr int kInStream = 20;
  if (tries <= kInStream) return {last.stripe, last.stream, last.first + (uint64_t{1} << tries)};
  const int further = std::min(tries - kInStream - 1, 62);
  return {last.stripe, last.stream + (uint64_t{1} << further), Offset(0)};
}

}  // namespace

bool StripeSurvey::covers(Sequence from, Sequence to) const {
  for (const auto& [first, next] : known) {
    if (from >= to || first > from) break;
    from = std::max(from, next);
  }
  return from >= to;
}

StripeSurvey survey(const Store& store, StripeId stripe) {
  StripeSurvey found;
  found.record.stripe = stripe;
  Surveyor surveyor;
  EventKey last{stripe, kLogStream, Offset(0)}, from = last;
  for (int tries = 0, all = 0; all < kTriesMax; ++all) {
    StoreIterator it = store.read_through(Family::events);
    EventKey at;
    for (it.seek(encode(from)); it.valid() && decode(it.key(), at) && at.stripe == stripe;
         it.next()) {
      last = at;
      tries = 0;
      if (auto wrong = StoredBatch::check(at, it.value())) {
        if (!found.damage) found.damage = "stored batch: " + *wrong;
        continue;
      }
      surveyor.add(at, it.value());
    }
    const auto damage = it.damage();
    if (!damage) break;
    if (!found.damage) found.damage = *damage;
    from = behind(last, tries++);
    if (from.stream < last.stream) break;  // there are no further ones
  }
  surveyor.finish(found);
  return found;
}

}  // namespace strandline
