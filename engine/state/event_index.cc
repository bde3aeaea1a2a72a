#include "engine/state/event_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "engine/base/check.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/state/rebuild.h"
#include "engine/state/verification.h"

namespace strandline {
namespace {

// Where one side of a filter may match: nothing said is everywhere.
class Places {
 public:
  void add(const Postings& postings) {
    everywhere_ |= postings.everywhere;
    chunks_.insert(chunks_.end(), postings.chunks.begin(), postings.chunks.end());
  }
  void set_everywhere() { everywhere_ = true; }
  bool everywhere() const { return everywhere_; }
  const std::vector<uint32_t>& sorted() {
    std::ranges::sort(chunks_);
    const auto repeated = std::ranges::unique(chunks_);
    chunks_.erase(repeated.begin(), repeated.end());
    return chunks_;
  }

 private:
  bool everywhere_ = false;
  std::vector<uint32_t> chunks_;
};

struct StripeLookUp {
  Candidates candidates;
  StripeSummary summary;
  Places types, subjects;

  void finish() {
    if (types.everywhere() && subjects.everywhere()) {
      candidates.where = Candidates::Where::everywhere;
      return;
    }
    if (types.everywhere()) {
      candidates.chunks = subjects.sorted();
    } else if (subjects.everywhere()) {
      candidates.chunks = types.sorted();
    } else {
      std::ranges::set_intersection(types.sorted(), subjects.sorted(),
                                    std::back_inserter(candidates.chunks));
    }
    candidates.where =
        candidates.chunks.empty() ? Candidates::Where::nowhere : Candidates::Where::chunks;
  }
};

bool has_prefix(const TextFilter& filter) {
  return std::ranges::any_of(filter.patterns(), &TextFilter::Pattern::prefix);
}

// The summaries of the stripes [from, to], as far as they follow each other.
std::vector<StripeLookUp> read_summaries(const Store& store, StripeId from, StripeId to,
                                         size_t most, uint64_t& bytes) {
  std::vector<StripeLookUp> stripes;
  StoreIterator it = store.iterate(Family::index);
  StripeId stripe;
  for (it.seek(index_key(IndexKey::summary, from));
       stripes.size() < most && it.valid() && decode_summary_key(it.key(), stripe) && stripe <= to;
       it.next()) {
    bytes += it.value().size();
    StripeLookUp one;
    if (!decode(it.value(), one.summary)) break;
    const auto follows = [&] { return stripes.back().summary.next == one.summary.first; };
    if (stripes.empty() ? stripe != from : !follows()) break;
    one.candidates = {.stripe = stripe, .first = one.summary.first, .next = one.summary.next};
    stripes.push_back(std::move(one));
  }
  return stripes;
}

// Adds where a term is in each of the stripes. What cannot be read may be everywhere.
void look_up(const Store& store, TermKind kind, std::string_view text, Places StripeLookUp::*side,
             std::vector<StripeLookUp>& stripes, uint64_t& bytes) {
  const Term term = term_of(kind, text);
  StoreIterator it = store.iterate(Family::index);
  it.seek(index_key(term.bucket, stripes.front().candidates.stripe));
  Postings postings;
  for (StripeLookUp& one : stripes) {
    if (!one.summary.buckets[term.bucket]) continue;
    uint8_t bucket;
    StripeId stripe;
    bool found = false;
    for (; it.valid() && decode_terms_key(it.key(), bucket, stripe); it.next()) {
      if (bucket != term.bucket || stripe > one.candidates.stripe) break;
      if (stripe < one.candidates.stripe) continue;
      bytes += it.value().size();
      found = find_term(it.value(), term.rest, postings);
      break;
    }
    if (found) {
      (one.*side).add(postings);
    } else {
      (one.*side).set_everywhere();
    }
  }
}

}  // namespace

void CollectedIndex::clear() {
  made.clear();
  removals.clear();
}

std::vector<Candidates> EventIndex::find(const EventFilter& filter, StripeId from, StripeId to,
                                         size_t most, uint64_t& bytes) const {
  const Store& store = *log_.store;
  std::vector<StripeLookUp> stripes = read_summaries(store, from, to, most, bytes);
  if (stripes.empty()) return {};
  const bool types_begin_so = has_prefix(filter.types);
  bool types_are_terms = false;
  for (StripeLookUp& one : stripes) {
    if (filter.types.empty() || (one.summary.types_are_terms && types_begin_so)) {
      one.types.set_everywhere();
    }
    types_are_terms |= one.summary.types_are_terms;
    for (const auto& [type, postings] : one.summary.types) {
      if (filter.types.matches(type)) one.types.add(postings);
    }
    // Of subjects no list is kept.
    if (filter.subjects.empty() || has_prefix(filter.subjects)) one.subjects.set_everywhere();
  }
  for (const TextFilter::Pattern& pattern : filter.subjects.patterns()) {
    if (pattern.prefix) continue;
    look_up(store, TermKind::subject, pattern.text, &StripeLookUp::subjects, stripes, bytes);
  }
  if (types_are_terms && !types_begin_so) {
    for (const TextFilter::Pattern& pattern : filter.types.patterns()) {
      look_up(store, TermKind::type, pattern.text, &StripeLookUp::types, stripes, bytes);
    }
  }
  std::vector<Candidates> found;
  found.reserve(stripes.size());
  for (StripeLookUp& one : stripes) {
    one.finish();
    found.push_back(std::move(one.candidates));
  }
  return found;
}

std::optional<IndexChunks> EventIndex::chunks_of(StripeId stripe, uint64_t& bytes) const {
  const auto record = log_.store->get(Family::index, index_key(IndexKey::chunks, stripe));
  IndexChunks chunks;
  if (!record || !*record || !decode(**record, chunks)) return std::nullopt;
  bytes += (*record)->size();
  return chunks;
}

void EventIndex::put(CommitGroup& group, StripeIndex index) {
  group.of(*this).made.push_back(std::move(index));
}

void EventIndex::remove(CommitGroup& group, IndexRemoval removal) {
  group.of(*this).removals.push_back(std::move(removal));
}

IndexRemoval EventIndex::removal_of(StripeId stripe) const {
  IndexRemoval removal{
      .stripe = stripe,
      .keys = {index_key(IndexKey::summary, stripe), index_key(IndexKey::chunks, stripe)}};
  const auto record = log_.store->get(Family::index, removal.keys.front());
  StripeSummary summary;
  if (!record || !*record || !decode(**record, summary)) summary.buckets.set();
  for (size_t bucket = 0; bucket < kTermBuckets; ++bucket) {
    if (!summary.buckets[bucket]) continue;
    removal.keys.push_back(index_key(static_cast<uint8_t>(bucket), stripe));
  }
  return removal;
}

Status EventIndex::load(Loading& loading) {
  std::lock_guard lock(mutex_);
  StoreIterator it = loading.log.store->iterate(Family::index);
  StripeId stripe;
  for (it.seek_to_first(); it.valid() && decode_summary_key(it.key(), stripe); it.next()) {
    indexed_.insert(stripe);
  }
  return {};  // those that cannot be read are made anew
}

void EventIndex::stage(CommitGroup& group, const Store&) {
  const CollectedIndex& collected = group.of(*this);
  for (const StripeIndex& index : collected.made) {
    for (const auto& [key, value] : index.records) group.changes.put(Family::index, key, value);
  }
  for (const IndexRemoval& removal : collected.removals) {
    for (const std::string& key : removal.keys) group.changes.erase(Family::index, key);
  }
}

void EventIndex::publish(CommitGroup& group) {
  const CollectedIndex& collected = group.of(*this);
  const CollectedSegments& segments = group.of(log_.segments);
  const bool changes = !segments.records.empty() || !segments.dropped.empty();
  if (!changes && collected.made.empty() && collected.removals.empty()) return;
  std::lock_guard lock(mutex_);
  for (const StripeIndex& index : collected.made) indexed_.insert(index.stripe);
  for (const IndexRemoval& removal : collected.removals) indexed_.erase(removal.stripe);
  changed_.notify_all();
}

std::optional<EventIndex::Work> EventIndex::wait_for_work() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    if (const auto work = find_work()) return work;
    changed_.wait(lock);
  }
  return std::nullopt;
}

