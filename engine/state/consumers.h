// The named consumers of a log, in memory.
//
// A consumer's identity never changes, and its settings are replaced as a whole. Where it stands is
// the writer's, and runs ahead of what is durable: with each group that touched it, what there is
// to say of it is published (Standing), so that who describes a consumer never waits for the
// writer. *Threads*: find, names and a consumer's constants, settings, standing and scout: any; all
// else the writer's. *Memory*: about 900 bytes a consumer, and what its unacked events take
// (unacked.h).
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/consumer.h"
#include "engine/base/published.h"
#include "engine/format/consumer_record.h"
#include "engine/state/part.h"
#include "engine/state/unacked.h"
#include "engine/store/store.h"

namespace strandline {

class Clock;
class Scout;

// Where a consumer stood when a group became durable.
struct Standing {
  SettingsPointer settings;
  uint64_t epoch = 0;
  uint64_t position = 0;
  uint64_t next = 0;
  uint64_t unacked = 0;
  uint64_t pending = 0;
  uint64_t in_flight = 0;
  uint64_t redelivered = 0;
  uint64_t dead_lettered = 0;
  uint64_t members = 0;
  std::optional<int64_t> due_us = {};  // when something is to be done by itself (alarms.h)
};
using StandingPointer = std::shared_ptr<const Standing>;

struct NamedConsumer : std::enable_shared_from_this<NamedConsumer> {
  NamedConsumer(std::string name, DefinitionRecord definition)
      : name(std::move(name)),
        id(definition.id),
        created(definition.created),
        is_group(definition.settings.is_consumer_group()),
        unacked(definition.settings.mode == ConsumerSettings::Mode::keyed,
                definition.settings.attempts()),
        settings_(std::make_shared<const ConsumerSettings>(std::move(definition.settings))) {}

  const std::string name;
  const uint64_t id;
  const Timestamp created;
  const bool is_group;

  SettingsPointer settings() const { return settings_.load(); }
  // As it is durable; null until its creation is.
  StandingPointer standing() const { return standing_.load(); }
  void publish(StandingPointer standing) { standing_.store(std::move(standing)); }

  // What it waits with besides its stream's tail: somebody acked, left, reset, took over.
  StreamId wakeup() const { return StreamId(id | uint64_t{1} << 63); }
  // Null until somebody joins.
  std::shared_ptr<Scout> scout() const { return scout_.load(); }
  void set_scout(std::shared_ptr<Scout> scout) { scout_.store(std::move(scout)); }
  uint64_t fence() const { return fence_.load(); }  // as the state's
  void publish_fence() { fence_ = state.fence; }

  // --- The writer's.
  void change(ConsumerSettings settings);
  ConsumerState state;
  Unacked unacked;
  // Of an exclusive one: behind the last event that its reader was given since it joined. What
  // comes next is the event at the position once all of that is committed.
  uint64_t given_to = 0;
  bool touched = false;  // by the group that is being filled
  struct Dead {
    uint64_t at;   // the copy's offset in the dead-letter stream
    uint64_t key;  // as Unacked::Entry's
  };
  std::map<uint64_t, Dead> dead;        // by position
  std::map<uint64_t, int64_t> members;  // epoch -> when it was last heard of (elapsed)

 private:
  Published<const ConsumerSettings> settings_;
  Published<const Standing> standing_;
  Published<Scout> scout_;
  std::atomic<uint64_t> fence_ = 0;
};

using ConsumerPointer = std::shared_ptr<NamedConsumer>;

struct CollectedConsumers : StatePart::Pending {
  void clear() override {
    touched.clear();
    standings.clear();
  }

  std::vector<ConsumerPointer> touched;
  std::vector<std::pair<ConsumerPointer, StandingPointer>> standings;  // of these, in the end
};

class Consumers : public Collecting<CollectedConsumers> {
 public:
  Consumers(StateParts& parts, LogState& log) : Collecting(parts), log_(log) {}

  // Reads every record; `corrupt` if one does not parse, or is of a consumer that is not there.
  // Lenient, it repairs them (consumer_repair.h). After streams and positions, which it looks at.
  Status load(Loading& loading) override;
  // ConsumerDesk lays its records into the WriteBatch beside what it changes in memory; here is
  // what there is to say of those that it touched (consumer_standing.cc).
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override { return {}; }  // events do not say who has read them

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
  void retain(NamedConsumer& consumer, bool retains);
  void add(ConsumerPointer consumer);
  void remove(const NamedConsumer& consumer);

 private:
  // What is of no consumer is named in `orphans`, or `corrupt` if that is null.
  Status read(const Store& store, Clock& clock, std::vector<std::string>* orphans);

  LogState& log_;
  mutable std::shared_mutex mutex_;  // guards by_name_
  std::map<std::string, ConsumerPointer, std::less<>> by_name_;
  uint64_t next_id_ = 1;
  uint64_t epoch_floor_ = 0;
  std::vector<NamedConsumer*> retaining_;
};

}  // namespace strandline
