#include "engine/writing/tree_edges.h"

#include <algorithm>

#include "engine/proving/tree_reader.h"

namespace strandline {

void keep_edges(LogState& log, CommitGroup& group, const Stream& stream, Offset first,
                Offset next) {
  const auto newest = log.trees.checkpoint(stream.id);
  if (!newest && !log.trees.audits(stream.name)) return;
  TreeReader reader(log, stream, stream.assigned.next, Offset(stream.assigned.start));
  // Of one tile, those of [from, to) that go.
  const auto keep = [&](uint64_t from, uint64_t to) {
    from = std::max(from, first.value);
    to = std::min(to, next.value);
    if (from >= to) return;
    const auto leaves = reader.leaves(from, to - from);
    if (leaves) log.trees.keep_leaves(group, stream.id, Offset(from), *leaves);
  };
  const auto tile_of = [](uint64_t offset) { return offset / kTileWidth * kTileWidth; };
  const uint64_t last = tile_of(next.value);
  keep(last, next.value);
  // Events below the first stay where a hole is left.
  const bool leaves_some_below = first.value > stream.assigned.start;
  if (leaves_some_below && tile_of(first.value) != last) {
    keep(first.value, tile_of(first.value) + kTileWidth);
  }
  const uint64_t signed_to = newest ? newest->size : 0;
  if (signed_to > first.value && signed_to < next.value && tile_of(signed_to) != last) {
    keep(tile_of(signed_to), tile_of(signed_to) + kTileWidth);
  }
}

}  // namespace strandline
