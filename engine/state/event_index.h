// The index of types and subjects: which sealed stripes have one, and what it says.
//
// A stripe's index is made after it was sealed, by the indexer (engine/writing), and written as one
// change. Nothing rests on it: a stripe without one is scanned by its readers, and so is one of
// which a record is damaged. *Threads*: find and the indexer's questions: any; put: the writer's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/api/reading.h"
#include "engine/state/part.h"
#include "engine/state/stripe_index.h"

namespace strandline {

// Of a stripe whose segment is gone.
struct IndexRemoval {
  StripeId stripe;
  std::vector<std::string> keys;
};

struct CollectedIndex : StatePart::Pending {
  void clear() override;

  std::vector<StripeIndex> made;
  std::vector<IndexRemoval> removals;
};

// Where in a stripe a filter's matches may be.
struct Candidates {
  enum class Where { nowhere, chunks, everywhere };

  StripeId stripe;
  Sequence first;  // [first, next) are its events
  Sequence next;
  Where where = Where::nowhere;
  std::vector<uint32_t> chunks = {};  // ascending
};

class EventIndex : public Collecting<CollectedIndex> {
 public:
  EventIndex(StateParts& parts, LogState& log) : Collecting(parts), log_(log) {}

  // What there is of the stripes [from, to], from the first on and without a hole, `most` at most.
  // What is read of it is added to `bytes`.
  std::vector<Candidates> find(const EventFilter& filter, StripeId from, StripeId to, size_t most,
                               uint64_t& bytes) const;
  std::optional<IndexChunks> chunks_of(StripeId stripe, uint64_t& bytes) const;

  // --- The writer's.
  void put(CommitGroup& group, StripeIndex index);
  void remove(CommitGroup& group, IndexRemoval removal);

  // --- The indexer's.
  // Waits until it has work: a sealed stripe without an index, or one whose segment is gone.
  // Nothing: it was told to stop.
  struct Work {
    StripeId stripe;
    bool gone = false;
  };
  std::optional<Work> wait_for_work();
  // Of what is there of a stripe's index.
  IndexRemoval removal_of(StripeId stripe) const;
  // Cannot be made until the log is opened again: not every batch can be read.
  void give_up(StripeId stripe);
  void stop();
  // False: it was told to stop meanwhile.
  bool pause_for(std::chrono::milliseconds time);
  // Sealed stripes that an index can be made of, and that have none yet.
  uint64_t backlog() const;

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  // Makes the index of each stripe again, and compares.
  void verify(Verification& verification) const override;
  // Forgets which stripes have one: it is made anew.
  Status rebuild(Rebuild& rebuild) const override;

 private:
  std::optional<Work> find_work() const;

  LogState& log_;
  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::set<StripeId> indexed_;
  std::set<StripeId> given_up_;
  bool stopped_ = false;
};

}  // namespace strandline
