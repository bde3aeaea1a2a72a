// Fills a commit group: checks the conditions of each append, assigns offsets and sequences, and
// lays out the one WriteBatch that holds everything an append changes.
//
// *Threads*: the writer's. *Atomicity*: an operation is checked as a whole before any of it is
// staged, so a refused one leaves no trace. *Order*: sequences are given in the order of add().
#pragma once

#include <string>
#include <string_view>

#include "engine/group.h"
#include "engine/log_state.h"

namespace strandline {

class GroupBuilder {
 public:
  // `number` differs from group to group.
  GroupBuilder(LogState& log, uint64_t number);

  // Stages an append, a commit, a broadcast or a consumer's operation, or refuses it.
  void add(Operation operation);
  bool empty() const { return group_.answers.empty() && group_.accepted.empty(); }
  size_t bytes() const { return group_.bytes; }
  // Closes the open segment and opens the next: before anything is added.
  SegmentId roll();
  bool roll_is_due() const;  // by size or age
  // Lays out the values and hands the group over.
  Group finish();

  // --- For operations on streams and segments (administration.h), which have a group to
  // themselves.
  Group& group() { return group_; }
  Timestamp stored() const { return stored_; }
  void put_identity(Stream& stream, const std::string& description);
  void put_state(Stream& stream);

 private:
  // A stream that this group appends to.
  struct Stage {
    Stream* stream;
    StoredBatchWriter writer;  // of the value being filled
    Offset first;              // of its first event
    Sequence sequence;
  };

  Result<Outcome> append(AppendMany& request);
  Result<Outcome> broadcast(Broadcast& request);
  Status check_consumers(const AppendMany& request);
  Appended stage(const std::string& name, const Batch& batch, Durability durability);
  void commit(const Commit& commit);
  void put_original(const AppendMany::Part& part, const Appended& appended);
  void put_expiring(const std::string& key, uint64_t ttl_s, std::string_view value);
  Stream& stream_for(const std::string& name);
  Stage& stage_of(Stream& stream);
  void enter_segment(Stream& stream, uint64_t first);
  void finish_value(Stage& stage);
  void finish_log_record();

  LogState& log_;
  const uint64_t number_;
  const Timestamp stored_;
  Group group_;
  std::vector<Stage> stages_;
  std::vector<Range> ranges_;
  const Sequence first_sequence_;
  const uint64_t bytes_before_;  // of the log's stored batches, as the group began
};

}  // namespace strandline
