// Where a stream's offsets of one filed segment are: the value behind KeyKind::where, whose key has
// the first of them. Varints: the segment, and then for each stripe that has any: its number in the
// segment (less the one before), and the first offset there (less the one before).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/format/keys.h"

namespace strandline {

struct ExtentRun {
  struct Place {
    StripeId stripe;
    Offset first;
  };
  SegmentId segment;
  std::vector<Place> places;  // in order; at least one
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
