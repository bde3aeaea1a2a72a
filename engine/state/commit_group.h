// A commit group: what the writer commits together.
//
// It is one WriteBatch, one place in the log's order, and one fsync at most. The writer fills it,
// and the commit stage publishes it: only then are its streams' tails raised and its answers given.
// The parts of the log's state (part.h) know what it changes: it has a slot for each part.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "engine/api/types.h"
#include "engine/format/keys.h"
#include "engine/state/outcome.h"
#include "engine/state/part.h"
#include "engine/store/store.h"

namespace strandline {

struct CommitGroup {
  struct Answer {
    Answering done;
    Result<Outcome> result;
  };

  // `number` differs from group to group, and is not 0.
  CommitGroup(uint64_t number, Timestamp stored, Changes changes, Pendings pendings)
      : number(number),
        stored(stored),
        changes(std::move(changes)),
        pendings(std::move(pendings)) {}

  // What it collects for a part.
  template <class P>
  typename P::Collected& of(const P& part) {
    return static_cast<typename P::Collected&>(*(*pendings)[part.index()]);
  }

  uint64_t number;
  Timestamp stored;  // when its events are
  Changes changes;
  Pendings pendings;
  std::vector<StreamId> woken;  // streams with a tail that is raised, consumers by their wakeup()
  std::vector<StripeId> sealed_stripes;     // nothing is appended to them from this group on,
  std::optional<SegmentId> sealed_segment;  // and to this; what they hold is durable once published
  bool last = false;                        // the log is closing
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
