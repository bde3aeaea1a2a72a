// FlatBuffers' Verifier as Batch::verified takes it, bounded in what bytes from outside may cost:
// how deep they nest, and how many tables it walks. Without these it is no limit by itself: where
// tables are shared it walks each as often as it is referred to. *Memory*: a view of the bytes.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <algorithm>
#include <string_view>

#include "engine/api/event_rules.h"
#include "engine/api/options.h"

namespace strandline {

// The schema nests three deep (batch, event, attribute), and no buffer within a buffer.
inline constexpr size_t kDepthMax = 16;

inline flatbuffers::Verifier verifier_of(std::string_view flatbuffer, const Limits& limits) {
  // A batch, its events and their attributes; and where none is shared, one in four bytes at most.
  const size_t attributes_max = limits.attributes_max + kDeadLetterNames.size();
  const size_t tables_max =
      std::min(limits.batch_events_max * (attributes_max + 1) + 1, flatbuffer.size() / 4 + 1);
  return {reinterpret_cast<const uint8_t*>(flatbuffer.data()), flatbuffer.size(), kDepthMax,
          static_cast<flatbuffers::uoffset_t>(tables_max)};
}

// Whether the bytes are a Batch of schemas/batch.fbs at all, whatever its events are.
inline bool is_batch(std::string_view flatbuffer, const Limits& limits) {
  flatbuffers::Verifier verifier = verifier_of(flatbuffer, limits);
  return schema::VerifyBatchBuffer(verifier);
}

}  // namespace strandline
