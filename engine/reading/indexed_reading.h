// What the index of types and subjects spares a filtered cursor: it says in which sealed stripes
// nothing matches, and fetches the few batches that may match in the others.
//
// It is asked stripe by stripe, and looks several up at once. Whatever it cannot answer (no index,
// a filter that takes much, damage) the cursor scans, and finds what there is to be told. *Memory*:
// the matches of one stripe, at most about a quarter of it. *Threads*: one at a time.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "engine/api/reading.h"
#include "engine/state/log_state.h"

namespace strandline {

// The parts of a stripe in which something matches, in the order in which they came.
class FoundParts {
 public:
  using Entry = StripeScan::Entry;

  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  const Entry& operator[](size_t i) const { return entries_[i]; }
  size_t bytes() const { return bytes_; }

 private:
  friend class IndexedReading;

  std::deque<std::string> values_;
  std::vector<Entry> entries_;
  size_t bytes_ = 0;  // of the values
};

class IndexedReading {
 public:
  using Includes = std::function<bool(const Stream&)>;

  IndexedReading(const LogState& log, EventFilter filter) : log_(log), filter_(std::move(filter)) {}

  bool filters() const { return !filter_.empty(); }
  const EventFilter& filter() const { return filter_; }

  // Null: the stripe has no index. `onwards`: which way the cursor goes.
  const Candidates* of(StripeId stripe, bool onwards = true);
  // That holds a sequence, of those that were looked up last; null if none does.
  const Candidates* holding(Sequence sequence) const;

  // What matches in the candidates, of the streams that are included, or of the one; nothing where
  // something cannot be read.
  std::optional<FoundParts> fetch(const Candidates& candidates, const Includes& includes) const;
  std::optional<FoundParts> fetch(const Candidates& candidates, StreamId stream) const;

 private:
  static constexpr size_t kLookAheadMin = 16;  // stripes; twice as many each time

  std::optional<FoundParts> fetch(const Candidates& candidates, std::optional<StreamId> only,
                                  const Includes& includes) const;
  bool fetch_chunk(StripeId stripe, const IndexChunks& chunks, uint32_t chunk,
                   std::optional<StreamId> only, const Includes& includes, StoreIterator& it,
                   FoundParts& found) const;
  void count(uint64_t bytes) const;

  const LogState& log_;
  const EventFilter filter_;
  std::vector<Candidates> ahead_;  // ascending
  size_t look_ahead_ = kLookAheadMin;
};

}  // namespace strandline
