#include "engine/format/extent_run.h"

#include "engine/base/varint.h"

namespace strandline {

namespace {

bool decode_hole(std::string_view bytes, Offset first, ExtentHole& hole) {
  uint64_t fields[5];
  for (uint64_t& field : fields) {
    const auto number = take_varint(bytes);
    if (!number) return false;
    field = *number;
  }
  hole = {.segment = SegmentId(fields[0]),
          .reason = static_cast<GapReason>(fields[1]),
          .count = fields[2],
          .bytes = fields[3],
          .stored_us = static_cast<int64_t>(fields[4])};
  return bytes.empty() && fields[1] <= UINT8_MAX && hole.count > 0 &&
         hole.count <= UINT64_MAX - first.value;
}

}  // namespace

std::string encode(const ExtentRun& run) {
  std::string out;
  if (run.hole) {
    for (const uint64_t field :
         {uint64_t{0}, run.hole->segment.value, static_cast<uint64_t>(run.hole->reason),
          run.hole->count, run.hole->bytes, static_cast<uint64_t>(run.hole->stored_us)}) {
      put_varint(out, field);
    }
    return out;
  }
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
  run.hole.reset();
  if (run.segment == SegmentId(0)) return decode_hole(bytes, first, run.hole.emplace());
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
