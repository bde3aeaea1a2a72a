// A leaf of an audit tree: what stands for one event, for good.
//
//   entry     0x01, offset u64, stored i64 (microseconds), envelope digest, data digest: 81 bytes,
//             big-endian; or 0x02 alone, for an event that was gone before it was in the tree
//   envelope  SHA-256(0x01 || the event's salt of 16 bytes || each attribute that the client gave:
//             name bytes u8, name, kind u8 (0 text, 1 integer, 2 boolean), text bytes u32, text),
//             first type, id, source, subject, time, datacontenttype (text/plain, where text has
//             none) and dataschema, and then the others, by name
//   data      SHA-256(0x02 || the event's other salt || form u8 (0 none, 1 JSON, 2 text, 3 binary)
//             || the bytes)
//
// The salts make the digests of what was erased useless to whoever guesses at it: they go with
// what is erased. Those of an append come from one seed: SHA-256(seed || place in the append u32),
// whose halves are the two. *Threads*: pure functions and values.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/batch.h"
#include "engine/api/types.h"
#include "engine/base/sha256.h"

namespace strandline {

inline constexpr size_t kSaltBytes = 16;
using Salt = std::array<uint8_t, kSaltBytes>;
using Seed = std::array<uint8_t, 32>;

struct EventSalts {
  Salt envelope = {};
  Salt data = {};
  bool operator==(const EventSalts&) const = default;
};

struct EventDigests {
  Digest envelope = {};
  Digest data = {};
  bool operator==(const EventDigests&) const = default;
};

// Of the digests of one append, made where it arrives.
struct BatchDigests {
  Seed seed;
  std::vector<EventDigests> events;
};

Seed new_seed();
EventSalts derive_salts(const Seed& seed, uint32_t place);

Digest envelope_digest(const Event& event, const Salt& salt);
Digest data_digest(DataForm form, std::string_view data, const Salt& salt);
EventDigests digests_of(const Event& event, const EventSalts& salts);
// With a seed of its own.
std::shared_ptr<const BatchDigests> digest_batch(const Batch& batch);

inline constexpr size_t kLeafEntryBytes = 81;
std::string entry_of(Offset offset, Timestamp stored, const EventDigests& digests);
std::string entry_of_gone();
Digest leaf_of(Offset offset, Timestamp stored, const EventDigests& digests);  // the entry's hash
// Of what entry_of makes; nothing for another form.
struct LeafEntry {
  Offset offset;
  Timestamp stored;
  EventDigests digests;
};
std::optional<LeafEntry> parse_entry(std::string_view entry);

}  // namespace strandline
