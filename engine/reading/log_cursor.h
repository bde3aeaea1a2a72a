// A cursor over several streams, or all of them, in the order in which their events were committed:
// it reads the log's own stream, whose records list what each group committed, and fetches the
// batches that they name. Positions are sequence numbers.
//
// Fetching costs a look-up and a block for each batch. That is too much where many streams take
// turns with small batches. There the cursor has a whole stripe read instead (stripe_scans.h). It
// does so once it has fetched about as much as a stripe costs, and if it follows at least an eighth
// of what it passes. It then goes on from stripe to stripe, until it rests. What is not in the
// stripe's scan it fetches.
//
// With a filter it asks the index of types and subjects first (indexed_reading.h), at every stripe
// that is not in memory. Of a stripe that the index answers for, the parts that match are fetched,
// and the rest is passed over. Of what was truncated or deleted there, only what matches is told.
#pragma once

#include <functional>
#include <unordered_map>

#include "engine/api/cursor.h"
#include "engine/api/reading.h"
#include "engine/reading/batch_reader.h"
#include "engine/reading/indexed_reading.h"
#include "engine/reading/stream_cursor.h"

namespace strandline {

class LogCursor : public Cursor {
 public:
  using Includes = std::function<bool(const Stream&)>;

  LogCursor(const LogState& log, Sequence position, Includes includes, EventFilter filter,
            Bounds bounds)
      : log_(log),
        records_(log, log.streams.log()),
        position_(position),
        includes_(std::move(includes)),
        index_(log, std::move(filter)),
        left_(bounds) {}

  Result<std::optional<Delivery>> next() override;
  uint64_t position() const override { return position_.value; }
  Lag lag() override;
  bool ready() const override;
  bool near_tail() const override;
  void rest() override;
  void release() override;

 private:
  // The range of the current record that holds the position.
  struct Current {
    Stream* stream;  // null: not one that this cursor follows
    Range range;
    Sequence sequence;  // of the range's first event
    Sequence next() const { return sequence + range.count; }
  };

  Result<std::optional<Delivery>> next_record();  // moves on to the next record; or a gap
  void find_range();                              // in the current record, around the position
  Result<std::optional<Delivery>> next_in_range();
  // From the scan; nothing where it does not have what is at the position (`scan_` is null then) or
  // the filter left it out.
  std::optional<Delivery> next_in_scan();
  // From what the index found in a stripe; nothing where the position moved on only.
  std::optional<Delivery> next_found();
  std::optional<Delivery> next_in_entry(const StripeScan::Entry& entry, const Stream& stream);
  // Whether it says what there is at the position.
  bool ask_index();
  void drop_found();
  void find_scan();
  void start_counting();
  bool wants_scan() const;
  bool is_dense() const;  // of what was passed lately, it follows enough
  // The next matching run of a part, from the position on; nothing if there is none.
  std::optional<Events> next_in_part(const Stream& stream, const Part& part, uint32_t end,
                                     Timestamp stored);
  std::optional<Delivery> moved();
  bool follows(const Stream& stream) const { return !includes_ || includes_(stream); }
  BatchReader& reader_for(const Stream& stream);

  const LogState& log_;
  BatchReader records_;
  Sequence position_;
  Includes includes_;
  IndexedReading index_;
  Bounds left_;
  size_t range_index_ = 0;
  std::optional<Current> current_;
  uint64_t scanned_ = 0;
  bool moved_ = false;               // over events that were left out, since the last delivery
  StripeScans::Pointer scan_;        // that holds the position, or held the one before
  size_t scan_index_ = 0;            // where it was found there last
  std::optional<FoundParts> found_;  // by the index, of the stripe that holds the position
  size_t found_index_ = 0;
  Sequence found_next_;  // one past the stripe
  Sequence scan_to_;     // the index has nothing to say of what is below
  std::string part_;     // the part of it that was delivered last: the scan is let go of before
  std::optional<Sequence> part_at_;  // where that is
  bool from_stripe_to_stripe_ = false;
  uint32_t fetched_ = 0;  // batches since the last rest
  uint64_t events_fetched_ = 0, ranges_ = 0, ranges_followed_ = 0;
  // One for each stream of late, so that ranges of one batch read it once.
  std::unordered_map<StreamId, BatchReader> readers_;
};

}  // namespace strandline
