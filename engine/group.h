// A commit group: what the writer commits together.
//
// It is one WriteBatch, one place in the log's order, and one fsync at most. The writer fills
// it, the sync stage publishes it: only then are its streams' tails raised and its answers given.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/expiring.h"
#include "engine/operation.h"
#include "engine/positions.h"
#include "engine/store.h"
#include "engine/stored_batch.h"
#include "engine/streams.h"

namespace strandline {

struct Group {
  struct Answer {
    Operation::Done done;
    Result<Outcome> result;
  };
  struct Described {
    Stream* stream;
    Timestamp created;
    std::string description;
  };

  explicit Group(Changes changes) : changes(std::move(changes)) {}

  Changes changes;
  std::vector<BatchPointer> batches;  // the log's own record is the last
  std::vector<std::pair<Stream*, StateRecord>> states;
  std::vector<Described> described;
  std::vector<std::pair<Positions::Key, PositionRecord>> positions;
  std::vector<Expiring::Key> expiring;
  std::vector<StreamId> woken;           // consumers, by their wakeup()
  std::vector<ConsumerPointer> touched;  // whose standings are published
  std::vector<std::pair<ConsumerPointer, StandingPointer>> standings;
  std::vector<std::pair<SegmentId, SegmentRecord>> segments;
  std::vector<SegmentId> dropped;
  bool flush = false;            // what was written before goes to table files of its own
  std::vector<Answer> answers;   // once durable, in this order; refusals too, for what they say
                                 // about the log's state must be durable when it is said
  std::vector<Answer> accepted;  // once written
  size_t bytes = 0;
  uint64_t appends = 0;
  uint64_t events = 0;
  bool written = false;  // it had changes
};

}  // namespace strandline
