// The events of a commit group: collected into values, one key a stream where they are small, with
// the log's own record of the order in which they came (stored_batch.h).
//
// The first part of the list: what it stages, the others count. *Threads*: append: the writer's.
// *Memory*: what is published goes to the batch cache, which shares it with every reader near the
// tail.
#pragma once

#include <vector>

#include "engine/api/batch.h"
#include "engine/format/stored_batch.h"
#include "engine/state/part.h"
#include "engine/state/streams.h"

namespace strandline {

struct CollectedEvents : StatePart::Pending {
  // A stream that the group appends to.
  struct Stage {
    Stream* stream;
    StoredBatchWriter writer;  // of the value being filled
    Offset first;              // of its first event
    Sequence sequence;
  };

  void clear() override;

  std::vector<Stage> stages;
  std::vector<Range> ranges;  // for the log's own record
  Sequence first_sequence;    // the group's
  uint64_t bytes_before = 0;  // of the log's stored batches, as the group began
  // Once staged: every value, and the log's own record last.
  std::vector<BatchPointer> batches;
};

class StoredEvents : public Collecting<CollectedEvents> {
 public:
  StoredEvents(StateParts& parts, LogState& log) : Collecting(parts), log_(log) {}

  struct Place {
    Offset first, next;  // [first, next) of the stream
    Sequence sequence;   // of the first
  };
  // Gives the batch's events their offsets and sequences.
  Place append(CommitGroup& group, Stream& stream, const Batch& batch);

  Status load(Loading&) override { return {}; }  // readers look for events where they are stored
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  // Every checksum, every FlatBuffer, the contiguity of every stream from its start to its tail,
  // and the log's own records against the streams they name.
  void verify(Verification& verification) const override;
  Status rebuild(Rebuild&) const override { return {}; }  // they are what the rest is rebuilt from

 private:
  CollectedEvents::Stage& stage_of(CommitGroup& group, Stream& stream);
  void finish_value(CommitGroup& group, CollectedEvents::Stage& stage);
  void finish_log_record(CommitGroup& group);

  LogState& log_;
};

}  // namespace strandline
