// Where a stream's offsets of one filed segment are: the value behind KeyKind::where, whose key has
// the first of them. Varints: the segment, and then for each stripe that has any: its number in the
// segment (less the one before), and the first offset there (less the one before).
//
// Where the segment was dropped and the stream has offsets in older ones, its offsets there are a
// *hole*: segment 0, and then the segment that it was, the reason (gap_reason.h), how many offsets,
// the bytes of all the stream's stored batches up to its end, and when the last of them was stored.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/gap_reason.h"
#include "engine/format/keys.h"

namespace strandline {

struct ExtentHole {
  SegmentId segment;  // that was dropped
  GapReason reason = GapReason::dropped;
  uint64_t count = 0;
  uint64_t bytes = 0;
  int64_t stored_us = 0;
};

struct ExtentRun {
  struct Place {
    StripeId stripe;
    Offset first;
  };
  SegmentId segment;
  std::vector<Place> places;  // in order; at least one, but for a hole
  std::optional<ExtentHole> hole = {};
};
// `first` is the key's.
std::string encode(const ExtentRun& run);
bool decode(std::string_view bytes, Offset first, ExtentRun& run);

// Of the segments family.
struct WhereKey {
  StreamId stream;
  Offset first;
};
inline std::string encode(const WhereKey& key) {
  return key_of(KeyKind::where, key.stream.value, key.first.value);
}
bool decode(std::string_view bytes, WhereKey& key);

}  // namespace strandline
