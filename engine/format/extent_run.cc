#include "engine/format/extent_run.h"

#include "engine/base/varint.h"

namespace strandline {

std::string encode(const ExtentRun& run) {
  std::string out;
  put_varint(out, run.segment.value);
  uint64_t number = 0;
  Offset first = run.places.front().first;
  for (const ExtentRun::Place& place : run.places) {
    put_varint(out, number_in_segment(place.stripe) - number);
    put_varint(out, place.first - first);
    number = number_in_segment(place.stripe);
    first = place.first;
  }
  return out;
}

bool decode(std::string_view bytes, Offset first, ExtentRun& run) {
  const auto segment = take_varint(bytes);
  if (!segment) return false;
  run.segment = SegmentId(*segment);
  run.places.clear();
  uint64_t number = 0;
  while (!bytes.empty()) {
    const auto later = take_varint(bytes), further = take_varint(bytes);
    if (!further || *later >= kStripesMax - number || *further > UINT64_MAX - first.value) {
      return false;
    }
    number += *later;
    first = first + *further;
    run.places.push_back({first_stripe(run.segment) + number, first});
  }
  return !run.places.empty();
}

bool decode(std::string_view bytes, WhereKey& key) {
  if (bytes.size() != 17 || bytes[0] != static_cast<char>(KeyKind::where)) return false;
  key = {StreamId(get_be64(bytes, 1)), Offset(get_be64(bytes, 9))};
  return true;
}

}  // namespace strandline
