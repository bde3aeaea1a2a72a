// Finds the stored batch that covers an offset of one stream: in the batch cache, or else in the
// store.
//
// Reading onwards is a step of the iterator; anything else is a seek. Every value taken from the
// store is checked (stored_batch.h) and copied, so the iterator may be given up at any time.
// Offsets are contiguous, so it is always known what comes next: if it is not there, everything is
// looked up afresh, and if it is still not there, that is damage. *Memory*: batch() lives until the
// next load. *Threads*: one at a time. Offsets asked for must be durable and not below the stream's
// start.
#pragma once

#include <optional>
#include <string>

#include "engine/state/log_state.h"

namespace strandline {

class BatchReader {
 public:
  BatchReader(const LogState& log, const Stream& stream) : log_(&log), stream_(&stream) {}

  // [offset, to) cannot be read.
  struct Damage {
    Offset to;
    std::string detail;
    bool passing = false;  // the file system failed, and may not the next time
  };
  // Makes the covering batch current; says so if it cannot be read.
  std::optional<Damage> load(Offset offset);
  // The same from the batch cache alone: false where it would take the disk.
  bool load_from_memory(Offset offset);
  // Where the damage begins that `bad` is in: one past the nearest event below it that can be read,
  // or `floor`.
  Offset damage_begin(Offset bad, Offset floor);
  const StoredBatch& batch() const { return *current_; }
  bool holds(Offset offset) const { return current_ && current_->covers(offset); }
  void rest();
  // The same, and gives up the current batch.
  void release();
  size_t memory_bytes() const { return copy_.capacity(); }

 private:
  // What the store has at the offset; the reason if it is not the covering batch.
  std::optional<std::string> load_from_store(Offset offset, bool afresh);
  // Puts the iterator on the batch around the offset by forward seeks alone, if it can be read.
  bool seek_around(Offset offset);
  std::optional<std::string> take(Offset offset);
  std::optional<std::string> take_value(const EventKey& key, std::string_view value, Offset offset);
  // The covering batch by a scan of the table files around it, where what is damaged may be an
  // index and not the batch.
  bool load_by_scan(Offset offset);
  std::optional<Offset> next_by_scan(const Extent& extent, Offset offset, Offset end);
  Damage damage_at(Offset offset, std::string detail);
  // The first batch of the extent after `offset` that can be read, if there is one below `end`.
  std::optional<Offset> readable_after(const Extent& extent, Offset offset, Offset end);

  const LogState* log_;
  const Stream* stream_;
  std::optional<StoredBatch> current_;
  BatchPointer shared_;  // what current_ views, when it came from the batch cache
  std::string copy_;     // or from the store
  std::optional<StoreIterator> iterator_;
  std::optional<Extent> extent_;  // where the iterator is
  bool unreadable_ = false;       // RocksDB could not read what was looked for last
  bool io_failed_ = false;        // the file system did, looking for it or for what comes next
};

}  // namespace strandline
