// The directory of segments: which there are, and which one holds a stream's offset.
//
// A segment is a run of the log in time, across all streams. New events go to the open one; sealing
// it opens the next; only the oldest sealed one can be dropped. Inside it there are stripes
// (keys.h), of which new events go to the last. *Invariants*: ids are contiguous;
// exactly the last is open; a segment's sequences end where the next one's begin.
//
// An append writes nothing of where its stream stands. What a stripe holds of each stream is
// written once, when the stripe is sealed (stripe_record.h). A sealed segment is *filed* in the
// background: where each of its streams is goes into the directory of extents, and the stream's
// state is written. What is not filed is found in memory (stripe_list.h), and is read again when
// the log opens. *Threads*: list and unfiled: any; publish: the commit stage's; open, enter, roll
// and drop: the writer's.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/base/published.h"
#include "engine/format/stripe_record.h"
#include "engine/state/filing.h"
#include "engine/state/part.h"
#include "engine/state/stripe_list.h"
#include "engine/store/store.h"

namespace strandline {

class Stream;

struct CollectedSegments : StatePart::Pending {
  // A stream's first batch in the open stripe.
  struct Entry {
    Stream* stream;
    StripeId stripe;
    Offset first;
  };

  void clear() override;

  std::vector<std::pair<SegmentId, SegmentRecord>> records;
  std::vector<SegmentId> gone;  // from the lists: filed, or dropped
  std::vector<SegmentId> dropped;
  std::vector<Entry> entered;
  std::vector<StripeListPointer> sealed;
};

class Segments : public Collecting<CollectedSegments> {
 public:
  Segments(StateParts& parts, LogState& log) : Collecting(parts), log_(log) {}

  std::map<SegmentId, SegmentRecord> list() const;  // durable
  // The sealed stripes of which the directory of extents does not have everything, in order.
  using Lists = std::shared_ptr<const std::vector<StripeListPointer>>;
  Lists unfiled() const { return unfiled_.load(); }

  // --- The writer's.
  struct Open {
    SegmentId id{1};
    SegmentRecord record;
    StripeId stripe() const { return first_stripe(id) + (record.stripes - 1); }
  };
  std::optional<Open> open;  // nothing until the log's first group
  // The first batch of a stream in a stripe enters it. The log's first group, which begins at
  // `sequence`, opens its first segment.
  void enter(CommitGroup& group, Stream& stream, Offset first, Sequence sequence);
  // Seals the open segment and opens the next, before anything is appended; the one that it sealed.
  SegmentId roll(CommitGroup& group);
  // Begins the next stripe of the open segment, before anything is appended.
  void next_stripe(CommitGroup& group);
  void drop(CommitGroup& group, SegmentId segment);

  // Reads the records of segments.
  Status load(Loading& loading) override;
  // Once the streams' records are loaded: what the stripes that are not filed say of them.
  Status catch_up(Loading& loading);
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  // The records of stripes.
  void verify(Verification& verification) const override;
  // Ids without a hole, all but the last sealed, each ending where the next begins; and the
  // directory of extents.
  Status rebuild(Rebuild& rebuild) const override;

 private:
  // A sealed segment whose directory is not all in the store yet.
  struct Unfiled {
    SegmentId id;
    SegmentRecord record;
    std::vector<StripeListPointer> stripes;
  };

  StripeRecord open_stripe() const;
  void seal_stripe(CommitGroup& group);
  void file(CommitGroup& group);
  void keep_open_stripe(CommitGroup& group, const Store& store);
  Status catch_up_with(Loading& loading, const StripeRecord& record);
  // It begins at a sequence.
  Status catch_up_open(Loading& loading, StripeId stripe, Sequence begin);

  LogState& log_;
  std::vector<SegmentId> leaving_;  // publish's: dropped by the group that was published before
  mutable std::mutex mutex_;        // guards segments_
  std::map<SegmentId, SegmentRecord> segments_;
  Published<const std::vector<StripeListPointer>> unfiled_{
      std::make_shared<const std::vector<StripeListPointer>>()};

  // --- The writer's.
  uint32_t turn_ = 1;                                // of the open stripe: another for each
  std::vector<std::pair<Stream*, Offset>> entered_;  // in it
  std::vector<StripeListPointer> sealed_;            // of the open segment
  std::deque<Unfiled> to_file_;                      // in order; the first of them is at `filing_`
  std::optional<Filing> filing_;
  Sequence kept_;         // up to here the open stripe's record, as it is stored, says everything
  uint64_t flushes_ = 0;  // when that was written
};

// What a sealed stripe, which begins at a sequence, holds: its record, or if that is lost, what its
// events say. *Errors*: `corrupt` where these are not all there either, unless that is accepted
// (`lenient`).
struct SealedStripe {
  SegmentId segment;
  SegmentRecord record;
  uint64_t number;  // in the segment
};
Result<StripeRecord> record_of(const Store& store, const SealedStripe& sealed, Sequence begin,
                               bool lenient);

// Removes what the directory has of a stripe.
Status forget_stripe(const Store& store, StripeId stripe, Changes& changes);

}  // namespace strandline
