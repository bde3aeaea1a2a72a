// The directory of segments: which there are, and which one holds a stream's offset.
//
// A segment is a run of the log in time, across all streams. New events go to the open one; sealing
// it opens the next; only the oldest sealed one can be dropped. *Invariants*: ids are contiguous;
// exactly the last is open; a segment's sequences end where the next one's begin.
// *Threads*: list and find: any; publish and drop: the sync stage's; open: the writer's.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/error.h"
#include "engine/keys.h"
#include "engine/store.h"
#include "engine/types.h"

namespace strandline {

class Segments {
 public:
  Status load(const Store& store);

  // Durable state.
  std::map<SegmentId, SegmentRecord> list() const;
  void publish(SegmentId segment, const SegmentRecord& record);
  void drop(SegmentId segment);

  // The writer's: the open segment.
  struct Open {
    SegmentId id{1};
    SegmentRecord record;
  };
  std::optional<Open> open;  // nothing until the log's first group

 private:
  mutable std::mutex mutex_;  // guards segments_
  std::map<SegmentId, SegmentRecord> segments_;
};

// Where a stream's offset is: the segment, and the stream's range of offsets in it.
struct Extent {
  SegmentId segment;
  Offset first;                // [first, next) of the stream are in this segment
  std::optional<Offset> next;  // none: it is the stream's last
};

// The extent that covers `offset`, or else the first one after it; none: there is neither. Where
// the directory of extents is damaged, it is found in the events themselves, segment by segment.
Result<std::optional<Extent>> find_extent(const Store& store, StreamId stream, Offset offset);

// Removes a segment's entries from the directory of extents.
Status forget_segment(const Store& store, SegmentId segment, Changes& changes);

}  // namespace strandline
