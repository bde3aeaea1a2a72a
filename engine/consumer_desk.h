// Where named consumers are changed: each operation is checked as a whole, then applied to memory
// and to the group's WriteBatch together.
//
// *Threads*: the writer's. *Durability*: what it answers is given out after the group's fsync, as
// every answer of a group is. *Errors*: not_found, exists, fenced (with the current epoch),
// conflict (with the current position), invalid for what was never given out, limit.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "engine/consumer.h"
#include "engine/consumers.h"

namespace strandline {

struct LogState;
struct Group;
class Stream;
struct Bury;
struct Commit;

// `position` is where it starts, resolved.
struct CreateConsumer {
  std::string name;
  ConsumerSettings settings;
  uint64_t position;
};
struct DeleteConsumer {
  std::string name;
};
// Fences all members: they join again, and go on from there.
struct ResetConsumer {
  std::string name;
  uint64_t position;
};
struct JoinConsumer {
  std::string name;
};
struct LeaveConsumer {
  std::string name;
  uint64_t epoch;
};
struct GiveOut {
  Fetch fetch;
};
// Puts dead letters back among what waits, as if never given out.
struct ReplayDead {
  std::string name;
  std::vector<uint64_t> positions;
};
// What an exclusive reader was given could not be read for it: it is given it again.
struct Rewind {
  std::string name;
  uint64_t epoch;
  uint64_t position;
};
// What is dead, from a position on.
struct ListDead {
  std::string name;
  uint64_t from;
  size_t limit;
};
// By name, or those that list() gives.
struct DescribeConsumers {
  std::string name;
  std::string prefix, after;
  size_t limit = 1;
};
using ConsumerRequest =
    std::variant<CreateConsumer, DeleteConsumer, ResetConsumer, JoinConsumer, LeaveConsumer,
                 GiveOut, Settle, ReplayDead, Rewind, ListDead, DescribeConsumers>;

// Changes nothing.
inline bool only_looks(const ConsumerRequest& request) {
  return std::holds_alternative<ListDead>(request) ||
         std::holds_alternative<DescribeConsumers>(request);
}

using ConsumerOutcome = std::variant<std::monostate, ConsumerInfo, Joined, Assignment, Settled,
                                     std::vector<ConsumerInfo>, std::vector<DeadLetter>, uint64_t>;

class ConsumerDesk {
 public:
  ConsumerDesk(LogState& log, Group& group, Timestamp stored)
      : log_(log), group_(group), stored_(stored) {}

  Result<ConsumerOutcome> perform(const ConsumerRequest& request);

  // --- As parts of an append. Check all of it before anything is applied.
  Status check(const Settle& settle) const;
  Settled apply(const Settle& settle);
  Status check(const Bury& bury) const;
  void apply(const Bury& bury, std::optional<Offset> first);
  // Whether a commit may be made: of a named consumer, by its reader alone.
  Status check(const Commit& commit) const;

 private:
  Result<ConsumerOutcome> run(const CreateConsumer& request);
  Result<ConsumerOutcome> run(const DeleteConsumer& request);
  Result<ConsumerOutcome> run(const ResetConsumer& request);
  Result<ConsumerOutcome> run(const JoinConsumer& request);
  Result<ConsumerOutcome> run(const LeaveConsumer& request);
  Result<ConsumerOutcome> run(const GiveOut& request);
  Result<ConsumerOutcome> run(const Settle& request);
  Result<ConsumerOutcome> run(const ReplayDead& request);
  Result<ConsumerOutcome> run(const Rewind& request);
  Result<ConsumerOutcome> run(const ListDead& request);
  Result<ConsumerOutcome> run(const DescribeConsumers& request);

  Result<NamedConsumer*> find(const std::string& name) const;
  Status check_epoch(const NamedConsumer& consumer, uint64_t epoch) const;
  Status check_size(const Settle& settle) const;
  Status check_span(const NamedConsumer& consumer, const Settle& settle, const Span& span) const;
  void give_out(NamedConsumer& consumer, const Fetch& fetch, Assignment& assignment);
  void give_exclusive(NamedConsumer& consumer, const Fetch& fetch, Assignment& assignment);
  bool is_behind(const NamedConsumer& consumer) const;
  void hold_exhausted(NamedConsumer& consumer, uint64_t position, Assignment& assignment);
  Joined join(NamedConsumer& consumer);
  ConsumerInfo describe(NamedConsumer& consumer) const;
  StreamId scope_of(const NamedConsumer& consumer) const;
  uint64_t position_of(const NamedConsumer& consumer) const;  // all below it is acked
  void put_position(NamedConsumer& consumer, uint64_t position);
  void put_state(NamedConsumer& consumer);
  void put_unacked(NamedConsumer& consumer);
  int64_t now_us() const;
  int64_t deadline_us(const NamedConsumer& consumer) const;

  LogState& log_;
  Group& group_;
  const Timestamp stored_;
};

// What a consumer's positions are of: a stream's name, or `$all`.
std::string scope_name(const ConsumerSettings& settings);

// On the writer's thread, or where there is no writer.
ConsumerInfo describe_consumer(const LogState& log, NamedConsumer& consumer, int64_t now_us);
std::vector<DeadLetter> dead_letters_of(const NamedConsumer& consumer, uint64_t from, size_t limit);

// `conflict` if what lies below `before` of a stream must be kept for a consumer that retains it.
Status may_forget(const LogState& log, const Stream& stream, Offset before);

}  // namespace strandline
