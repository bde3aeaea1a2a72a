// What is read from a harmed log, held against the truth about it.
//
// Whatever the harm: no event is delivered with other bytes, at another offset, with another
// sequence or twice; what is not delivered is said in a gap; what verify finds is what readers are
// told. How much may be missing, the caller judges by `lost` and `short_by`.
#pragma once

#include <string>
#include <vector>

#include "tests/support/log/specimen.h"

namespace strandline::tests {

struct Verdict {
  std::vector<std::string> wrong;  // in words; empty if nothing is
  // Events that were said to be damaged, as [from, to) of a stream.
  struct Run {
    std::string stream;
    uint64_t from, to;
  };
  std::vector<Run> lost;
  std::set<uint64_t> read;  // sequences that were delivered, by stream or in the whole order
  std::vector<std::string> details;  // what the gaps said about their place
  uint64_t lost_events = 0;          // of all streams
  uint64_t lost_batches = 0;         // that these runs touch
  uint64_t lost_in_order = 0;        // sequences that are gaps when all streams are read at once
  uint64_t short_by = 0;             // events beyond the end of the order that is left
  std::vector<std::string> gone;     // streams that are not there
  std::vector<Truth::Position> positions;  // committed positions that are not what they were
  // Streams of which more is there than was kept: a truncation or a deletion is undone.
  std::vector<std::string> came_back;
  size_t findings = 0;  // of verify
};

Verdict judge(const Log& log, const Truth& truth);

}  // namespace strandline::tests
