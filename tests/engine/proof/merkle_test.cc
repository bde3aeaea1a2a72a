// The tree is RFC 6962's: its known roots, its definition taken literally, and proofs that hold for
// what is in the tree and for nothing else.
#include "engine/proof/merkle.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/log/log_test.h"

namespace strandline {
namespace {

std::string bytes_from(const std::string& hex) {
  std::string out;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  }
  return out;
}

std::string hex_of(const Digest& digest) {
  std::string out;
  for (const uint8_t byte : digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    out += kDigits[byte >> 4];
    out += kDigits[byte & 15];
  }
  return out;
}

using Leaves = std::vector<Digest>;

// MTH(D[n]), as the RFC says it.
Digest plain_root(const Leaves& leaves, size_t begin, size_t end) {
  if (begin == end) return empty_root();
  if (end - begin == 1) return leaves[begin];
  size_t k = 1;
  while (2 * k < end - begin) k *= 2;
  return hash_node(plain_root(leaves, begin, begin + k), plain_root(leaves, begin + k, end));
}

Nodes nodes_of(const Leaves& leaves) {
  return [&leaves](unsigned height, uint64_t index) -> Result<Digest> {
    const size_t begin = index << height, end = (index + 1) << height;
    if (end > leaves.size()) return fail(Code::invalid, "no such node");
    return plain_root(leaves, begin, end);
  };
}

Leaves some_leaves(size_t count, uint64_t salt = 0) {
  Leaves leaves;
  for (size_t i = 0; i < count; ++i) {
    leaves.push_back(hash_leaf(std::to_string(i) + "/" + std::to_string(salt)));
  }
  return leaves;
}

TEST(ProofMerkle, RootsAreThoseOfTheCertificateTransparencyTests) {
  const std::vector<std::string> inputs = {"",
                                           "00",
                                           "10",
                                           "2021",
                                           "3031",
                                           "40414243",
                                           "5051525354555657",
                                           "606162636465666768696a6b6c6d6e6f"};
  const std::vector<std::string> roots = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  EXPECT_EQ(hex_of(empty_root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Frontier frontier;
  for (size_t i = 0; i < inputs.size(); ++i) {
    frontier.push(hash_leaf(bytes_from(inputs[i])), [](unsigned, uint64_t, const Digest&) {});
    EXPECT_EQ(hex_of(frontier.root()), roots[i]) << i + 1;
  }
}

TEST(ProofMerkle, AGrowingTreeIsTheOneThatIsBuiltAtOnce) {
  const Leaves leaves = some_leaves(300);
  Frontier frontier;
  std::map<std::pair<unsigned, uint64_t>, Digest> made;
  for (size_t size = 0; size <= leaves.size(); ++size) {
    EXPECT_EQ(frontier.root(), plain_root(leaves, 0, size)) << size;
    EXPECT_EQ(root_of(size, nodes_of(leaves)).value(), frontier.root()) << size;
    EXPECT_EQ(frontier_of(size, nodes_of(leaves))->subtrees(), frontier.subtrees()) << size;
    if (size == leaves.size()) break;
    frontier.push(leaves[size], [&](unsigned height, uint64_t index, const Digest& digest) {
      EXPECT_TRUE(made.emplace(std::pair(height, index), digest).second);
    });
  }
  // Each node once, as soon as it is whole.
  EXPECT_EQ(made.size(), 150u + 75 + 37 + 18 + 9 + 4 + 2 + 1);
  for (const auto& [node, digest] : made) {
    EXPECT_EQ(digest, nodes_of(leaves)(node.first, node.second).value());
  }
}

TEST(ProofMerkle, InclusionIsProvenOfEveryLeafAndOfNoOther) {
  for (const size_t size : {1, 2, 3, 4, 5, 7, 8, 13, 64, 65, 100}) {
    const Leaves leaves = some_leaves(size);
    const Digest root = plain_root(leaves, 0, size);
    for (size_t i = 0; i < size; ++i) {
      const auto proof = inclusion_proof(i, size, nodes_of(leaves)).value();
      EXPECT_TRUE(includes(root, size, i, leaves[i], proof));
      EXPECT_FALSE(includes(root, size, i, hash_leaf("another"), proof));
      EXPECT_FALSE(includes(root, size, i ^ 1, leaves[i], proof));
      EXPECT_FALSE(includes(root, size, size, leaves[i], proof));
      EXPECT_FALSE(includes(hash_leaf("root"), size, i, leaves[i], proof));
      auto longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(includes(root, size, i, leaves[i], longer));
      if (proof.empty()) continue;
      auto shorter = proof;
      shorter.pop_back();
      EXPECT_FALSE(includes(root, size, i, leaves[i], shorter));
      auto changed = proof;
      changed[i % changed.size()][i % 32] ^= 1;
      EXPECT_FALSE(includes(root, size, i, leaves[i], changed));
    }
  }
}

TEST(ProofMerkle, ConsistencyIsProvenOfEveryBeginningAndOfNoOtherHistory) {
  constexpr size_t kMost = 40;
  const Leaves leaves = some_leaves(kMost), forked = some_leaves(kMost, 1);
  for (size_t size = 0; size <= kMost; ++size) {
    const Digest root = plain_root(leaves, 0, size);
    for (size_t from = 0; from <= size; ++from) {
      const Digest before = plain_root(leaves, 0, from);
      const auto proof = consistency_proof(from, size, nodes_of(leaves)).value();
      EXPECT_TRUE(is_consistent(from, before, size, root, proof)) << from << " " << size;
      if (from == 0) continue;
      EXPECT_FALSE(is_consistent(from, plain_root(forked, 0, from), size, root, proof));
      if (from == size) continue;
      EXPECT_FALSE(is_consistent(from, before, size, plain_root(forked, 0, size), proof));
      EXPECT_FALSE(is_consistent(from, before, size, before, proof));
      EXPECT_FALSE(is_consistent(size, root, from, before, proof));
      auto changed = proof;
      changed[size % changed.size()][from % 32] ^= 1;
      EXPECT_FALSE(is_consistent(from, before, size, root, changed));
      changed = proof;
      changed.pop_back();
      EXPECT_FALSE(is_consistent(from, before, size, root, changed));
    }
  }
}

TEST(ProofMerkle, LargeTreesOfWhichOnlyNodesAreLeft) {
  // A tree of 2^40 + 5 leaves, all alike: its nodes are known without it.
  std::vector<Digest> level = {hash_leaf("same")};
  for (unsigned height = 0; height < 41; ++height) {
    level.push_back(hash_node(level[height], level[height]));
  }
  const Nodes nodes = [&](unsigned height, uint64_t) -> Result<Digest> { return level[height]; };
  std::mt19937_64 random(tests::seed("ProofMerkle"));
  const uint64_t size = (uint64_t{1} << 40) + 5;
  const Digest root = root_of(size, nodes).value();
  for (int i = 0; i < 50; ++i) {
    const uint64_t at = random() % size, from = random() % size;
    const auto proof = inclusion_proof(at, size, nodes).value();
    EXPECT_TRUE(includes(root, size, at, level[0], proof));
    EXPECT_TRUE(is_consistent(from, root_of(from, nodes).value(), size, root,
                              consistency_proof(from, size, nodes).value()));
  }
}

}  // namespace
}  // namespace strandline
