// The audit trees: for each audited stream, an RFC 6962 tree over its events (engine/proof).
//
// What an append adds to a tree is in its own WriteBatch: the seed of its events' salts, in their
// stored batch, and the root of each tile that is full with it (tree_record.h). A tree *grows* once
// its right edge is in memory. Until then, after an opening, or where auditing was switched on for
// events that are there, the leaves of new events wait, and the auditor (writing/auditor.h) makes
// the edge of what is below them. *Threads*: audits, checkpoint, signers: any, and durable;
// append, change and keep_leaves: the writer's; wait and what follows it: the auditor's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "engine/format/tree_record.h"
#include "engine/proof/leaf.h"
#include "engine/proof/merkle.h"
#include "engine/proof/note.h"
#include "engine/state/part.h"
#include "engine/state/streams.h"

namespace strandline {

struct LogState;

// The root of a full tile: of height 8 * level.
struct TreeNode {
  StreamId stream;
  unsigned level;
  uint64_t index;
  Digest digest;
};

// What the auditor has made of a tree; `frontier`: of all below what waits, and then it grows.
struct MadeTree {
  StreamId stream;
  std::vector<TreeNode> nodes = {};
  std::vector<std::pair<Offset, Seed>> seeds = {};  // of batches that had none
  std::optional<uint64_t> gone_below = {};
  std::optional<Frontier> frontier = {};
};
struct KeptCheckpoint {
  StreamId stream;
  CheckpointRecord record;
};
struct KeptSigner {
  std::string key;  // a public key, as text
};
using TreeChange = std::variant<MadeTree, KeptCheckpoint, KeptSigner>;

struct CollectedTrees : StatePart::Pending {
  void clear() override;

  std::vector<TreeNode> nodes;
  std::vector<std::pair<std::string, std::string>> records;
  std::vector<std::string> removed;
  std::vector<KeptCheckpoint> checkpoints;
  std::vector<std::string> signers;
};

using CheckpointPointer = std::shared_ptr<const CheckpointRecord>;

class AuditTrees : public Collecting<CollectedTrees> {
 public:
  AuditTrees(StateParts& parts, LogState& log) : Collecting(parts), log_(log) {}

  bool audits(std::string_view stream) const;
  CheckpointPointer checkpoint(StreamId stream) const;  // the newest; null: there is none
  std::vector<PublicKey> signers() const;               // all that have signed, the newest last
  // Of a batch that was there before its stream was audited, if nothing of it was erased since.
  std::optional<Seed> kept_seed(StreamId stream, Offset batch) const;

  // --- The writer's.
  void append(CommitGroup& group, const Stream& stream, Offset first, const BatchDigests& digests);
  // Of a made tree: where the leaves begin that wait yet; 0 if it grows now.
  uint64_t change(CommitGroup& group, TreeChange change);
  // What stands for events that go, in a tile with others that stay: [first, ...).
  void keep_leaves(CommitGroup& group, StreamId stream, Offset first,
                   const std::vector<Digest>& leaves);
  // The batch is rebuilt: its salts are in it.
  void forget_seed(CommitGroup& group, StreamId stream, Offset batch);

  // --- The auditor's.
  // A tree that waits for its edge; nothing: `until` has come, policies have changed, or it was
  // told to stop.
  std::optional<StreamId> wait(std::chrono::steady_clock::time_point until);
  // Where its leaves begin that wait; nothing: none do.
  std::optional<Offset> waiting_from(StreamId stream) const;
  // It cannot be made until the log is opened again.
  void give_up(StreamId stream);
  void stop();
  bool stopped() const;

  Status load(Loading& loading) override;
  void stage(CommitGroup& group, const Store& store) override;
  void publish(CommitGroup& group) override;
  // Every leaf against the roots of tiles, and every checkpoint (proving/tree_verification.cc).
  void verify(Verification& verification) const override;
  Status rebuild(Rebuild&) const override { return {}; }  // nodes are made again where they lack

 private:
  struct Growing {
    std::optional<Frontier> frontier;  // none: leaves wait
    Offset waiting_first = {};
    std::vector<Digest> waiting = {};
    std::vector<TreeNode> owed = {};  // of level 2 and more: each with a later append
  };

  Growing& growing(const Stream& stream, Offset next);
  void push(CommitGroup& group, StreamId stream, Growing& tree, const Digest& leaf);
  uint64_t put(CommitGroup& group, MadeTree made);

  LogState& log_;
  std::unordered_map<StreamId, Growing> growing_;  // the writer's
  mutable std::mutex mutex_;                       // guards all below
  std::condition_variable changed_;
  std::map<StreamId, Offset> waiting_;  // trees whose leaves wait, and from where on
  std::map<StreamId, bool> given_up_;
  std::map<StreamId, CheckpointPointer> checkpoints_;
  std::vector<PublicKey> signers_;
  bool policies_changed_ = false;  // since wait() last said so
  bool stopped_ = false;
};

}  // namespace strandline
