// Erasure: events of streams, or their data alone, are taken out of everything that the log holds.
//
// An *erasure* is asked for by offsets of one stream, or by a filter. Readers are told at once: an
// event that is gone is a gap, `erased`; one whose data is gone is delivered without it, with the
// extension attribute `erased`. The bytes are *gone* a moment later: when no file of the log's
// directory holds them any more. Two events of `$admin`, the halves of its receipt, say so
// (strandline.erasure.begun and .completed). The filter itself is in neither: only a salted digest.
//
// *Errors*: `not_found` for a stream that never was; `invalid` for a selection that is none;
// `corrupt` where what may match cannot be read; `busy` while another erasure is being selected.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/api/reading.h"
#include "engine/api/types.h"

namespace strandline {

// Of the reason that a receipt states.
inline constexpr size_t kErasureReasonBytes = 1024;
// Runs of events that one erasure takes: they are kept until it is complete (16 bytes each).
inline constexpr size_t kErasureRunsMax = 1'000'000;

struct OffsetRange {
  Offset first, next;  // [first, next)
  bool operator==(const OffsetRange&) const = default;
};

struct EraseRequest {
  // A stream, a list, or a prefix; streams that were deleted, too. What was truncated and is stored
  // still is erased as well.
  Selection select = Selection::list({});
  std::vector<OffsetRange> offsets = {};  // of one stream; none: any
  EventFilter filter = {};
  std::optional<Timestamp> stored_from = {};    // at or after
  std::optional<Timestamp> stored_before = {};  // before
  bool data_only = false;                       // the envelopes stay
  std::string reason = {};                      // why, for the receipt
  bool dry_run = false;                         // only counts
};

struct Erased {
  uint64_t id = 0;      // of the erasure, in both halves of its receipt; 0: there was nothing to do
  uint64_t events = 0;  // that were there, and are not any more
  uint64_t copies = 0;  // of these: copies in streams of dead letters
  std::vector<std::pair<std::string, uint64_t>> streams = {};  // by name: how many of each
  // Since when no file holds the bytes; none: not yet. The log goes on with it by itself.
  std::optional<Timestamp> gone = {};
};

// One that is not complete.
struct ErasureUnderWay {
  uint64_t id;
  Timestamp begun;
  uint64_t events;
  std::string why_not = {};  // what the last attempt met
};

}  // namespace strandline
