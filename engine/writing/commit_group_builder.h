// Fills a commit group: checks the conditions of each append, hands what it changes to the parts of
// the state (part.h), and has them lay out the one WriteBatch that holds all of it.
//
// *Threads*: the writer's. *Atomicity*: an operation is checked as a whole before any of it is
// staged, so a refused one leaves no trace. *Order*: sequences are given in the order of add().
#pragma once

#include <string>
#include <string_view>

#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"
#include "engine/writing/operation.h"

namespace strandline {

class CommitGroupBuilder {
 public:
  // `number` differs from group to group.
  CommitGroupBuilder(LogState& log, uint64_t number);

  // Stages an append, a commit, a broadcast or a consumer's operation, or refuses it.
  void add(Operation operation);
  bool empty() const { return group_.answers.empty() && group_.accepted.empty(); }
  size_t bytes() const { return group_.bytes; }
  // Closes the open segment and opens the next: before anything is added.
  SegmentId roll();
  bool roll_is_due() const;   // by size or age
  void next_stripe_if_due();  // before anything is added
  // Writes down what was done, if it is an administrative act and the log is to.
  void write_down(const Operation& operation, const Result<Outcome>& result);
  // Has every part stage what it collected, and hands the group over.
  CommitGroup finish();

  // --- For operations on streams and segments (administration.h), which have a group to
  // themselves.
  CommitGroup& group() { return group_; }

 private:
  Result<Outcome> append(AppendMany& request);
  Result<Outcome> broadcast(Broadcast& request);
  Status check_consumers(const AppendMany& request);
  Appended append_to(const std::string& name, const Batch& batch, Durability durability);
  void commit(const Commit& commit);
  void put_original(const AppendMany::Part& part, const Appended& appended);
  void put_expiring(const std::string& key, uint64_t ttl_s, std::string_view value);
  Stream& stream_for(const std::string& name);

  LogState& log_;
  CommitGroup group_;
};

}  // namespace strandline
