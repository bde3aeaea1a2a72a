// Changes named consumers. Each operation is checked as a whole, and then applied to memory and to
// the commit group's WriteBatch together.
//
// *Threads*: the writer's. *Durability*: what it answers is given out after the group's fsync, as
// every answer of a group is. *Errors*: not_found, exists, fenced (with the current epoch),
// conflict (with the current position), invalid for what was never given out, limit.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "engine/api/consumer.h"
#include "engine/state/consumer_standing.h"
#include "engine/state/consumers.h"
#include "engine/state/outcome.h"
#include "engine/writing/operation_traits.h"

namespace strandline {

struct LogState;
struct CommitGroup;
class Stream;
struct Bury;
struct Commit;

// `position` is where it starts, resolved.
struct CreateConsumer {
  std::string name;
  ConsumerSettings settings;
  uint64_t position;
};
template <>
struct OperationTraits<CreateConsumer>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::down> {
};
struct DeleteConsumer {
  std::string name;
};
template <>
struct OperationTraits<DeleteConsumer>
    : Always<Grouping::shared, Effect::changes, Reserve::none, FullQueue::refuses, Written::down> {
};
// Fences all members: they join again, and go on from there.
struct ResetConsumer {
  std::string name;
  uint64_t position;
};
template <>
struct OperationTraits<ResetConsumer>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::down> {
};
// Its bounds; its definition is written anew.
struct UpdateConsumer {
  std::string name;
  ConsumerChange change;
};
template <>
struct OperationTraits<UpdateConsumer>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::down> {
};
struct JoinConsumer {
  std::string name;
};
template <>
struct OperationTraits<JoinConsumer>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::no> {};
struct LeaveConsumer {
  std::string name;
  uint64_t epoch;
  bool untried = false;  // what it has counts no attempt
};
template <>
struct OperationTraits<LeaveConsumer>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::no> {};
struct GiveOut {
  Fetch fetch;
};
template <>
struct OperationTraits<GiveOut>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::no> {};
// Puts dead letters back among what waits, as if never given out.
struct ReplayDead {
  std::string name;
  std::vector<uint64_t> positions;
};
template <>
struct OperationTraits<ReplayDead>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::down> {
};
// What an exclusive reader was given could not be read for it: it is given it again.
struct Rewind {
  std::string name;
  uint64_t epoch;
  uint64_t position;
};
template <>
struct OperationTraits<Rewind>
    : Always<Grouping::shared, Effect::changes, Reserve::none, FullQueue::takes, Written::no> {};
// What is dead, from a position on.
struct ListDead {
  std::string name;
  uint64_t from;
  size_t limit;
};
template <>
struct OperationTraits<ListDead>
    : Always<Grouping::shared, Effect::none, Reserve::none, FullQueue::refuses, Written::no> {};
// What is due by time alone: deadlines and delays that have passed, and then some of what is to be
// dead-lettered, which is held for who asks (burial.h).
struct TakeSpent {
  std::string name;
};
template <>
struct OperationTraits<TakeSpent>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::no> {};
// The same for what a group is to skip: unacked positions of [from, to), of everything unacked the
// first if none are given.
struct TakeSkipped {
  std::string name;
  std::optional<Span> span;
  std::string cause;
};
template <>
struct OperationTraits<TakeSkipped>
    : Always<Grouping::shared, Effect::changes, Reserve::half, FullQueue::refuses, Written::no> {};
template <>
struct OperationTraits<Settle> {
  static constexpr bool administrative = false;
  static Treatment of(const Settle& settle) {
    const bool only_returns = !settle.returns.empty() && settle.acks.empty() &&
                              settle.nacks.empty() && settle.extends.empty();
    return {Grouping::shared, Effect::changes, Reserve::half,
            only_returns ? FullQueue::takes : FullQueue::refuses};
  }
};
using ConsumerRequest = std::variant<CreateConsumer, DeleteConsumer, ResetConsumer, UpdateConsumer,
                                     JoinConsumer, LeaveConsumer, GiveOut, Settle, ReplayDead,
                                     Rewind, ListDead, TakeSpent, TakeSkipped>;

class ConsumerDesk {
 public:
  ConsumerDesk(LogState& log, CommitGroup& group, Timestamp stored)
      : log_(log), group_(group), stored_(stored) {}

  Result<ConsumerOutcome> perform(const ConsumerRequest& request);

  // --- As parts of an append. Check all of it before anything is applied.
  Status check(const Settle& settle) const;
  Settled apply(const Settle& settle);
  Status check(const Bury& bury) const;
  void apply(const Bury& bury, std::optional<Offset> first);
  // Whether a commit may be made: of a named consumer, by its reader alone.
  Status check(const Commit& commit) const;

  // What there is to say of it changed: the group publishes it.
  void touch(std::string_view name);

 private:
  Result<ConsumerOutcome> run(const CreateConsumer& request);
  Result<ConsumerOutcome> run(const DeleteConsumer& request);
  Result<ConsumerOutcome> run(const ResetConsumer& request);
  Result<ConsumerOutcome> run(const UpdateConsumer& request);
  Result<ConsumerOutcome> run(const JoinConsumer& request);
  Result<ConsumerOutcome> run(const LeaveConsumer& request);
  Result<ConsumerOutcome> run(const GiveOut& request);
  Result<ConsumerOutcome> run(const Settle& request);
  Result<ConsumerOutcome> run(const ReplayDead& request);
  Result<ConsumerOutcome> run(const Rewind& request);
  Result<ConsumerOutcome> run(const ListDead& request);
  Result<ConsumerOutcome> run(const TakeSpent& request);
  Result<ConsumerOutcome> run(const TakeSkipped& request);

  Result<NamedConsumer*> find(const std::string& name) const;
  Status check_epoch(const NamedConsumer& consumer, uint64_t epoch) const;
  Status check_size(const Settle& settle) const;
  Status check_span(const NamedConsumer& consumer, const Settle& settle, const Span& span) const;
  void give_out(NamedConsumer& consumer, const Fetch& fetch, Assignment& assignment);
  void give_exclusive(NamedConsumer& consumer, const Fetch& fetch, Assignment& assignment);
  bool is_behind(const NamedConsumer& consumer) const;
  uint32_t count_attempt(NamedConsumer& consumer, uint64_t epoch, uint64_t position);
  Spent hold_spent(NamedConsumer& consumer, uint64_t position);
  Joined join(NamedConsumer& consumer);
  void touch(NamedConsumer& consumer);
  ConsumerInfo describe(NamedConsumer& consumer) const;
  StreamId scope_of(const NamedConsumer& consumer) const;
  uint64_t position_of(const NamedConsumer& consumer) const;  // all below it is acked
  void put_position(NamedConsumer& consumer, uint64_t position);
  void put_state(NamedConsumer& consumer);
  void put_unacked(NamedConsumer& consumer);
  int64_t now_us() const;
  int64_t deadline_us(const NamedConsumer& consumer) const;

  LogState& log_;
  CommitGroup& group_;
  const Timestamp stored_;
};

}  // namespace strandline
