// A proof in a file (C2SP tlog-proof): that an entry is in a tree of which there is a checkpoint.
//
//   c2sp.org/tlog-proof@v1
//   extra BASE64(the leaf's entry)
//   index 17
//   BASE64(hash), from the leaf's sibling up, each a line
//                                                           an empty line
//   the signed checkpoint
//
// The extra data is the entry itself (leaf.h), so that the file proves by itself what the tree says
// of the event: its offset, its stored time and its digests. An event's bytes are held against
// those with its salts. And what a client keeps of a tree that has grown (ConsistencyFile): the
// same, without an entry. *Errors*: `invalid`. *Threads*: pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/proof/leaf.h"
#include "engine/proof/merkle.h"
#include "engine/proof/note.h"

namespace strandline {

struct InclusionProof {
  uint64_t index = 0;
  std::string entry;
  std::vector<Digest> hashes;
  std::string checkpoint;  // a signed note
};
std::string render_proof(const InclusionProof& proof);
Result<InclusionProof> parse_proof(std::string_view text);
// What it proves; `invalid` if it does not.
Result<Checkpoint> verify_proof(const InclusionProof& proof, std::span<const PublicKey> keys);

// That the tree of one checkpoint begins with that of an older one. As above, with
// "strandline/tlog-consistency@v1", the older checkpoint's size in place of an index, and the newer
// checkpoint.
struct ConsistencyProof {
  uint64_t from = 0;
  std::vector<Digest> hashes;
  std::string checkpoint;  // the newer
};
std::string render_proof(const ConsistencyProof& proof);
Result<ConsistencyProof> parse_consistency_proof(std::string_view text);
// `older` is signed, too. What is proven of the newer one.
Result<Checkpoint> verify_proof(const ConsistencyProof& proof, std::string_view older,
                                std::span<const PublicKey> keys);
bool is_consistency_proof(std::string_view text);

}  // namespace strandline
