// Where the streams of a sealed stripe begin in it, in memory: until the directory of extents has
// its segment (filing.h).
//
// It never changes. *Threads*: any. *Memory*: three to five bytes a stream.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/stripe_record.h"

namespace strandline {

class StripeList {
 public:
  explicit StripeList(const StripeRecord& record);

  StripeId stripe() const { return stripe_; }
  // The stream's first offset in the stripe; none: it has none there.
  std::optional<Offset> find(StreamId stream) const;

  // Goes through it, stream by stream.
  class Reader {
   public:
    explicit Reader(const StripeList& list) : left_(list.packed_) { next(); }
    Reader(std::string_view left, StreamId before) : left_(left), stream_(before) { next(); }
    bool valid() const { return valid_; }
    StreamId stream() const { return stream_; }
    Offset first() const { return first_; }
    void next();

   private:
    std::string_view left_;
    StreamId stream_;
    Offset first_;
    bool valid_ = false;
  };

 private:
  // Every so many entries, where to begin: behind the entry of a stream.
  struct Sample {
    StreamId first;   // at this place
    StreamId before;  // whose number it is told from
    size_t at;
  };

  const StripeId stripe_;
  std::string packed_;  // of each: its number, less the one before, and its first offset: varints
  std::vector<Sample> samples_;
};
using StripeListPointer = std::shared_ptr<const StripeList>;

}  // namespace strandline
