// What a reader is given, one at a time: a run of events, or a word about its place.
//
// *Memory*: a view into the cursor that gave it, valid until that cursor's next read. *Positions*
// are offsets when one stream is read, and sequence numbers when several are (a list, a prefix,
// `$all`); a reader that stores Cursor::position() and starts there again misses and repeats
// nothing.
#pragma once

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <variant>

#include "engine/api/batch.h"
#include "engine/api/types.h"

namespace strandline {

// A run of events of one stream, contiguous in offset and in sequence, of one stored batch.
class Events {
 public:
  Events(std::string_view stream, std::string_view flatbuffer, uint32_t batch_count, uint32_t skip,
         uint32_t count, Offset first, Sequence sequence, Timestamp stored, bool backward)
      : stream_(stream),
        flatbuffer_(flatbuffer),
        batch_count_(batch_count),
        skip_(skip),
        count_(count),
        first_(first),
        sequence_(sequence),
        stored_(stored),
        backward_(backward) {}

  std::string_view stream() const { return stream_; }
  uint32_t count() const { return count_; }
  Offset first() const { return first_; }  // the lowest, backwards too
  Offset next() const { return first_ + count_; }
  Sequence sequence() const { return sequence_; }  // of the lowest
  Timestamp stored() const { return stored_; }
  bool backward() const { return backward_; }  // newest first

  // The client's FlatBuffer, in which these are the events [skip, skip + count).
  std::string_view flatbuffer() const { return flatbuffer_; }
  uint32_t skip() const { return skip_; }
  bool whole_batch() const { return skip_ == 0 && count_ == batch_count_; }

  // The i-th in the order of reading.
  Event operator[](uint32_t i) const {
    const uint32_t at = backward_ ? count_ - 1 - i : i;
    const auto* root = flatbuffers::GetRoot<schema::Batch>(flatbuffer_.data());
    return Event(root->events()->Get(skip_ + at), first_ + at, sequence_ + at, stored_);
  }

  // `count` of them from the i-th on, in a copy of the FlatBuffer; forwards.
  Events part(std::string_view flatbuffer, uint32_t i, uint32_t count) const {
    return {stream_,    flatbuffer,    batch_count_, skip_ + i, count,
            first_ + i, sequence_ + i, stored_,      false};
  }

  class Iterator {
   public:
    using value_type = Event;
    using difference_type = std::ptrdiff_t;
    Iterator(const Events* events, uint32_t i) : events_(events), i_(i) {}
    Event operator*() const { return (*events_)[i_]; }
    Iterator& operator++() {
      ++i_;
      return *this;
    }
    bool operator==(const Iterator& other) const { return i_ == other.i_; }

   private:
    const Events* events_;
    uint32_t i_;
  };
  Iterator begin() const { return {this, 0}; }
  Iterator end() const { return {this, count_}; }

 private:
  std::string_view stream_;
  std::string_view flatbuffer_;
  uint32_t batch_count_;
  uint32_t skip_;
  uint32_t count_;
  Offset first_;
  Sequence sequence_;
  Timestamp stored_;
  bool backward_;
};

// Why events are not there.
enum class GapReason : uint8_t {
  truncated = 1,  // by truncate(stream, before)
  deleted = 2,    // the stream was deleted
  dropped = 3,    // their segment was dropped
  damaged = 4,    // their bytes do not match their checksum, or are missing
};
const char* name_of(GapReason reason);

// Positions [from, to) are gone, for good.
struct Gap {
  std::string stream;  // whose events these were; empty: of several
  uint64_t from;
  uint64_t to;
  GapReason reason;
  std::string detail;  // with damage: file and place, as far as known
};

// The position moved on over events that the filter leaves out. Worth storing, nothing to handle.
struct Moved {};

// Everything durable has been delivered; what comes next is live. Subscriptions only.
struct CaughtUp {};

struct Lag {
  uint64_t events;
  uint64_t bytes;
};

// After CaughtUp: the reader has become so slow that it is reading history again.
struct FellBehind {
  Lag lag;
};

using Delivery = std::variant<Events, Gap, Moved, CaughtUp, FellBehind>;

}  // namespace strandline
