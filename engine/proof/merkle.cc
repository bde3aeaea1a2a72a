#include "engine/proof/merkle.h"

#include <bit>
#include <utility>

#include "engine/base/check.h"

namespace strandline {
namespace {

constexpr uint8_t kLeafPrefix = 0;
constexpr uint8_t kNodePrefix = 1;

// The largest power of two below n, which is at least 2.
uint64_t split_of(uint64_t n) { return std::bit_floor(n - 1); }

// The hash of the leaves [begin, begin + count); begin is a multiple of a power of two that is no
// smaller than count.
Result<Digest> hash_of(uint64_t begin, uint64_t count, const Nodes& nodes) {
  if (std::has_single_bit(count)) {
    const auto height = static_cast<unsigned>(std::countr_zero(count));
    return nodes(height, begin >> height);
  }
  const uint64_t left = split_of(count);
  auto a = hash_of(begin, left, nodes);
  if (!a) return a;
  auto b = hash_of(begin + left, count - left, nodes);
  if (!b) return b;
  return hash_node(*a, *b);
}

// Of both proofs: what stands beside the way from the root to where it ends, upwards.
Result<std::vector<Digest>> proof_of(uint64_t begin, uint64_t count, uint64_t target, bool whole,
                                     const Nodes& nodes) {
  // `whole`: the way to one leaf, `target`. Otherwise to the end of the first `target` leaves.
  std::vector<std::pair<uint64_t, uint64_t>> beside;  // from the root down
  bool complete = true;                               // of a consistency proof: b in RFC 6962
  while (whole ? count > 1 : target != count) {
    const uint64_t left = split_of(count);
    if (whole ? target < left : target <= left) {
      beside.emplace_back(begin + left, count - left);
      count = left;
    } else {
      beside.emplace_back(begin, left);
      begin += left;
      count -= left;
      target -= left;
      complete = false;
    }
  }
  if (!whole && !complete) beside.emplace_back(begin, count);
  std::vector<Digest> proof;
  proof.reserve(beside.size());
  for (auto at = beside.rbegin(); at != beside.rend(); ++at) {
    auto digest = hash_of(at->first, at->second, nodes);
    if (!digest) return std::unexpected(std::move(digest.error()));
    proof.push_back(*digest);
  }
  return proof;
}

}  // namespace

Digest hash_leaf(std::string_view entry) { return Sha256().add(kLeafPrefix).add(entry).finish(); }

Digest hash_node(const Digest& left, const Digest& right) {
  std::array<char, 1 + 2 * sizeof(Digest)> bytes;
  bytes[0] = kNodePrefix;
  std::copy(left.begin(), left.end(), bytes.begin() + 1);
  std::copy(right.begin(), right.end(), bytes.begin() + 1 + sizeof(Digest));
  return sha256({bytes.data(), bytes.size()});
}

Digest empty_root() { return sha256(""); }

Frontier::Frontier(uint64_t size, std::vector<Digest> subtrees)
    : size_(size), subtrees_(std::move(subtrees)) {
  CHECK_EQ(static_cast<size_t>(std::popcount(size_)), subtrees_.size());
}

Digest Frontier::root() const {
  if (subtrees_.empty()) return empty_root();
  Digest digest = subtrees_.back();
  for (size_t i = subtrees_.size() - 1; i-- > 0;) digest = hash_node(subtrees_[i], digest);
  return digest;
}

Result<Frontier> frontier_of(uint64_t size, const Nodes& nodes) {
  std::vector<Digest> subtrees;
  uint64_t begin = 0;
  for (unsigned height = 64; height-- > 0;) {
    if (!(size >> height & 1)) continue;
    auto digest = nodes(height, begin >> height);
    if (!digest) return std::unexpected(std::move(digest.error()));
    subtrees.push_back(*digest);
    begin += uint64_t{1} << height;
  }
  return Frontier(size, std::move(subtrees));
}

Result<Digest> root_of(uint64_t size, const Nodes& nodes) {
  auto frontier = frontier_of(size, nodes);
  if (!frontier) return std::unexpected(std::move(frontier.error()));
  return frontier->root();
}

Result<std::vector<Digest>> inclusion_proof(uint64_t index, uint64_t size, const Nodes& nodes) {
  CHECK_TRUE(index < size);
  return proof_of(0, size, index, true, nodes);
}

Result<std::vector<Digest>> consistency_proof(uint64_t from, uint64_t size, const Nodes& nodes) {
  CHECK_TRUE(from <= size);
  if (from == 0 || from == size) return std::vector<Digest>();
  return proof_of(0, size, from, false, nodes);
}

// RFC 9162, section 2.1.3.2.
bool includes(const Digest& root, uint64_t size, uint64_t index, const Digest& leaf,
              std::span<const Digest> proof) {
  if (index >= size) return false;
  uint64_t at = index, last = size - 1;
  Digest digest = leaf;
  for (const Digest& one : proof) {
    if (last == 0) return false;
    if ((at & 1) || at == last) {
      digest = hash_node(one, digest);
      while (!(at & 1) && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      digest = hash_node(digest, one);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && digest == root;
}

// RFC 9162, section 2.1.4.2.
bool is_consistent(uint64_t from, const Digest& from_root, uint64_t size, const Digest& root,
                   std::span<const Digest> proof) {
  if (from > size) return false;
  if (from == size) return proof.empty() && from_root == root;
  if (from == 0) return proof.empty() && from_root == empty_root();
  if (proof.empty()) return false;
  size_t next = 0;
  const Digest& begin = std::has_single_bit(from) ? from_root : proof[next++];
  uint64_t at = from - 1, last = size - 1;
  while (at & 1) {
    at >>= 1;
    last >>= 1;
  }
  Digest old_digest = begin, digest = begin;
  for (; next < proof.size(); ++next) {
    if (last == 0) return false;
    if ((at & 1) || at == last) {
      old_digest = hash_node(proof[next], old_digest);
      digest = hash_node(proof[next], digest);
      while (!(at & 1) && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      digest = hash_node(digest, proof[next]);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && old_digest == from_root && digest == root;
}

}  // namespace strandline
