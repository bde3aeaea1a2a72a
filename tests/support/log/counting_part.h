// A part of the log's state that only tests have (engine/state/part.h): how many events each stream
// was ever given. It is added through the seam that the log's own parts go through, and no other.
//
// Its records stand in the producers family, behind all others: a byte and the stream (u64 BE) ->
// u64 LE.
#pragma once

#include <map>
#include <mutex>

#include "engine/api/types.h"
#include "engine/state/part.h"

namespace strandline::tests {

struct CollectedCounts : StatePart::Pending {
  void clear() override { counts.clear(); }

  std::map<StreamId, uint64_t> counts;  // as they are when the group is durable
};

class CountingPart : public Collecting<CollectedCounts> {
 public:
  explicit CountingPart(LogState& log);

  uint64_t durable(StreamId stream) const;  // any thread
  // As if a bit of its record were wrong.
  Status spoil(StreamId stream, uint64_t count);

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification& verification) const override;
  Status rebuild(Rebuild& rebuild) const override;

 private:
  LogState& log_;
  std::map<StreamId, uint64_t> assigned_;  // the writer's
  mutable std::mutex mutex_;               // guards durable_
  std::map<StreamId, uint64_t> durable_;
};

}  // namespace strandline::tests
