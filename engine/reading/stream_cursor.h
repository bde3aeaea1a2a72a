// A cursor over one stream: by offset, forwards from a position, or backwards from one.
#pragma once

#include <limits>

#include "engine/api/cursor.h"
#include "engine/api/reading.h"
#include "engine/reading/batch_reader.h"
#include "engine/reading/indexed_reading.h"

namespace strandline {

// What a cursor delivers at most.
struct Bounds {
  uint64_t events = std::numeric_limits<uint64_t>::max();  // delivered
  uint64_t bytes = std::numeric_limits<uint64_t>::max();   // of batches read
  bool io_fails = false;                                   // as ReadOptions'
};

// Whether a filter takes the i-th event of a part.
bool takes(const EventFilter& filter, const Part& part, uint32_t i);

// What the index of types and subjects says of the stripe that a cursor over one stream stands in.
//
// Only a cursor with much of its stream before it asks: a short stream is read in a few steps.
// *Threads*: one at a time.
class FoundInStream {
 public:
  // Whether the index answers for what is at the offset: then [begin(), end()) holds no other
  // matches than those in parts(). `onwards`: which way the cursor goes.
  bool ask(const LogState& log, const Stream& stream, IndexedReading& index, Offset offset,
           bool onwards);
  bool holds(Offset offset) const { return parts_ && offset >= begin_ && offset < end_; }
  size_t parts() const { return parts_->size(); }
  // The first that ends behind an offset.
  size_t part_behind(Offset offset) const;
  Timestamp stored(size_t i) const { return (*parts_)[i].stored; }
  // In a copy, which lives until another is asked for. What is copied anew counts as read.
  Part part(size_t i, Bounds& left);
  Offset begin() const { return begin_; }
  Offset end() const { return end_; }
  void rest();
  void drop() { *this = {}; }

 private:
  std::optional<FoundParts> parts_;  // none: all of it is to be scanned
  Offset begin_, end_;               // [begin, end) of the stream are in the stripe
  std::string copy_;
  std::optional<Offset> copied_;  // its first offset
};

class StreamCursor : public Cursor {
 public:
  StreamCursor(const LogState& log, const Stream& stream, Offset position, EventFilter filter,
               Bounds bounds)
      : log_(log),
        stream_(stream),
        reader_(log, stream),
        position_(position),
        index_(log, std::move(filter)),
        left_(bounds) {}

  Result<std::optional<Delivery>> next() override;
  uint64_t position() const override { return position_.value; }
  Lag lag() override;
  bool ready() const override { return position_ < stream_.tail() || position_ < stream_.start(); }
  bool near_tail() const override;
  void rest() override {
    reader_.rest();
    found_.rest();
  }
  void release() override {
    part_.reset();
    found_.drop();
    reader_.release();
  }

 private:
  std::optional<Delivery> next_in(const Part& part, Timestamp stored);
  std::optional<Delivery> next_found();
  std::optional<Delivery> moved();

  const LogState& log_;
  const Stream& stream_;
  BatchReader reader_;
  Offset position_;
  IndexedReading index_;
  Bounds left_;
  FoundInStream found_;
  std::optional<Part> part_;  // of the reader's batch, around position_
  bool moved_ = false;        // over events that the filter left out, since the last delivery
};

class BackwardCursor : public Cursor {
 public:
  // Delivers what is below `position`.
  BackwardCursor(const LogState& log, const Stream& stream, Offset position, EventFilter filter,
                 Bounds bounds)
      : log_(log),
        stream_(stream),
        reader_(log, stream),
        position_(position),
        index_(log, std::move(filter)),
        left_(bounds) {}

  Result<std::optional<Delivery>> next() override;
  uint64_t position() const override { return position_.value; }
  Lag lag() override { return {0, 0}; }
  bool ready() const override { return position_ > stream_.start(); }
  bool near_tail() const override { return false; }
  void rest() override {
    reader_.rest();
    found_.rest();
  }
  void release() override {
    found_.drop();
    reader_.release();
  }

 private:
  // The matching run that ends nearest below the position; nothing if there is none in the part.
  std::optional<Delivery> next_in(const Part& part, Timestamp stored, Offset start);
  std::optional<Delivery> next_found(Offset start);

  const LogState& log_;
  const Stream& stream_;
  BatchReader reader_;
  Offset position_;
  IndexedReading index_;
  Bounds left_;
  FoundInStream found_;
};

// The first position of a stream (of the log's own: the first sequence) that was stored at or after
// a moment; the tail if there is none.
Offset find_time(const LogState& log, const Stream& stream, Timestamp moment);

}  // namespace strandline
