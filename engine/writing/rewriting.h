// Operations that change what is stored of events: erasure, and compaction by key (eraser.h,
// compactor.h). Each has a commit group to itself. What they write was made on another thread;
// here it is checked once more that it still fits, and put in the place of what it was made of.
//
// *Threads*: the writer's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/api/administration.h"
#include "engine/format/erasure_record.h"
#include "engine/format/keys.h"
#include "engine/state/outcome.h"
#include "engine/store/store.h"
#include "engine/writing/operation_traits.h"

namespace strandline {

class CommitGroupBuilder;
struct LogState;

// The first half of an erasure's receipt. Its number is the erasure's id.
struct BeginErasure {
  ErasureRecord record;
  std::string details = {};  // of its act
};
template <>
struct OperationTraits<BeginErasure>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};

// The other half: the bytes are gone.
struct EndErasure {
  uint64_t id;
};
template <>
struct OperationTraits<EndErasure>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::takes, Written::down> {};

// Stored batches that take the place of others. Its number is how many did: those whose segment is
// gone, or which are not what they were made of any more, are left out.
struct RebuiltBatch {
  EventKey key;
  uint32_t made_of;  // the checksum of the one that it was made of
  std::string value;
};
// Events that went, or whose data did, each run of one part: so it is one of sequences, too.
struct LostRun {
  StreamId stream;
  Offset first;
  Sequence sequence;
  uint32_t count;
};
struct Rewrite {
  std::vector<RebuiltBatch> batches;
  bool compacts = false;           // a legal hold stops it
  std::vector<LostRun> lost = {};  // what members said of these when they nacked them goes, too
};
template <>
struct OperationTraits<Rewrite>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::takes, Written::no> {};

// Records that said something of the bytes of events, such as their checksum. Each is replaced if
// it is still what it was.
struct ReplaceRecords {
  struct One {
    Family family;
    std::string key, was, is;
  };
  std::vector<One> records;
};
template <>
struct OperationTraits<ReplaceRecords>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::takes, Written::no> {};

// Moves what was written before into table files, and the WAL on.
struct FlushAll {};
template <>
struct OperationTraits<FlushAll>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::takes, Written::no> {};

Result<Outcome> begin_erasure(LogState& log, CommitGroupBuilder& builder, const BeginErasure& one);
Result<Outcome> end_erasure(LogState& log, CommitGroupBuilder& builder, const EndErasure& one);
Result<Outcome> rewrite(LogState& log, CommitGroupBuilder& builder, const Rewrite& request);
Result<Outcome> replace_records(LogState& log, CommitGroupBuilder& builder,
                                const ReplaceRecords& request);

Act act_for(const BeginErasure& one, const Outcome& outcome);
Act act_for(const EndErasure& one, const Outcome& outcome);

}  // namespace strandline
