// Stripes of the log that are read at once, and put in the order in which their events came.
//
// Where many streams take turns, a reader of the log in its order wants one small batch of one
// stream, then one of another: a look-up and a block of the disk for each. So it has the whole
// stripe read (keys.h), once, and sorted by the sequences that every part carries; the readers that
// stand in one stripe share it. It holds what was durable when it was made, and nothing that is
// damaged: who does not find a sequence here looks for it where it is stored (log_cursor.h), and
// finds out why. *Threads*: any. *Memory*: `bytes_max` for all that are held, about a fifth more
// than their values; a reader for which there is no room left does without.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/format/keys.h"
#include "engine/format/stored_batch.h"
#include "engine/store/store.h"

namespace strandline {

class StripeScan {
 public:
  struct Entry {
    StreamId stream;
    Timestamp stored;
    Part part;  // in this scan's memory
    Sequence next() const { return part.sequence + part.count; }
  };

  // What is stored of a stripe; all of it that is below `durable` and can be read. Null where it
  // takes more than `bytes_max`.
  static std::shared_ptr<const StripeScan> read(const Store& store, StripeId stripe,
                                                Sequence durable, size_t bytes_max);

  // The first entry that ends behind a position; size() if none does. `near` is where it was found
  // last.
  size_t index_of(Sequence position, size_t near) const;
  size_t size() const { return entries_.size(); }
  const Entry& operator[](size_t i) const { return entries_[i]; }

  StripeId stripe() const { return stripe_; }
  Sequence durable() const { return durable_; }
  size_t bytes() const { return bytes_; }
  size_t batch_bytes() const { return batch_bytes_; }
  bool holds(Sequence position) const { return holds(position, index_of(position, 0)); }
  bool holds(Sequence position, size_t index) const {
    return position < durable_ && index < size() && entries_[index].part.sequence <= position;
  }

 private:
  std::string_view keep(std::string_view value);
  // False: it takes too much.
  bool add(StreamId stream, std::string_view value, size_t bytes_max);

  StripeId stripe_;
  Sequence durable_;
  std::deque<std::string> memory_;
  std::vector<Entry> entries_;  // in the order of their sequences
  size_t bytes_ = 0;            // that it takes
  size_t batch_bytes_ = 0;      // of the values
};

class StripeScans {
 public:
  explicit StripeScans(size_t bytes_max) : bytes_max_(bytes_max) {}

  using Pointer = std::shared_ptr<const StripeScan>;
  // One that is held already; null if there is none.
  Pointer holding(Sequence position) const;
  // The first position of [from, end) that one which is held knows, or else `end`.
  Sequence first_held(Sequence from, Sequence end) const;
  // Reads the stripe, or waits for the thread that does so at this moment. Null where there is no
  // room.
  Pointer read(const Store& store, StripeId stripe, Sequence position, Sequence durable);

  // Since the log was opened.
  uint64_t stripes_read() const { return stripes_read_; }
  uint64_t bytes_read() const { return bytes_read_; }

 private:
  // Lets go of what nobody reads, from the oldest on, until there is room for one more.
  bool make_room();
  size_t held_bytes() const;

  const size_t bytes_max_;
  mutable std::mutex mutex_;          // guards all below
  mutable std::deque<Pointer> held_;  // the one that was asked for last at the back
  std::vector<StripeId> being_read_;
  std::set<StripeId> too_large_;
  std::condition_variable read_;
  std::atomic<uint64_t> stripes_read_ = 0, bytes_read_ = 0;
};

}  // namespace strandline