// The newest first: they are still in memory, and what is looked for most.
std::optional<EventIndex::Work> EventIndex::find_work() const {
  const auto segments = log_.segments.list();
  for (auto at = indexed_.begin(); at != indexed_.end();) {
    const SegmentId segment = segment_of(*at);
    if (!segments.contains(segment)) return Work{*at, true};
    at = indexed_.lower_bound(first_stripe(segment + 1));
  }
  for (auto at = segments.rbegin(); at != segments.rend(); ++at) {
    const auto& [segment, record] = *at;
    for (uint64_t i = record.sealed ? record.stripes : record.stripes - 1; i-- > 0;) {
      const StripeId stripe = first_stripe(segment) + i;
      if (!indexed_.contains(stripe) && !given_up_.contains(stripe)) return Work{stripe};
    }
  }
  return std::nullopt;
}

void EventIndex::give_up(StripeId stripe) {
  std::lock_guard lock(mutex_);
  given_up_.insert(stripe);
}

bool EventIndex::pause_for(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, time, [&] { return stopped_; });
}

void EventIndex::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

uint64_t EventIndex::backlog() const {
  const auto segments = log_.segments.list();
  std::lock_guard lock(mutex_);
  uint64_t backlog = 0;
  for (const auto& [segment, record] : segments) {
    for (uint64_t i = record.sealed ? record.stripes : record.stripes - 1; i-- > 0;) {
      const StripeId stripe = first_stripe(segment) + i;
      backlog += !indexed_.contains(stripe) && !given_up_.contains(stripe);
    }
  }
  return backlog;
}

