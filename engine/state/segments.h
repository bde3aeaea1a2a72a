// The directory of segments: which there are, and which one holds a stream's offset.
//
// A segment is a run of the log in time, across all streams. New events go to the open one; sealing
// it opens the next; only the oldest sealed one can be dropped. Inside it there are stripes
// (keys.h), of which new events go to the last. *Invariants*: ids are contiguous;
// exactly the last is open; a segment's sequences end where the next one's begin.
// *Threads*: list and find: any; publish: the commit stage's; open, enter, roll and drop: the
// writer's.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/format/keys.h"
#include "engine/state/part.h"
#include "engine/store/store.h"

namespace strandline {

class Stream;

struct CollectedSegments : StatePart::Pending {
  // A stream's first batch in the open stripe.
  struct Entry {
    StreamId stream;
    uint64_t first;
  };

  void clear() override;

  std::vector<std::pair<SegmentId, SegmentRecord>> records;
  std::vector<SegmentId> dropped;
  std::vector<Entry> entered;
};

class Segments : public Collecting<CollectedSegments> {
 public:
  using Collecting::Collecting;

  std::map<SegmentId, SegmentRecord> list() const;  // durable

  // --- The writer's.
  struct Open {
    SegmentId id{1};
    SegmentRecord record;
    StripeId stripe() const { return first_stripe(id) + (record.stripes - 1); }
  };
  std::optional<Open> open;  // nothing until the log's first group
  // The first batch of a stream in a stripe enters it in the directory. The log's first group,
  // which begins at `sequence`, opens its first segment.
  void enter(CommitGroup& group, Stream& stream, uint64_t first, Sequence sequence);
  // Seals the open segment and opens the next, before anything is appended; the one that it sealed.
  // `log` is where the log's own stream stands.
  SegmentId roll(CommitGroup& group, const StateRecord& log);
  // Begins the next stripe of the open segment, before anything is appended.
  void next_stripe(CommitGroup& group, const StateRecord& log);
  void drop(CommitGroup& group, SegmentId segment);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // their sums are told, and nothing rests on them
  // Ids without a hole, all but the last sealed, each ending where the next begins; and the
  // directory of extents.
  Status rebuild(Rebuild& rebuild) const override;

 private:
  mutable std::mutex mutex_;  // guards segments_
  std::map<SegmentId, SegmentRecord> segments_;
};

// Where a stream's offset is: the stripe, and the stream's range of offsets in it.
struct Extent {
  StripeId stripe;
  Offset first;                // [first, next) of the stream are in this stripe
  std::optional<Offset> next;  // none: it is the stream's last
};

// The extent that covers `offset`, or else the first one after it; none: there is neither. Where
// the directory of extents is damaged, it is found in the events themselves, stripe by stripe.
Result<std::optional<Extent>> find_extent(const Store& store, StreamId stream, Offset offset);

// Removes a stripe's entries from the directory of extents.
Status forget_stripe(const Store& store, StripeId stripe, Changes& changes);

}  // namespace strandline
