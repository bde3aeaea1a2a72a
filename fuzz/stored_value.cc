// A value of the events family, as a damaged disk may give it: StoredBatch::check, and the walks
// over a value that has passed.
//
// The first byte chooses: as it is; or with its length and checksum made right, so that what is
// behind the checksum is reached.
#include <cstring>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/format/stored_batch.h"
#include "fuzz/input.h"
#include "fuzz/target.h"

namespace strandline {
namespace {

void walk_parts(const StoredBatch& batch) {
  uint64_t events = 0;
  for (Part part = batch.first_part();; part = batch.part_after(part)) {
    CHECK_EQ(part.first, batch.first() + events);
    CHECK_LE(part.next_at, batch.value().size());
    CHECK_TRUE(part.flatbuffer.data() >= batch.value().data());
    CHECK_TRUE(part.flatbuffer.data() + part.flatbuffer.size() <=
               batch.value().data() + batch.value().size());
    if (part.count > 0) {
      CHECK_EQ(batch.part_covering(part.first).flatbuffer.data(), part.flatbuffer.data());
      CHECK_EQ(batch.part_covering(part.first + (part.count - 1)).first, part.first);
    }
    events += part.count;
    if (batch.first() + events >= batch.next()) break;
  }
  CHECK_EQ(events, batch.head().count);
}

void walk_ranges(const StoredBatch& batch) {
  uint64_t events = 0;
  for (size_t i = 0; i < batch.range_count(); ++i) events += batch.range(i).count;
  CHECK_EQ(events, batch.head().count);
}

}  // namespace
}  // namespace strandline

FUZZ_TARGET(stored_value) {
  using namespace strandline;
  fuzz::Input input(bytes);
  const bool repaired = input.byte() & 1;
  std::string value(input.rest());
  EventKey key{.stripe = StripeId(1), .stream = StreamId(2), .first = Offset(0)};
  if (value.size() >= 16) key.first = Offset(get_le<uint64_t>(value, 8));
  if (repaired && value.size() >= kStoredHeadBytes) {
    const auto length = static_cast<uint32_t>(value.size());
    std::memcpy(value.data() + 40, &length, 4);
    uint32_t crc = crc32c(encode(key));
    crc = crc32c(std::string_view(value).substr(0, 44), crc);
    crc = crc32c(std::string_view(value).substr(kStoredHeadBytes), crc);
    std::memcpy(value.data() + 44, &crc, 4);
  }
  if (const auto wrong = StoredBatch::check(key, value)) {
    CHECK_TRUE(!wrong->empty());
    return;
  }
  // One bit elsewhere, or another key, and it must not pass.
  std::string flipped = value;
  flipped[flipped.size() / 2] ^= 1;
  CHECK_TRUE(StoredBatch::check(key, flipped));
  EventKey other = key;
  other.stream = StreamId(3);
  CHECK_TRUE(StoredBatch::check(other, value));

  const StoredBatch batch(key.stream, value);
  CHECK_TRUE(batch.covers(batch.first()));
  CHECK_TRUE(batch.covers(batch.next() - 1));
  if (batch.head().flags & 1) {
    walk_ranges(batch);
  } else {
    walk_parts(batch);
  }
}
