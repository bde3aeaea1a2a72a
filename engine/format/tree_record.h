// The records of audit trees (the tree family): keys, and values. FORMAT.md has the grammar.
//
// A node is kept where it is the root of a full tile (engine/proof/tile.h): of height 8, 16, 24,
// ... Its value is its digest. Everything below is made again from the events, or, where they are
// gone, from what is kept of them: the leaves of those that were dropped from a tile with others
// that were not, and digests in a batch of which something was erased. *Memory*: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/types.h"

namespace strandline {

enum class TreeKind : char {
  node = 1,        // stream u64, level u8 (from 1), index u64 -> digest
  seed = 2,        // stream u64, first offset u64 of a batch -> its salts' seed (batch_leaves.h)
  leaves = 3,      // stream u64, first offset u64 -> leaves of events that are gone, 32 bytes each
  checkpoint = 4,  // stream u64 -> CheckpointRecord: the newest
  gone = 5,        // stream u64 -> u64: what is below it was gone before it was in the tree
  signer = 6,      // number u64 -> a public key that has signed checkpoints, as text
};

std::string tree_key(TreeKind kind, StreamId stream);
std::string tree_key(TreeKind kind, StreamId stream, Offset first);
std::string node_key(StreamId stream, unsigned level, uint64_t index);
std::string signer_key(uint64_t number);
// Of a seed, or of leaves.
bool decode_tree_key(std::string_view key, TreeKind& kind, StreamId& stream, Offset& first);

struct CheckpointRecord {
  uint64_t size = 0;
  int64_t signed_us = 0;
  std::string note = {};
  bool operator==(const CheckpointRecord&) const = default;
};
std::string encode(const CheckpointRecord& record);
bool decode(std::string_view bytes, CheckpointRecord& record);

}  // namespace strandline
