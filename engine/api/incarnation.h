// Which life of a log this is.
//
// A log that was restored from a backup goes on from an earlier point, and gives the sequences
// behind that point out again, to other events. So each restore begins another *incarnation*, with
// an id of its own, and the log knows where each of them began. A position says of which
// incarnation it is: `12345@1f0a...`. Without it, it is one of the first, which was never restored.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/api/types.h"

namespace strandline {

struct Incarnation {
  std::string id;       // 32 hexadecimal digits
  Sequence first;       // it gave out the sequences from here on
  Timestamp begun;      // when the restore was; of the first incarnation: 0
  uint64_t backup = 0;  // which one was restored
};

// All of a log's, the oldest first. Never empty in an open log.
struct Incarnations {
  std::vector<Incarnation> all;

  const Incarnation& now() const { return all.back(); }
  bool restored() const { return all.size() > 1; }
  // As it stands in positions: 8 digits say it, and nothing says the first.
  std::string suffix() const;
  // Whether a sequence that an incarnation gave out (its id, or the beginning of it; empty: the
  // first) still names the same event. *Errors*: `conflict`, in a sentence: it is from after the
  // point from which another incarnation went on, or nobody knows that incarnation.
  Status check(uint64_t sequence, std::string_view incarnation) const;
};

}  // namespace strandline
