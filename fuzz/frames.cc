// What a client reads off a server that it does not trust: frames, their batches, and the cut at
// the page's end.
#include "engine/base/check.h"
#include "fuzz/fields.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "schemas/frame.h"
#include "tools/base/clip.h"

FUZZ_TARGET(frames) {
  using namespace strandline;
  fuzz::Input input(bytes);
  const uint8_t choice = input.byte();
  const bool by_offset = choice & 1, backward = choice & 2;
  const uint64_t end = input.number(8);
  // Frames are parsed where they land, in a string that grows.
  const std::string text(input.rest());
  std::string_view rest = text;
  while (const auto frame = schema::parse_frame(rest)) {
    CHECK_LE(frame->head.bytes, rest.size());
    CHECK_GE(frame->head.bytes, sizeof(schema::FrameHead));
    rest.remove_prefix(frame->head.bytes);
    std::string again;
    schema::append_frame(again, frame->head, frame->name, frame->payload);
    const auto parsed = schema::parse_frame(again);
    CHECK_TRUE(parsed);
    CHECK_EQ(parsed->name, frame->name);
    CHECK_EQ(parsed->payload, frame->payload);
    if (frame->head.kind != schema::FrameKind::batch) continue;
    const auto batch = Batch::verified(std::string(frame->payload));
    if (!batch || batch->count() != frame->head.count) continue;
    Delivery delivery = Events(frame->name, batch->bytes(), batch->count(), 0, batch->count(),
                               Offset(frame->head.first), Sequence(frame->head.sequence),
                               Timestamp{frame->head.stored_us}, backward);
    if (!backward) tools::clip(delivery, end, by_offset);
    if (const auto* events = std::get_if<Events>(&delivery)) {
      for (const Event event : *events) (void)fuzz::fields_of(event);
    }
  }
}
