// The store's keys and small records: what is decoded is written again as the same bytes.
#include "engine/base/check.h"
#include "engine/format/access_record.h"
#include "engine/format/extent_run.h"
#include "engine/format/index_record.h"
#include "engine/format/keys.h"
#include "engine/format/stripe_record.h"
#include "fuzz/input.h"
#include "fuzz/target.h"

namespace strandline {
namespace {

template <class Record>
void decode_and_encode(std::string_view bytes) {
  Record record;
  if (decode(bytes, record)) CHECK_EQ(encode(record), bytes);
}

// Of a record that has more than one form: fields of its own that are passed over, say.
template <class Record>
void decode_twice(std::string_view bytes) {
  Record record, again;
  if (!decode(bytes, record)) return;
  const std::string written = encode(record);
  CHECK_TRUE(decode(written, again));
  CHECK_EQ(encode(again), written);
}

}  // namespace
}  // namespace strandline

FUZZ_TARGET(records) {
  using namespace strandline;
  fuzz::Input input(bytes);
  const uint8_t kind = input.byte() % 14;
  const std::string_view record = input.rest();
  if (kind == 0) decode_and_encode<EventKey>(record);
  if (kind == 1) decode_and_encode<IdentityRecord>(record);
  if (kind == 2) decode_and_encode<StateRecord>(record);
  if (kind == 3) decode_and_encode<SegmentRecord>(record);
  if (kind == 4) decode_and_encode<PositionRecord>(record);
  if (kind == 6) decode_and_encode<ProducerHead>(record);
  if (kind == 7) decode_and_encode<ProducerAppend>(record);
  if (kind == 8) decode_twice<ApiKey>(record);
  if (kind == 9) decode_twice<StripeRecord>(record);
  if (ExtentRun run; kind == 10 && decode(record, Offset(7), run)) {
    ExtentRun again;
    CHECK_TRUE(decode(encode(run), run.places.front().first, again));
    CHECK_EQ(encode(again), encode(run));
  }
  if (kind == 11) decode_twice<StripeSummary>(record);
  if (kind == 12) decode_twice<IndexChunks>(record);
  if (kind == 13) decode_twice<BucketTerms>(record);
  if (kind == 5) {
    std::string_view consumer;
    StreamId stream;
    if (decode_position_key(record, consumer, stream)) {
      CHECK_EQ(position_key(consumer, stream), record);
    }
  }
}
