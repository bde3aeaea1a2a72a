// Cutting a delivery where a reader is to stop.
#pragma once

#include <cstdint>

#include "engine/api/delivery.h"

namespace strandline::tools {

// Leaves out what lies at or past the position `end`: an offset, or else a sequence.
void clip(Delivery& delivery, uint64_t end, bool by_offset);

}  // namespace strandline::tools
