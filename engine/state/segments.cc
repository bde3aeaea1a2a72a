#include "engine/state/segments.h"

#include <algorithm>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

// Streams that are filed beside one commit group, at least: as many as there were events, so that
// filing keeps up. And if nobody appends: this takes some 10 ms.
constexpr size_t kFiledMin = 256;
constexpr size_t kFiledIdle = 4'096;

}  // namespace

void CollectedSegments::clear() {
  records.clear();
  gone.clear();
  dropped.clear();
  entered.clear();
  sealed.clear();
}

std::map<SegmentId, SegmentRecord> Segments::list() const {
  std::lock_guard lock(mutex_);
  return segments_;
}

void Segments::enter(CommitGroup& group, Stream& stream, Offset first, Sequence sequence) {
  if (!open) {
    open = Open{SegmentId(1), {.created_us = group.stored.us, .first_sequence = sequence.value}};
    group.of(*this).records.emplace_back(open->id, open->record);
  }
  if (stream.assigned.entered == turn_) return;
  stream.assigned.entered = turn_;
  entered_.emplace_back(&stream, first);
  group.of(*this).entered.push_back({&stream, open->stripe(), first});
}

// As its streams stand now.
StripeRecord Segments::open_stripe() const {
  StripeRecord record{
      .stripe = open->stripe(), .next = Sequence(log_.streams.log().assigned.next), .entries = {}};
  std::vector<std::pair<StreamId, size_t>> order;
  order.reserve(entered_.size());
  for (size_t i = 0; i < entered_.size(); ++i) order.emplace_back(entered_[i].first->id, i);
  std::ranges::sort(order);
  record.entries.reserve(order.size());
  for (const auto& [id, i] : order) {
    const auto& [stream, first] = entered_[i];
    const StateRecord& state = stream->assigned;
    record.entries.push_back({id, first, Offset(state.next), state.bytes, state.last_stored_us});
  }
  return record;
}

void Segments::seal_stripe(CommitGroup& group) {
  const StripeRecord record = open_stripe();
  group.changes.put(Family::segments, stripe_key(record.stripe), encode(record));
  sealed_.push_back(std::make_shared<const StripeList>(record));
  group.of(*this).sealed.push_back(sealed_.back());
  group.sealed_stripes.push_back(record.stripe);
  entered_.clear();
  ++turn_;
  kept_ = record.next;
}

SegmentId Segments::roll(CommitGroup& group) {
  seal_stripe(group);
  const StateRecord& log = log_.streams.log().assigned;
  Open sealed = *open;
  sealed.record.sealed = 1;
  sealed.record.next_sequence = log.next;
  sealed.record.bytes = log.bytes - sealed.record.bytes_before;
  sealed.record.stored_last_us = log.last_stored_us;
  to_file_.push_back({sealed.id, sealed.record, std::move(sealed_)});
  sealed_.clear();
  open = Open{sealed.id + 1,
              {.created_us = group.stored.us,
               .first_sequence = log.next,
               .bytes_before = log.bytes,
               .stripe_bytes_before = log.bytes}};
  for (const Open& segment : {sealed, *open}) {
    group.of(*this).records.emplace_back(segment.id, segment.record);
  }
  group.sealed_segment = sealed.id;
  // A sealed segment's events go to table files of their own, so that it can be dropped whole.
  // Small ones share theirs until they are compacted: a flush for each would cost more than it
  // holds, and leave RocksDB more files than it can merge.
  if (sealed.record.bytes >= kFlushBytes) group.flush = true;
  return sealed.id;
}

void Segments::next_stripe(CommitGroup& group) {
  seal_stripe(group);
  ++open->record.stripes;
  open->record.stripe_bytes_before = log_.streams.log().assigned.bytes;
  group.of(*this).records.emplace_back(open->id, open->record);
}

void Segments::drop(CommitGroup& group, SegmentId segment) {
  CollectedSegments& collected = group.of(*this);
  collected.dropped.push_back(segment);
  if (filing_ && filing_->segment() == segment) filing_.reset();
  std::erase_if(to_file_, [&](const Unfiled& one) { return one.id == segment; });
}

// Some more streams of the oldest segment that is not filed. A stream's state is written as it is
// now, for it may have been truncated since.
void Segments::file(CommitGroup& group) {
  size_t left = std::max<size_t>(kFiledMin, group.events);
  if (group.appends == 0 && !group.last) left = std::max(left, kFiledIdle);
  while (!to_file_.empty() && left > 0) {
    Unfiled& one = to_file_.front();
    if (!filing_) filing_.emplace(one.id, one.stripes);
    for (; left > 0; --left) {
      const auto next = filing_->next();
      if (!next) break;
      const auto& [id, run] = *next;
      group.changes.put(Family::segments, encode(WhereKey{id, run.places.front().first}),
                        encode(run));
      // Null after a loss that was accepted.
      if (Stream* stream = log_.streams.find(id)) log_.streams.settle(group, *stream);
    }
    if (left == 0) return;
    one.record.filed = 1;
    group.of(*this).records.emplace_back(one.id, one.record);
    group.of(*this).gone.push_back(one.id);
    filing_.reset();
    to_file_.pop_front();
    --left;
  }
}

// What the open stripe holds, so that a damaged block of its events hides no offset that was given
// out, and a log that was closed need not be read to open it.
void Segments::keep_open_stripe(CommitGroup& group, const Store& store) {
  if (!open || kept_ == Sequence(log_.streams.log().assigned.next)) return;
  const uint64_t flushes = store.flushes_begun();
  if (!group.last && flushes == flushes_) return;
  const StripeRecord record = open_stripe();
  group.changes.put(Family::segments, stripe_key(record.stripe), encode(record));
  kept_ = record.next;
  flushes_ = flushes;
}

void Segments::stage(CommitGroup& group, const Store& store) {
  file(group);
  keep_open_stripe(group, store);
  const CollectedSegments& collected = group.of(*this);
  for (const auto& [segment, record] : collected.records) {
    group.changes.put(Family::segments, key_of(KeyKind::segment, segment.value), encode(record));
  }
  for (const SegmentId segment : collected.dropped) {
    group.changes.erase(Family::segments, key_of(KeyKind::segment, segment.value));
    // What is dropped must be in files by then.
    if (store.may_be_in_memory(segment)) group.flush = true;
  }
}

void Segments::publish(CommitGroup& group) {
  const CollectedSegments& collected = group.of(*this);
  // The lists of a segment that is dropped stay until the starts of its streams are raised, which
  // parts behind this one do: until the next group.
  std::vector<SegmentId> gone = collected.gone;
  gone.insert(gone.end(), leaving_.begin(), leaving_.end());
  leaving_ = collected.dropped;
  if (!collected.sealed.empty() || !gone.empty()) {
    auto lists = std::make_shared<std::vector<StripeListPointer>>(*unfiled_.load());
    lists->insert(lists->end(), collected.sealed.begin(), collected.sealed.end());
    std::erase_if(*lists, [&](const StripeListPointer& list) {
      return std::ranges::count(gone, segment_of(list->stripe())) > 0;
    });
    unfiled_.store(std::move(lists));
  }
  // After the lists (extents.cc).
  for (const CollectedSegments::Entry& one : collected.entered) {
    one.stream->publish_extent(one.stripe, one.first);
  }
  if (collected.records.empty() && collected.dropped.empty()) return;
  std::lock_guard lock(mutex_);
  for (const auto& [segment, record] : collected.records) segments_[segment] = record;
  for (const SegmentId segment : collected.dropped) segments_.erase(segment);
}

}  // namespace strandline
