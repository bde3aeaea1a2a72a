// FlatBuffers' Verifier as Batch::verified takes it, bounded in what bytes from outside may cost:
// how deep they nest, and how many tables it walks. Without these it is no limit by itself: where
// tables are shared it walks each as often as it is referred to. *Memory*: a view of the bytes.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <string_view>

#include "engine/options.h"

namespace strandline {

// An event has as many tables as this at most (itself and 64 attributes), and no batch that shares
// none has more than one in four bytes.
inline constexpr size_t kTablesPerEvent = 65;
// The schema nests three deep (batch, event, attribute), and no buffer within a buffer.
inline constexpr size_t kDepthMax = 16;

inline flatbuffers::Verifier verifier_of(std::string_view flatbuffer, const Limits& limits) {
  const size_t tables_max =
      std::min(limits.batch_events_max * kTablesPerEvent + 1, flatbuffer.size() / 4 + 1);
  return {reinterpret_cast<const uint8_t*>(flatbuffer.data()), flatbuffer.size(), kDepthMax,
          static_cast<flatbuffers::uoffset_t>(tables_max)};
}

}  // namespace strandline
