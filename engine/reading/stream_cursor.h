// A cursor over one stream: by offset, forwards from a position, or backwards from one.
#pragma once

#include <limits>

#include "engine/api/cursor.h"
#include "engine/api/reading.h"
#include "engine/reading/batch_reader.h"

namespace strandline {

// What a cursor delivers at most.
struct Bounds {
  uint64_t events = std::numeric_limits<uint64_t>::max();  // delivered
  uint64_t bytes = std::numeric_limits<uint64_t>::max();   // of batches read
  bool io_fails = false;                                   // as ReadOptions'
};

// Whether a filter takes the i-th event of a part.
bool takes(const EventFilter& filter, const Part& part, uint32_t i);

class StreamCursor : public Cursor {
 public:
  StreamCursor(const LogState& log, const Stream& stream, Offset position, EventFilter filter,
               Bounds bounds)
      : log_(log),
        stream_(stream),
        reader_(log, stream),
        position_(position),
        filter_(std::move(filter)),
        left_(bounds) {}

  Result<std::optional<Delivery>> next() override;
  uint64_t position() const override { return position_.value; }
  Lag lag() override;
  bool ready() const override { return position_ < stream_.tail() || position_ < stream_.start(); }
  bool near_tail() const override;
  void rest() override { reader_.rest(); }
  void release() override {
    part_.reset();
    reader_.release();
  }

 private:
  std::optional<Delivery> next_in(const Part& part, Timestamp stored);
  std::optional<Delivery> moved();

  const LogState& log_;
  const Stream& stream_;
  BatchReader reader_;
  Offset position_;
  EventFilter filter_;
  Bounds left_;
  std::optional<Part> part_;  // of the reader's batch, around position_
  bool moved_ = false;        // over events that the filter left out, since the last delivery
};

class BackwardCursor : public Cursor {
 public:
  // Delivers what is below `position`.
  BackwardCursor(const LogState& log, const Stream& stream, Offset position, EventFilter filter,
                 Bounds bounds)
      : stream_(stream),
        reader_(log, stream),
        position_(position),
        filter_(std::move(filter)),
        left_(bounds) {}

  Result<std::optional<Delivery>> next() override;
  uint64_t position() const override { return position_.value; }
  Lag lag() override { return {0, 0}; }
  bool ready() const override { return position_ > stream_.start(); }
  bool near_tail() const override { return false; }
  void rest() override { reader_.rest(); }
  void release() override { reader_.release(); }

 private:
  const Stream& stream_;
  BatchReader reader_;
  Offset position_;
  EventFilter filter_;
  Bounds left_;
};

// The first position of a stream (of the log's own: the first sequence) that was stored at or after
// a moment; the tail if there is none.
Offset find_time(const LogState& log, const Stream& stream, Timestamp moment);

}  // namespace strandline
