// The committed positions of named consumers, per stream.
//
// As with streams, what is assigned belongs to the writer, and what is durable is published after
// the fsync. *Invariant*: a position never goes back. *Threads*: get and list: any; the rest as
// said.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/types.h"
#include "engine/format/keys.h"
#include "engine/state/part.h"
#include "engine/store/store.h"

namespace strandline {

// Ledgers are positions that belong to no stream and so have no tail: `strandline import` counts
// the lines it has appended in one.
inline constexpr StreamId kImportLedger{~uint64_t{0}};
inline constexpr char kImportLedgerName[] = "$import";

// Of a consumer in a stream.
using PositionKey = std::pair<std::string, StreamId>;

struct CollectedPositions : StatePart::Pending {
  void clear() override { changes.clear(); }

  // In the order in which they were made; nothing: it is forgotten.
  std::vector<std::pair<PositionKey, std::optional<PositionRecord>>> changes;
};

class Positions : public Collecting<CollectedPositions> {
 public:
  using Collecting::Collecting;
  using Key = PositionKey;

  std::optional<PositionRecord> get(const Key& key) const;  // durable
  // Durable ones whose consumer has the prefix, in order.
  std::vector<std::pair<Key, PositionRecord>> list(std::string_view prefix, size_t limit) const;
  size_t count() const;

  // --- The writer's.
  std::optional<uint64_t> assigned(const Key& key) const;
  void put(CommitGroup& group, const Key& key, const PositionRecord& record);
  void forget(CommitGroup& group, const Key& key);  // of a consumer that was deleted

  Status load(Loading& loading) override;
  // Takes a position back where there is no writer yet: durable already.
  void set(const Key& key, const PositionRecord& record);
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  void verify(Verification&) const override {}  // each was read, and checked, when it was loaded
  Status rebuild(Rebuild&) const override { return {}; }  // events do not say who has read them

 private:
  struct Entry {
    uint64_t assigned = 0;
    std::optional<PositionRecord> durable;
  };
  mutable std::mutex mutex_;  // guards entries_
  std::map<Key, Entry> entries_;
};

}  // namespace strandline
