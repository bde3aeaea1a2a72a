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
#include "engine/state/event_index.h"
#include "engine/state/outcome.h"
#include "engine/writing/consumer_desk.h"
#include "engine/writing/operation_traits.h"

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
struct Truncate {
  std::string name;
  Offset before;
};
template <>
struct OperationTraits<Truncate>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
struct Roll {};
template <>
struct OperationTraits<Roll>
    : Always<Grouping::alone, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {};
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

// The index of a sealed stripe, as the indexer made it; or what is to be removed of one. The
// indexer has one under way at most: a full queue need not hold it up.
struct KeepIndex {
  std::variant<StripeIndex, IndexRemoval> change;
};
template <>
struct OperationTraits<KeepIndex>
    : Always<Grouping::shared, Effect::changes, Reserve::full, FullQueue::takes, Written::no> {};

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
  using Request = std::variant<AppendMany, Broadcast, CreateStream, DeleteStream, Truncate, Roll,
                               DropSegment, ForgetStripe, KeepIndex, CreateKey, RotateKey,
                               RevokeKey, FirstUse, Record, ConsumerRequest>;
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
