// The Merkle tree of RFC 6962, section 2.1, over SHA-256: hashes, growth, and proofs.
//
// A *node* is a full subtree: of height h and index i, it stands for the leaves [i << h,
// (i + 1) << h). Whoever asks for a proof says where nodes come from (Nodes); whoever checks one
// needs nothing but what it is given. *Threads*: pure functions and values.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/base/sha256.h"

namespace strandline {

Digest hash_leaf(std::string_view entry);
Digest hash_node(const Digest& left, const Digest& right);
Digest empty_root();  // of a tree without leaves

using Nodes = std::function<Result<Digest>(unsigned height, uint64_t index)>;

// The right edge of a tree that grows: its full subtrees, the largest first.
class Frontier {
 public:
  Frontier() = default;
  // Of so many leaves, by their full subtrees.
  Frontier(uint64_t size, std::vector<Digest> subtrees);

  // Adds a leaf. made(height, index, digest): each node that is complete with it.
  template <class Made>
  void push(const Digest& leaf, Made made) {
    push_node(0, leaf, made);
  }
  // Adds a full subtree of so many leaves, of which there is a whole number already.
  template <class Made>
  void push_node(unsigned height, const Digest& node, Made made) {
    Digest digest = node;
    uint64_t index = size_ >> height;
    size_ += uint64_t{1} << height;
    for (; index & 1; index >>= 1) {
      digest = hash_node(subtrees_.back(), digest);
      subtrees_.pop_back();
      made(++height, index >> 1, digest);
    }
    subtrees_.push_back(digest);
  }
  uint64_t size() const { return size_; }
  const std::vector<Digest>& subtrees() const { return subtrees_; }
  Digest root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> subtrees_;
};

// The hash of the first `size` leaves, MTH(D[size]).
Result<Digest> root_of(uint64_t size, const Nodes& nodes);
Result<Frontier> frontier_of(uint64_t size, const Nodes& nodes);

// PATH(index, D[size]): from the leaf's sibling up. Needs index < size.
Result<std::vector<Digest>> inclusion_proof(uint64_t index, uint64_t size, const Nodes& nodes);
// PROOF(from, D[size]). Needs from <= size; empty where from is 0, or size.
Result<std::vector<Digest>> consistency_proof(uint64_t from, uint64_t size, const Nodes& nodes);

bool includes(const Digest& root, uint64_t size, uint64_t index, const Digest& leaf,
              std::span<const Digest> proof);
// That the tree of `size` leaves begins with that of `from` leaves.
bool is_consistent(uint64_t from, const Digest& from_root, uint64_t size, const Digest& root,
                   std::span<const Digest> proof);

}  // namespace strandline