void EventIndex::verify(Verification& verification) const {
  const Store& store = *log_.store;
  std::vector<StripeId> stripes;
  StoreIterator it = store.iterate(Family::index);
  StripeId stripe;
  for (it.seek_to_first(); it.valid() && decode_summary_key(it.key(), stripe); it.next()) {
    stripes.push_back(stripe);
  }
  if (auto damage = it.damage()) verification.find("the index family", *damage);
  for (const StripeId one : stripes) {
    // Of one that is not whole the events themselves tell.
    const auto made = StripeIndex::of(store, one);
    if (!made) continue;
    std::map<std::string, std::string> expected(made->records.begin(), made->records.end());
    const auto compare = [&](const std::string& key) {
      const auto stored = store.get(Family::index, key);
      const auto found = expected.find(key);
      if (stored && stored->has_value() == (found != expected.end()) &&
          (!*stored || **stored == found->second)) {
        return true;
      }
      // Of a segment that is dropped meanwhile the index may go first.
      if (!log_.segments.list().contains(segment_of(one))) return true;
      verification.find(
          fmt::format("the index of segment {}, stripe {}", segment_of(one).value,
                      number_in_segment(one)),
          stored ? "it does not say what the stripe's events say" : stored.error().message);
      return false;
    };
    bool right =
        compare(index_key(IndexKey::summary, one)) && compare(index_key(IndexKey::chunks, one));
    for (size_t bucket = 0; right && bucket < kTermBuckets; ++bucket) {
      right = compare(index_key(static_cast<uint8_t>(bucket), one));
    }
  }
}

Status EventIndex::rebuild(Rebuild& rebuild) const {
  StoreIterator it = rebuild.store.iterate(Family::index);
  StripeId stripe;
  for (it.seek_to_first(); it.valid() && decode_summary_key(it.key(), stripe); it.next()) {
    rebuild.changes.erase(Family::index, it.key());
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the index family: " + *damage);
  return {};
}

}  // namespace strandline
