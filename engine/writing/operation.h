// What is asked of the writer: the operations, and what each is (operation_traits.h). A named
// consumer's are in consumer_desk.h.
//
// *Threads*: an operation is made on any, and belongs to the writer once submitted; `done` is
// called once, on the engine's threads, and must only post.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "engine/api/access.h"
#include "engine/api/administration.h"
#include "engine/api/append.h"
#include "engine/api/log_info.h"
#include "engine/state/audit_trees.h"
#include "engine/state/event_index.h"
#include "engine/state/outcome.h"
#include "engine/store/held_files.h"
#include "engine/writing/consumer_desk.h"
#include "engine/writing/operation_traits.h"
#include "engine/writing/rewriting.h"

namespace strandline {

struct CreateStream {
  std::string name;
  StreamSettings settings;
};
template <>
struct OperationTraits<CreateStream>
    : Always<Grouping::alone, Effect::changes, Reserve::full, FullQueue::refuses, Written::down> {};
struct DeleteStream {
  std::string name;
};
template <>
struct OperationTraits<DeleteStream>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// The description of a stream, and its own policy.
struct ChangeStream {
  std::string name;
  StreamChange change;
};
template <>
struct OperationTraits<ChangeStream>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// The policy of a prefix.
struct ChangePolicy {
  std::string prefix;
  PolicyChange change;
};
template <>
struct OperationTraits<ChangePolicy>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// Of legal holds (engine/api/hold.h).
struct LayHold {
  NewHold hold;
  std::string by;
};
template <>
struct OperationTraits<LayHold>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
struct ReleaseHold {
  std::string name;
};
template <>
struct OperationTraits<ReleaseHold>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// What retention found to be due (retention.h): streams are cut, as far as nobody keeps them.
struct Cut {
  StreamId stream;
  Offset before;
  uint64_t bytes_below;  // of the stream's stored batches that end at or below it
  Sequence last;         // of the last event that goes
};
struct Expire {
  std::vector<Cut> cuts;
};
template <>
struct OperationTraits<Expire>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::no> {};
// The clock jumped; and, somebody says that it is right.
struct PauseRetention {
  RetentionPause pause;
};
template <>
struct OperationTraits<PauseRetention>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
struct ConfirmClock {};
template <>
struct OperationTraits<ConfirmClock>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// A segment was rewritten: so many bytes of its batches are not in its tables any more.
struct NoteRemoved {
  SegmentId segment;
  uint64_t bytes;
};
template <>
struct OperationTraits<NoteRemoved>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::no> {};
struct Truncate {
  std::string name;
  Offset before;
  bool dry_run = false;  // says what would go, and changes nothing
};
template <>
struct OperationTraits<Truncate>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
struct Roll {};
template <>
struct OperationTraits<Roll>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// Where a stream is in a segment, and where it goes on behind it.
struct StreamEnd {
  StreamId stream;
  Offset first;  // [first, end) of it are there, and in holes that follow
  Offset end;
  std::optional<uint64_t> bytes_below;  // of the stream; none: the writer is to look
  int64_t stored_us = 0;                // the last of them
};
struct DropSegment {
  SegmentId segment;
  // Of the streams that it holds (segment_ends.h); none if it could not be dropped when the drop
  // was asked for.
  std::optional<std::vector<StreamEnd>> ends;
};
template <>
struct OperationTraits<DropSegment>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
// Removes the entries of a dropped segment's stripe from the directory. A step of its own, after
// the drop is durable: until the raised starts are published, readers still look for what is below
// them. Stripe by stripe, so that no append waits for all of a segment's.
struct ForgetStripe {
  StripeId stripe;
};
template <>
struct OperationTraits<ForgetStripe>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::no> {};

// The same of a segment that has older ones before it: where streams go on on both sides, holes are
// left in the directory. Part by part; the last removes the records of the stripes.
struct LeaveHoles {
  SegmentId segment;
  std::vector<StreamEnd> streams;
  uint64_t stripes = 0;  // of the segment, in the last part
};
template <>
struct OperationTraits<LeaveHoles>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::takes, Written::no> {};

// The index of a sealed stripe, as the indexer made it; or what is to be removed of one. The
// indexer has one under way at most: a full queue need not hold it up.
struct KeepIndex {
  std::variant<StripeIndex, IndexRemoval> change;
};
template <>
struct OperationTraits<KeepIndex>
    : Always<Grouping::shared, Effect::changes, Reserve::full, FullQueue::takes, Written::no> {};

// What was made of an audit tree, or signed. The signer writes down what it signs.
struct ChangeTree {
  TreeChange change;
};
template <>
struct OperationTraits<ChangeTree>
    : Always<Grouping::shared, Effect::changes, Reserve::full, FullQueue::refuses, Written::no> {};

// Of API keys (engine/api/access.h). They lock out whoever must not be let in any more, so that a
// full disk does not stop them.
struct CreateKey {
  NewApiKey key;
};
template <>
struct OperationTraits<CreateKey>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
struct RotateKey {
  std::string name;
  std::string digest;
  std::chrono::seconds grace;
};
template <>
struct OperationTraits<RotateKey>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
struct RevokeKey {
  std::string name;
};
template <>
struct OperationTraits<RevokeKey>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};

