// What is asked of the writer, and a commit group: what it answers with.
//
// A group is one WriteBatch, one place in the log's order, and one fsync at most. The writer fills
// it, the sync stage publishes it: only then are its streams' tails raised and its answers given.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/consumer_desk.h"
#include "engine/expiring.h"
#include "engine/log.h"
#include "engine/positions.h"
#include "engine/store.h"
#include "engine/stored_batch.h"
#include "engine/streams.h"

namespace strandline {

struct CreateStream {
  std::string name;
  StreamSettings settings;
};
struct DeleteStream {
  std::string name;
};
struct Truncate {
  std::string name;
  Offset before;
};
struct Roll {};
// Where a stream goes on behind a segment.
struct StreamEnd {
  StreamId stream;
  Offset end;
  std::optional<uint64_t> bytes_below;  // of the stream; none: the writer is to look
};
struct DropSegment {
  SegmentId segment;
  // Of the streams that it holds (segment_ends.h); none if it could not be dropped when the drop
  // was asked for: it may be the oldest by the time that the writer looks.
  std::optional<std::vector<StreamEnd>> ends;
};
// Removes a dropped segment's entries from the directory. A step of its own, after the drop is
// durable: until the raised starts are published, readers still look for what is below them.
struct ForgetSegment {
  SegmentId segment;
};

struct Outcome {
  std::vector<Appended> appended = {};
  uint64_t number = 0;   // a committed position, a new start, a sealed segment
  bool retried = false;  // nothing was written: it is what was answered before
  ConsumerOutcome consumer = {};
};

struct Operation {
  using Request = std::variant<AppendMany, Broadcast, CreateStream, DeleteStream, Truncate, Roll,
                               DropSegment, ForgetSegment, ConsumerRequest>;
  using Done = std::function<void(Result<Outcome>)>;

  Request request;
  Done done;
  size_t bytes = 0;  // that it holds while it waits
};

// Counted as an append, when it is refused.
inline bool is_append(const Operation::Request& request) {
  return std::holds_alternative<AppendMany>(request) || std::holds_alternative<Broadcast>(request);
}

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
