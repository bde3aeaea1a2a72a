// An erasure that is under way: `segments`, kind 4, its id u64 -> the record. It is written before
// anything is erased, and removed when the bytes are gone, so that a crash cuts none off. What was
// asked for is not in it: only where the events are.
//
//   u32 crc32c  of what follows
//   fields (tagged.h):
//     1  what: 0 events, 1 their data (varint)
//     3  for each stream, in order: its number (less the one before), how many runs, and for each
//        its first offset (less the end of the one before) and how many events: varints
//     5  when it began: i64
//     6  who asked: kind u8, bytes of the name u16, name, where from
//     8  how many events it took: varint
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/administration.h"
#include "engine/format/keys.h"

namespace strandline {

struct ErasedRun {
  Offset first;
  uint32_t count;
  bool operator==(const ErasedRun&) const = default;
};
using ErasedRuns = std::map<StreamId, std::vector<ErasedRun>>;

struct ErasureRecord {
  bool data_only = false;
  ErasedRuns runs = {};  // ascending, and apart
  int64_t begun_us = 0;
  uint64_t events = 0;
  Actor by = {};
};
std::string encode(const ErasureRecord& record);
bool decode(std::string_view bytes, ErasureRecord& record);

inline std::string erasure_key(uint64_t id) { return key_of(KeyKind::erasure, id); }

}  // namespace strandline
