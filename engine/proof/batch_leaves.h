// The salts and digests of the events of a stored batch, whatever was erased of it.
//
// A batch of an audited stream has, as fields behind its parts (stored_batch.h):
//   seeds    32 bytes a part, in order: of the salts of its events (leaf.h)
//   salts    once something was erased, in place of the seeds: 32 bytes an event, the envelope's
//            and the data's; zeros for what was erased
//   digests  what stands for what was erased: for each such event, in order, `place u32, which u8`
//            (1 the envelope's, 2 the data's, 3 both), and so many digests of 32 bytes
// A batch that was stored before its stream was audited has a seed in the tree's own records
// (tree_record.h), until something is erased of it: `kept`. *Threads*: pure functions.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/format/rebuilt_batch.h"
#include "engine/format/stored_batch.h"
#include "engine/proof/leaf.h"

namespace strandline {

// Of each event; nothing where the batch has none. Those of what was erased are zeros.
std::optional<std::vector<EventSalts>> salts_of(const StoredBatch& batch,
                                                const std::optional<Seed>& kept = {});
// Of each event; none where there are neither bytes with salts nor digests.
using DigestsOfBatch = std::vector<std::optional<EventDigests>>;
DigestsOfBatch digests_of(const StoredBatch& batch, const std::optional<Seed>& kept = {});
// The fields of the batch that is rebuilt without these (rebuild): no salt is left of what goes,
// and its digests are. Nothing of a batch without salts.
BatchFields fields_without(const StoredBatch& batch, std::span<const Loss> losses,
                           const std::optional<Seed>& kept = {});

}  // namespace strandline
