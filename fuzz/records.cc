// The store's keys and small records: what is decoded is written again as the same bytes.
#include "engine/base/check.h"
#include "engine/format/access_record.h"
#include "engine/format/keys.h"
#include "fuzz/input.h"
#include "fuzz/target.h"

namespace strandline {
namespace {

template <class Record>
void decode_and_encode(std::string_view bytes) {
  Record record;
  if (decode(bytes, record)) CHECK_EQ(encode(record), bytes);
}

}  // namespace
}  // namespace strandline

FUZZ_TARGET(records) {
  using namespace strandline;
  fuzz::Input input(bytes);
  const uint8_t kind = input.byte() % 9;
  const std::string_view record = input.rest();
  if (kind == 0) decode_and_encode<EventKey>(record);
  if (kind == 1) decode_and_encode<IdentityRecord>(record);
  if (kind == 2) decode_and_encode<StateRecord>(record);
  if (kind == 3) decode_and_encode<SegmentRecord>(record);
  if (kind == 4) decode_and_encode<PositionRecord>(record);
  if (kind == 6) decode_and_encode<ProducerHead>(record);
  if (kind == 7) decode_and_encode<ProducerAppend>(record);
  if (kind == 8) decode_and_encode<ApiKey>(record);
  if (kind == 5) {
    std::string_view consumer;
    StreamId stream;
    if (decode_position_key(record, consumer, stream)) {
      CHECK_EQ(position_key(consumer, stream), record);
    }
  }
}
