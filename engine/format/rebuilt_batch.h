// A stored batch without some of its events, or without their data: what erasure and compaction by
// key put in the place of the one that was appended.
//
// Its events share strings in one FlatBuffer, so nothing is overwritten in place: around what goes,
// its parts are split, and each piece gets a FlatBuffer of its own in which no byte of the others
// is. What is gone is a hole, with its reason; holes that touch are one where their reasons are the
// same. An event that lost its data alone carries the extension attribute `erased` (true). Key,
// offsets, sequences, stored time and bytes_before stay. *Memory*: values.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "engine/api/gap_reason.h"
#include "engine/format/stored_batch.h"

namespace strandline {

// The attribute of an event whose data was erased. A boolean.
inline constexpr std::string_view kErasedAttribute = "erased";

// What events [first, first + count) of a stream lose.
struct Loss {
  Offset first;
  uint32_t count;
  GapReason reason = GapReason::erased;
  bool data_only = false;
};

// `losses` ascend, do not overlap, and lie in the batch. What is gone already stays as it is.
// `fields` are those of the rebuilt batch (salts.h), but for appended_bytes.
using BatchFields = std::vector<std::pair<BatchField, std::string>>;
std::string rebuild(const EventKey& key, const StoredBatch& batch, std::span<const Loss> losses,
                    const BatchFields& fields = {});

// Whether the data of an event of a part was erased.
bool is_without_data(const Part& part, uint32_t i);

}  // namespace strandline