// A key's secret is shown for the first time since it was created, or rotated.
struct FirstUse {
  std::string name;
};
template <>
struct OperationTraits<FirstUse>
    : Always<Grouping::alone, Effect::changes, Reserve::full, FullQueue::refuses, Written::down> {};
// Nothing but the writing down: of what happened outside of the log, such as a refusal.
struct Record {
  Act act;
};
template <>
struct OperationTraits<Record>
    : Always<Grouping::shared, Effect::changes, Reserve::full, FullQueue::refuses, Written::down> {
};

// For a backup (log_backup.cc): the store's files are held, as they are between two commit groups.
// It is answered once all that is in them is durable. That a backup was made is written down when
// it is done.
struct HeldStore {
  std::unique_ptr<HeldFiles> files;
  Sequence next;         // one past the last event in them
  uint64_t changes = 0;  // as in the head mark
  Timestamp at;
};
struct HoldFiles {
  std::shared_ptr<HeldStore> held;
};
template <>
struct OperationTraits<HoldFiles>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::no> {};
// The log was restored from a backup, and is another incarnation from here on.
struct BeginIncarnation {
  std::string id;
  uint64_t backup;
  Sequence first;
};
template <>
struct OperationTraits<BeginIncarnation>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};

template <>
struct OperationTraits<Broadcast>
    : Always<Grouping::shared, Effect::changes, Reserve::full, FullQueue::refuses, Written::no> {};
template <>
struct OperationTraits<AppendMany> {
  // Without events or marks it is commits and settlements: consumers' work.
  static constexpr bool administrative = false;
  static Treatment of(const AppendMany& many) {
    const bool stores = !many.parts.empty() || !many.once.empty();
    return {Grouping::shared, Effect::changes, stores ? Reserve::full : Reserve::half,
            FullQueue::refuses};
  }
};

struct Operation {
  using Request =
      std::variant<AppendMany, Broadcast, CreateStream, DeleteStream, ChangeStream, ChangePolicy,
                   LayHold, ReleaseHold, Expire, PauseRetention, ConfirmClock, NoteRemoved,
                   Truncate, Roll, DropSegment, ForgetStripe, LeaveHoles, KeepIndex, ChangeTree,
                   CreateKey, RotateKey, RevokeKey, FirstUse, Record, BeginErasure, EndErasure,
                   Rewrite, ReplaceRecords, FlushAll, HoldFiles, BeginIncarnation, ConsumerRequest>;
  using Done = Answering;

  Request request;
  Done done;
  size_t bytes = 0;  // that it holds while it waits
  // Who asks, and what is written down of it if its request does not say it by itself.
  Actor by = {};
  std::optional<Act> act = {};
};

// Counted as an append, when it is refused.
inline bool is_append(const Operation::Request& request) {
  return std::holds_alternative<AppendMany>(request) || std::holds_alternative<Broadcast>(request);
}

}  // namespace strandline
