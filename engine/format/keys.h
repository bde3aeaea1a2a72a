// The keys of the store, and the small records behind them (FORMAT.md has the grammar and a worked
// example). Key numbers are big-endian, so that they sort as numbers; record numbers little-endian.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "engine/api/types.h"

namespace strandline {

// --- Numbers in bytes.

inline void put_be64(std::string& out, uint64_t n) {
  n = __builtin_bswap64(n);
  out.append(reinterpret_cast<const char*>(&n), sizeof n);
}
inline uint64_t get_be64(std::string_view bytes, size_t at) {
  uint64_t n;
  std::memcpy(&n, bytes.data() + at, sizeof n);
  return __builtin_bswap64(n);
}
template <class T>
void put_le(std::string& out, T n) {
  out.append(reinterpret_cast<const char*>(&n), sizeof n);
}
template <class T>
T get_le(std::string_view bytes, size_t at) {
  T n;
  std::memcpy(&n, bytes.data() + at, sizeof n);
  return n;
}

// --- Stripes: a segment is written in stripes of about 16 MB. In one, events are kept stream by
// stream; from one to the next they are kept in the order in which they came. So a stripe is what a
// reader of the whole log reads at once (stripe_scan.h).

inline constexpr int kStripeBits = 16;  // the stripe's number in its segment
inline constexpr uint64_t kStripesMax = uint64_t{1} << kStripeBits;

using StripeId = Number<struct StripeIdTag>;

inline StripeId first_stripe(SegmentId segment) { return StripeId(segment.value << kStripeBits); }
inline SegmentId segment_of(StripeId stripe) { return SegmentId(stripe.value >> kStripeBits); }
inline uint64_t number_in_segment(StripeId stripe) { return stripe.value & (kStripesMax - 1); }

// --- events: stripe, stream, first offset -> stored batch (stored_batch.h).

struct EventKey {
  StripeId stripe;
  StreamId stream;
  Offset first;
  auto operator<=>(const EventKey&) const = default;
};
inline constexpr size_t kEventKeyBytes = 24;

inline std::string encode(const EventKey& key) {
  std::string out;
  out.reserve(kEventKeyBytes);
  put_be64(out, key.stripe.value);
  put_be64(out, key.stream.value);
  put_be64(out, key.first.value);
  return out;
}
inline bool decode(std::string_view bytes, EventKey& key) {
  if (bytes.size() != kEventKeyBytes) return false;
  key = {StripeId(get_be64(bytes, 0)), StreamId(get_be64(bytes, 8)), Offset(get_be64(bytes, 16))};
  return true;
}

// --- streams, segments and producers: one byte says what kind of record it is.

enum class KeyKind : char {
  identity = 1,  // streams: stream -> IdentityRecord
  state = 2,     // streams: stream -> StateRecord
  segment = 1,   // segments: segment -> SegmentRecord
  where = 2,     // segments: stream, first offset in a filed segment -> its stripes (extent_run.h)
  stripe = 3,    // segments: stripe -> what it holds of each stream (stripe_record.h)
  head = 1,      // producers: stream, producer -> ProducerHead
  original = 2,  // producers: stream, producer, NUL, epoch, sequence -> ProducerAppends from there
  answer = 3,    // producers: idempotency key -> expiry, answer (idempotency.h)
  mark = 4,      // producers: consumer, NUL, id -> expiry
  expiry = 5,    // producers: expiry, the key of an answer or a mark -> nothing
  tally = 6,     // producers: -> how many answers and processed ids there are
};

inline std::string key_of(KeyKind kind, uint64_t a) {
  std::string out(1, static_cast<char>(kind));
  put_be64(out, a);
  return out;
}
inline std::string key_of(KeyKind kind, uint64_t a, uint64_t b) {
  std::string out = key_of(kind, a);
  put_be64(out, b);
  return out;
}
inline std::string be64(uint64_t n) {
  std::string out;
  put_be64(out, n);
  return out;
}

// Who a stream is. Written when it is created, or created again.
struct IdentityRecord {
  Timestamp created;
  std::string name;
  std::string description;
};
std::string encode(const IdentityRecord& record);
bool decode(std::string_view bytes, IdentityRecord& record);

// Where a stream stands. Written when it is created, truncated or deleted, and when a segment that
// has events of it is filed; what came since, the records of stripes say (stripe_record.h). The
// log's own is written in the WriteBatch of every append.
struct StateRecord {
  uint64_t next = 0;           // its next offset
  uint64_t start = 0;          // its first offset still kept
  uint64_t bytes = 0;          // of all its stored batches, ever
  uint64_t start_bytes = 0;    // of those below start
  int64_t last_stored_us = 0;  // 0: nothing was ever stored
  uint8_t gap_reason = 0;      // why [0, start) is gone (GapReason)
  uint8_t exists = 1;          // 0: deleted
  uint32_t entered = 0;        // in memory alone: the turn of the stripe it last wrote to
};
std::string encode(const StateRecord& record);
bool decode(std::string_view bytes, StateRecord& record);

struct SegmentRecord {
  uint8_t sealed = 0;
  uint8_t filed = 0;  // once sealed: the directory of extents has all of it (filing.h)
  int64_t created_us = 0;
  uint64_t first_sequence = 0;
  uint64_t next_sequence = 0;        // once sealed
  uint64_t bytes_before = 0;         // of all stored batches before it
  uint64_t bytes = 0;                // of its own, once sealed
  uint64_t stripes = 1;              // begun in it
  uint64_t stripe_bytes_before = 0;  // of all stored batches before its last stripe
  int64_t stored_last_us = 0;        // of its events, once sealed
  uint64_t dead_bytes = 0;           // of its own that nobody can read any more
};
std::string encode(const SegmentRecord& record);
bool decode(std::string_view bytes, SegmentRecord& record);

// --- consumers: name, NUL, stream -> PositionRecord. Names have no control characters.

struct PositionRecord {
  uint64_t next = 0;
  int64_t committed_us = 0;
  std::string metadata = {};
};
std::string position_key(std::string_view consumer, StreamId stream);
bool decode_position_key(std::string_view key, std::string_view& consumer, StreamId& stream);
std::string encode(const PositionRecord& record);
bool decode(std::string_view bytes, PositionRecord& record);

// --- producers.

// Where a producer stands in a stream. Written in the WriteBatch of every append that names it.
struct ProducerHead {
  uint64_t epoch = 0;
  uint64_t next = 0;  // sequence
};
std::string producer_key(StreamId stream, std::string_view producer);
std::string encode(const ProducerHead& head);
bool decode(std::string_view bytes, ProducerHead& head);

// Where a producer's append went. Written with it, behind those before it in its group, and
// never removed.
inline constexpr size_t kProducerAppendBytes = 32;
struct ProducerAppend {
  uint64_t first = 0;     // offset
  uint64_t sequence = 0;  // in the log
  int64_t stored_us = 0;
  uint32_t count = 0;   // of events
  uint32_t crc32c = 0;  // of the client's FlatBuffer
};
std::string original_key(StreamId stream, std::string_view producer, uint64_t epoch,
                         uint64_t sequence);
std::string encode(const ProducerAppend& append);
bool decode(std::string_view bytes, ProducerAppend& append);

// Keys and ids have no control characters.
std::string answer_key(std::string_view key);
std::string processed_id_key(std::string_view consumer, std::string_view id);
std::string expiry_key(int64_t expires_us, std::string_view key);

}  // namespace strandline
