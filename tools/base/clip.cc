#include "tools/base/clip.h"

#include <algorithm>

namespace strandline::tools {

void clip(Delivery& delivery, uint64_t end, bool by_offset) {
  if (auto* gap = std::get_if<Gap>(&delivery)) {
    gap->to = std::min(gap->to, end);
    if (gap->from >= gap->to) delivery = Moved{};
    return;
  }
  const auto* events = std::get_if<Events>(&delivery);
  if (!events || events->backward()) return;
  const uint64_t first = by_offset ? events->first().value : events->sequence().value;
  if (first >= end) {
    delivery = Moved{};
    return;
  }
  const uint64_t room = end - first;
  if (room >= events->count()) return;
  delivery =
      Events(events->stream(), events->flatbuffer(), 0, events->skip(), static_cast<uint32_t>(room),
             events->first(), events->sequence(), events->stored(), false);
}

}  // namespace strandline::tools
