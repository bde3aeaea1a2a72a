// The named consumers of a log, in memory.
//
// A consumer's identity and settings never change, and live as long as somebody holds it; where it
// stands is the writer's, and runs ahead of what is durable: it is looked at through an operation
// (consumer_desk.h), which is answered after the fsync. *Threads*: find, names and a consumer's
// constants and scout: any; all else the writer's. *Memory*: about 700 bytes a consumer, and what
// its unacked events take (unacked.h).
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/consumer.h"
#include "engine/consumer_record.h"
#include "engine/store.h"
#include "engine/unacked.h"

namespace strandline {

class Clock;
class Scout;

struct NamedConsumer {
  NamedConsumer(std::string name, DefinitionRecord definition)
      : name(std::move(name)),
        id(definition.id),
        created(definition.created),
        settings(std::move(definition.settings)),
        unacked(settings.mode == ConsumerSettings::Mode::keyed) {}

  const std::string name;
  const uint64_t id;
  const Timestamp created;
  const ConsumerSettings settings;

  // What it waits with besides its stream's tail: somebody acked, left, reset, took over.
  StreamId wakeup() const { return StreamId(id | uint64_t{1} << 63); }
  // Null until somebody joins.
  std::shared_ptr<Scout> scout() const { return scout_.load(); }
  void set_scout(std::shared_ptr<Scout> scout) { scout_.store(std::move(scout)); }
  uint64_t fence() const { return fence_.load(); }  // as the state's
  void publish_fence() { fence_ = state.fence; }

  // --- The writer's.
  ConsumerState state;
  Unacked unacked;
  struct Dead {
    uint64_t at;   // the copy's offset in the dead-letter stream
    uint64_t key;  // as Unacked::Entry's
  };
  std::map<uint64_t, Dead> dead;        // by position
  std::map<uint64_t, int64_t> members;  // epoch -> when it was last heard of (elapsed)

 private:
  std::atomic<std::shared_ptr<Scout>> scout_;
  std::atomic<uint64_t> fence_ = 0;
};

using ConsumerPointer = std::shared_ptr<NamedConsumer>;

class Consumers {
 public:
  // Reads every record; `corrupt` if one does not parse, or is of a consumer that is not there.
  // With `orphans` those are named there instead: a part of the family was lost.
  Status load(const Store& store, Clock& clock, std::vector<std::string>* orphans = nullptr);

  ConsumerPointer find(std::string_view name) const;  // null: there is none
  // In byte order of names, after `after` (exclusive), at most `limit`.
  std::vector<ConsumerPointer> list(std::string_view prefix, std::string_view after,
                                    size_t limit) const;
  size_t count() const;

  // --- The writer's.
  uint64_t next_id() const { return next_id_; }
  // The highest epoch of all consumers that were deleted: a new one begins above it.
  uint64_t epoch_floor() const { return epoch_floor_; }
  void raise_epoch_floor(uint64_t epoch) { epoch_floor_ = std::max(epoch_floor_, epoch); }
  const std::vector<NamedConsumer*>& retaining() const { return retaining_; }
  void add(ConsumerPointer consumer);
  void remove(const NamedConsumer& consumer);

 private:
  mutable std::shared_mutex mutex_;  // guards by_name_
  std::map<std::string, ConsumerPointer, std::less<>> by_name_;
  uint64_t next_id_ = 1;
  uint64_t epoch_floor_ = 0;
  std::vector<NamedConsumer*> retaining_;
};

}  // namespace strandline
