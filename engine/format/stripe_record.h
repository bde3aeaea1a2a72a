// What a stripe holds of each stream, in one record. It is written when the stripe is sealed, and
// of the open one now and then, so that an append need not write where its stream stands.
//
//   u32 crc32c  of what follows
//   fields (tagged.h):
//     1  the stripe: varint
//     3  for each stream, in order: its number (less the one before), first offset, number of
//        offsets, bytes of all its stored batches up to there, and when the last was stored (less
//        field 5): varints
//     5  the earliest of those times: i64
//     7  the log sequence up to which the record knows of every event: varint
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/format/keys.h"

namespace strandline {

struct StripeEntry {
  StreamId stream;
  Offset first, next;  // [first, next) of the stream were given out in this stripe
  uint64_t bytes = 0;  // of all the stream's stored batches below next
  int64_t last_stored_us = 0;
  bool operator==(const StripeEntry&) const = default;
};

struct StripeRecord {
  StripeId stripe;
  Sequence next;                     // every event below it is in here, or in an earlier stripe's
  std::vector<StripeEntry> entries;  // by stream
};
std::string encode(const StripeRecord& record);
bool decode(std::string_view bytes, StripeRecord& record);

inline std::string stripe_key(StripeId stripe) { return key_of(KeyKind::stripe, stripe.value); }

}  // namespace strandline
