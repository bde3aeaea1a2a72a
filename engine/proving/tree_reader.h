// Reads the tree of one audited stream: its nodes, its leaves and their entries, as of a size.
//
// A node above a full tile is a record, or made from those below it. A leaf is made from its event,
// with the event's salts; or, where the event is gone, from what was kept for it. A full tile that
// is made from events is held against its own record. *Threads*: one at a time; it reads the disk.
// *Errors*: not_found where the events of a tile are gone below the stream's start; busy where the
// tree is still being made of events that were there before it; corrupt, with the place.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/proof/batch_leaves.h"
#include "engine/proof/merkle.h"
#include "engine/proof/tile.h"
#include "engine/reading/batch_reader.h"
#include "engine/state/log_state.h"

namespace strandline {

class TreeReader {
 public:
  // Of so many events, all of them written. Events below `start` are not looked for.
  TreeReader(const LogState& log, const Stream& stream, uint64_t size, Offset start);
  TreeReader(const LogState& log, const Stream& stream, uint64_t size)
      : TreeReader(log, stream, size, stream.start()) {}

  Result<Digest> node(unsigned height, uint64_t index);
  Nodes nodes() {
    return [this](unsigned height, uint64_t index) { return node(height, index); };
  }
  uint64_t size() const { return size_; }
  // The leaves of [first, first + count), in one tile.
  Result<std::vector<Digest>> leaves(uint64_t first, uint64_t count);
  Result<std::vector<std::string>> entries(uint64_t first, uint64_t count);
  Result<EventSalts> salts(uint64_t offset);
  std::optional<Digest> record(unsigned level, uint64_t index) const;

  // --- The auditor's: batches without salts are given a seed, and what cannot be read counts as
  // --- gone before it was in the tree.
  void make_missing() { makes_missing_ = true; }
  void set_gone_below(uint64_t offset) { gone_below_ = offset; }
  std::vector<std::pair<Offset, Seed>> take_seeds() { return std::exchange(made_, {}); }

 private:
  struct Tile {
    uint64_t index = UINT64_MAX;
    std::vector<Digest> leaves = {};
    std::vector<std::optional<std::string>> entries = {};  // none: only its leaf was kept
  };

  Result<const Tile*> tile(uint64_t index);
  Result<Tile> read_tile(uint64_t index);
  Status read_batch(Tile& tile, uint64_t& at, uint64_t end);
  std::optional<Seed> seed_of(Offset batch);

  const LogState& log_;
  const Stream& stream_;
  const uint64_t size_;
  const Offset start_;
  BatchReader reader_;
  uint64_t gone_below_ = 0;
  bool makes_missing_ = false;
  std::vector<std::pair<Offset, Seed>> made_;
  std::map<Offset, Seed> seeds_;
  Tile tile_;
  std::optional<Offset> digested_;  // the batch whose digests these are
  DigestsOfBatch digests_;
  std::optional<Offset> salted_;  // the same of these
  std::optional<std::vector<EventSalts>> salts_;
};

}  // namespace strandline
