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
#include <vector>

#include "engine/error.h"
#include "engine/keys.h"
#include "engine/store.h"
#include "engine/types.h"

namespace strandline {

// Ledgers are positions that belong to no stream and so have no tail: `strandline import` counts
// the lines it has appended in one.
inline constexpr StreamId kImportLedger{~uint64_t{0}};
inline constexpr char kImportLedgerName[] = "$import";

class Positions {
 public:
  using Key = std::pair<std::string, StreamId>;

  Status load(const Store& store);
  std::optional<PositionRecord> get(const Key& key) const;  // durable
  // Durable ones whose consumer has the prefix, in order.
  std::vector<std::pair<Key, PositionRecord>> list(std::string_view prefix, size_t limit) const;
  size_t count() const;

  // The writer's.
  std::optional<uint64_t> assigned(const Key& key) const;
  void assign(const Key& key, uint64_t next);
  void forget(const Key& key);  // of a consumer that was deleted
  // The sync stage's.
  void publish(const Key& key, const PositionRecord& record);

 private:
  struct Entry {
    uint64_t assigned = 0;
    std::optional<PositionRecord> durable;
  };
  mutable std::mutex mutex_;  // guards entries_
  std::map<Key, Entry> entries_;
};

}  // namespace strandline
