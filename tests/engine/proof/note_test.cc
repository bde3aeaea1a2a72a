// Notes, keys and checkpoints are those of C2SP and of Go's x/mod/sumdb/note: its own published key
// and signature hold here, and what was changed does not.
#include "engine/proof/note.h"

#include <gtest/gtest.h>

#include "engine/proof/proof_file.h"
#include "tests/support/log/log_test.h"

namespace strandline {
namespace {

// Of the documentation of golang.org/x/mod/sumdb/note.
constexpr char kSigner[] =
    "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr char kVerifier[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kText[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr char kNote[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotp"
    "RZb6KE6RyyBwJnAM=\n";

TEST(ProofNote, GosOwnExampleHolds) {
  const auto signer = parse_private_key(kSigner);
  ASSERT_TRUE(signer) << signer.error().message;
  const auto verifier = parse_public_key(std::string(kVerifier) + "\n");
  ASSERT_TRUE(verifier) << verifier.error().message;
  EXPECT_EQ(public_key_of(*signer), *verifier);
  EXPECT_EQ(render_key(*signer), kSigner);
  EXPECT_EQ(render_key(*verifier), kVerifier);
  EXPECT_EQ(sign_note(kText, *signer, signer->name), kNote);
  EXPECT_EQ(open_note(kNote, std::vector{*verifier}).value(), kText);
}

TEST(ProofNote, AnythingThatWasChangedIsRefused) {
  const std::vector keys = {parse_public_key(kVerifier).value()};
  const std::string note = kNote;
  for (size_t i = 0; i < note.size(); ++i) {
    std::string changed = note;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(open_note(changed, keys)) << i;
  }
  for (size_t size = 0; size < note.size(); ++size) {
    EXPECT_FALSE(open_note(note.substr(0, size), keys)) << size;
  }
  EXPECT_FALSE(open_note(note, {}));
  EXPECT_FALSE(open_note(note, std::vector{public_key_of(new_private_key("PeterNeumann"))}));
}

TEST(ProofNote, SignaturesOfOthersArePassedOver) {
  const PrivateKey ours = new_private_key("ours"), theirs = new_private_key("theirs");
  const std::string by_us = sign_note("text\n", ours, "ours");
  const std::string by_them = sign_note("text\n", theirs, "theirs");
  const std::string both = by_us + by_them.substr(by_them.find("\u2014"));
  EXPECT_TRUE(open_note(both, std::vector{public_key_of(ours)}));
  EXPECT_TRUE(open_note(both, std::vector{public_key_of(theirs)}));
  EXPECT_FALSE(open_note(by_us, std::vector{public_key_of(theirs)}));
}

TEST(ProofNote, KeysThatAreNoneAreRefused) {
  for (const char* bad :
       {"", "name", "name+00000000", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+BBpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", kSigner}) {
    EXPECT_FALSE(parse_public_key(bad)) << bad;
  }
  EXPECT_FALSE(parse_private_key(kVerifier));
}

TEST(ProofNote, ACheckpointIsOfItsOriginAndSize) {
  const PrivateKey key = new_private_key("log.example/a");
  const std::string origin = origin_of(key.name, "orders/\u00e4 b");
  EXPECT_EQ(origin, "log.example/a/orders%2F%C3%A4%20b");
  const Checkpoint checkpoint{.origin = origin, .size = 12, .root = hash_leaf("x")};
  const std::string note = sign_note(render_checkpoint(checkpoint), key, origin);
  const std::vector<PublicKey> of_log = {public_key_of(key)};
  const std::vector<PublicKey> of_stream = {{origin, of_log[0].key}};
  EXPECT_EQ(open_checkpoint(note, of_log).value(), checkpoint);
  EXPECT_EQ(open_checkpoint(note, of_stream).value(), checkpoint);
  // A key of another log or stream, even if its bytes are the same.
  for (const char* other : {"log.example/b", "log.example/a/orders", "log.example"}) {
    EXPECT_FALSE(open_checkpoint(note, std::vector<PublicKey>{{other, of_log[0].key}})) << other;
  }
  for (const char* bad : {"o\n1\n", "o\n01\nAAAA\n", "o\n-1\nAAAA\n", "\n1\nAAAA\n", "o 1\n"}) {
    EXPECT_FALSE(parse_checkpoint(bad)) << bad;
  }
}

TEST(ProofNote, AProofInAFileHoldsByItself) {
  const PrivateKey key = new_private_key("log.example");
  std::vector<Digest> leaves;
  std::vector<std::string> entries;
  for (uint64_t i = 0; i < 11; ++i) {
    entries.push_back(
        entry_of(Offset(i), Timestamp{1}, EventDigests{hash_leaf("e"), empty_root()}));
    leaves.push_back(hash_leaf(entries.back()));
  }
  const Nodes nodes = [&](unsigned height, uint64_t index) -> Result<Digest> {
    Frontier part;
    for (uint64_t i = index << height; i < (index + 1) << height; ++i) {
      part.push(leaves[i], [](unsigned, uint64_t, const Digest&) {});
    }
    return part.root();
  };
  const auto signed_at = [&](uint64_t size) {
    return sign_note(render_checkpoint({"log.example/s", size, root_of(size, nodes).value()}), key,
                     "log.example/s");
  };
  const std::vector keys = {public_key_of(key)};
  const InclusionProof proof{.index = 5,
                             .entry = entries[5],
                             .hashes = inclusion_proof(5, 11, nodes).value(),
                             .checkpoint = signed_at(11)};
  const auto again = parse_proof(render_proof(proof));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(render_proof(*again), render_proof(proof));
  EXPECT_EQ(verify_proof(*again, keys)->size, 11u);
  InclusionProof wrong = proof;
  wrong.index = 6;
  EXPECT_FALSE(verify_proof(wrong, keys));
  wrong = proof;
  wrong.entry = entries[6];
  EXPECT_FALSE(verify_proof(wrong, keys));
  wrong = proof;
  wrong.checkpoint = signed_at(10);
  EXPECT_FALSE(verify_proof(wrong, keys));
  EXPECT_FALSE(verify_proof(proof, std::vector{public_key_of(new_private_key("log.example"))}));

  const ConsistencyProof grown{
      .from = 7, .hashes = consistency_proof(7, 11, nodes).value(), .checkpoint = signed_at(11)};
  const auto read = parse_consistency_proof(render_proof(grown));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(verify_proof(*read, signed_at(7), keys));
  EXPECT_FALSE(verify_proof(*read, signed_at(6), keys));
  leaves[2] = hash_leaf("another history");
  EXPECT_FALSE(verify_proof(*read, signed_at(7), keys));
}

}  // namespace
}  // namespace strandline
