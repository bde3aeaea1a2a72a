// A part of the log's state, and what a commit group changes of it: one interface for all.
//
// A commit group changes streams, segments, positions, consumers; each of these is a part. A part
// is *loaded* at open, *stages* into the group's WriteBatch what it collected, *publishes* that
// once it is durable, is *verified*, and is *rebuilt* from the stored events after a loss that was
// accepted. None of the five has a default: a part that has nothing to do says so.
//
// *To add a part*: a class in a file of its own, and one line in LogState (log_state.h), where it
// stands in the order. Nothing else names the parts one by one.
//
// What a group collects for a part lies in the group, in a slot of the part's own type (Pending),
// for several groups are under way at once: one is filled while others wait for their fsync.
//
// *Invariants*
//  1. The list of parts never changes once a log is loaded. Its order is that of the members of
//     LogState, and every step goes through it in this order.
//  2. Collecting and stage() run on the writer's thread, publish() on whichever thread finishes the
//     group; groups are published one at a time, in the order in which they were staged.
//  3. stage() runs once a group, when the group is complete, and before it is written. It sees what
//     the parts before it have staged: the events, and then everything that counts or indexes them.
//  4. What is assigned (in memory, the writer's) may run ahead of what is durable. Readers see only
//     what publish() gave them, and publish() runs only after the group's fsync.
//  5. Events are in the batch cache, and segments in their list, before a tail is raised: who finds
//     a tail raised finds what is below it.
//  6. A stream's tail is raised once a group, and the log's own stream comes last: who follows it
//     finds the others' tails raised.
//  7. Wake-ups come after every publish(), so that whoever arms first and reads then misses none.
//     A part names in CommitGroup::woken whom it has news for. Answers come after the wake-ups.
//  8. A group that failed is not published, and no part is told: the log is sealed, and what was
//     assigned is never used again.
//  9. A part owns its keys: it alone writes them into a WriteBatch. Of two changes to a key in one
//     group the one made last counts.
// 10. rebuild() reads the store and changes nothing in memory: it runs before anything is loaded.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "engine/api/error.h"

namespace strandline {

class Clock;
class Store;
class StateParts;
class Verification;
struct CommitGroup;
struct LogState;
struct Rebuild;

// An opening, for the parts that it loads.
struct Loading {
  LogState& log;  // the parts before this one in the list are loaded
  // A loss was accepted, or one that was is being repaired: records that do not fit are taken out
  // or set right, durably, and not refused.
  bool lenient;
  std::string loss = {};  // what was lost by that
};

class StatePart {
 public:
  // What a group collects for a part. One object serves group after group: clear() makes it as good
  // as new, and may keep its memory.
  struct Pending {
    virtual ~Pending() = default;
    virtual void clear() = 0;
  };

  explicit StatePart(StateParts& parts);
  virtual ~StatePart() = default;
  StatePart(const StatePart&) = delete;
  StatePart& operator=(const StatePart&) = delete;

  // Reads its records; `corrupt`, with the record's place, for what does not parse.
  virtual Status load(Loading& loading) = 0;
  // Lays what the group collected into its WriteBatch. `store` has what earlier groups wrote.
  virtual void stage(CommitGroup& group, const Store& store) = 0;
  virtual void publish(CommitGroup& group) = 0;
  // Reads its records as they are stored, and tells what is wrong with them. Any thread.
  virtual void verify(Verification& verification) const = 0;
  // Makes its records again, where they were lost, from what the events say of them.
  virtual Status rebuild(Rebuild& rebuild) const = 0;

  size_t index() const { return index_; }  // in the list, and in a group
  // Null: it collects nothing.
  virtual std::unique_ptr<Pending> make_pending() const { return nullptr; }

 private:
  const size_t index_;
};

// A part that collects a T, which the group gives out: group.of(part).
template <class T>
class Collecting : public StatePart {
 public:
  using Collected = T;
  using StatePart::StatePart;
  std::unique_ptr<StatePart::Pending> make_pending() const final { return std::make_unique<T>(); }
};

// What one group collects, for each part. Goes back to the list that gave it.
using PendingSet = std::vector<std::unique_ptr<StatePart::Pending>>;
struct GiveBack {
  StateParts* parts;
  void operator()(PendingSet* set) const;
};
using Pendings = std::unique_ptr<PendingSet, GiveBack>;

// The parts of a log, in order. *Threads*: begin_group and giving back: any; it never changes.
class StateParts {
 public:
  auto begin() const { return parts_.begin(); }
  auto end() const { return parts_.end(); }
  // Empty ones, of a group that is over if there is one: so a group costs no allocation here.
  Pendings begin_group();

 private:
  friend StatePart;
  friend GiveBack;

  std::vector<StatePart*> parts_;
  std::mutex mutex_;  // guards idle_
  std::vector<std::unique_ptr<PendingSet>> idle_;
};

}  // namespace strandline
