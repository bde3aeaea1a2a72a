#include "engine/state/audit_trees.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/proof/tile.h"
#include "engine/state/commit_group.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

// Leaves that wait for their tree's edge, of one stream: 32 MB. Past it they are let go, and made
// again from their events.
constexpr size_t kWaitingMax = 1'000'000;

std::string text_of(const Digest& digest) { return std::string(bytes_of(digest)); }

}  // namespace

void CollectedTrees::clear() {
  nodes.clear();
  records.clear();
  removed.clear();
  checkpoints.clear();
  signers.clear();
}

bool AuditTrees::audits(std::string_view stream) const {
  if (stream == kAdminStream) return log_.options.record_administration;
  if (log_.options.audits && log_.options.audits(stream)) return true;
  const auto policies = log_.policies.set();
  return policies->says(PolicyField::audit) && policies->flag(stream, PolicyField::audit);
}

CheckpointPointer AuditTrees::checkpoint(StreamId stream) const {
  std::lock_guard lock(mutex_);
  const auto found = checkpoints_.find(stream);
  return found == checkpoints_.end() ? nullptr : found->second;
}

std::vector<PublicKey> AuditTrees::signers() const {
  std::lock_guard lock(mutex_);
  return signers_;
}

std::optional<Seed> AuditTrees::kept_seed(StreamId stream, Offset batch) const {
  const auto kept = log_.store->get(Family::tree, tree_key(TreeKind::seed, stream, batch));
  if (!kept || !*kept || (*kept)->size() != sizeof(Seed)) return std::nullopt;
  Seed seed;
  std::ranges::copy(**kept, reinterpret_cast<char*>(seed.data()));
  return seed;
}

// --- The writer's.

AuditTrees::Growing& AuditTrees::growing(const Stream& stream, Offset next) {
  Growing& tree = growing_[stream.id];
  if (tree.frontier && tree.frontier->size() == next.value) return tree;
  if (next == Offset(0)) {
    tree = {.frontier = Frontier()};
    return tree;
  }
  // Unknown since the opening, or it was not audited for a while.
  if (tree.frontier || tree.waiting_first + tree.waiting.size() != next || next == Offset(0) ||
      tree.waiting.size() >= kWaitingMax) {
    tree = {.frontier = std::nullopt, .waiting_first = next};
  } else {
    return tree;
  }
  std::lock_guard lock(mutex_);
  waiting_[stream.id] = next;
  changed_.notify_all();
  return tree;
}

void AuditTrees::push(CommitGroup& group, StreamId stream, Growing& tree, const Digest& leaf) {
  tree.frontier->push(leaf, [&](unsigned height, uint64_t index, const Digest& digest) {
    if (height % kTileHeight != 0) return;
    const TreeNode node{stream, height / kTileHeight, index, digest};
    if (node.level == 1) {
      group.of(*this).nodes.push_back(node);
    } else {
      tree.owed.push_back(node);
    }
  });
}

void AuditTrees::append(CommitGroup& group, const Stream& stream, Offset first,
                        const BatchDigests& digests) {
  Growing& tree = growing(stream, first);
  const size_t nodes_before = group.of(*this).nodes.size();
  for (size_t i = 0; i < digests.events.size(); ++i) {
    const Digest leaf = leaf_of(first + i, group.stored, digests.events[i]);
    if (tree.frontier) {
      push(group, stream.id, tree, leaf);
    } else {
      tree.waiting.push_back(leaf);
    }
  }
  // One that is owed goes with an append that fills no tile, so that none writes many.
  if (!tree.owed.empty() && group.of(*this).nodes.size() == nodes_before) {
    group.of(*this).nodes.push_back(tree.owed.back());
    tree.owed.pop_back();
  }
}

uint64_t AuditTrees::change(CommitGroup& group, TreeChange change) {
  if (auto* made = std::get_if<MadeTree>(&change)) return put(group, std::move(*made));
  CollectedTrees& collected = group.of(*this);
  if (auto* kept = std::get_if<KeptCheckpoint>(&change)) {
    collected.records.emplace_back(tree_key(TreeKind::checkpoint, kept->stream),
                                   encode(kept->record));
    collected.checkpoints.push_back(std::move(*kept));
    return 0;
  }
  auto& signer = std::get<KeptSigner>(change);
  collected.signers.push_back(signer.key);
  return 0;
}

uint64_t AuditTrees::put(CommitGroup& group, MadeTree made) {
  CollectedTrees& collected = group.of(*this);
  for (const TreeNode& node : made.nodes) collected.nodes.push_back(node);
  for (const auto& [first, seed] : made.seeds) {
    collected.records.emplace_back(
        tree_key(TreeKind::seed, made.stream, first),
        std::string(reinterpret_cast<const char*>(seed.data()), seed.size()));
  }
  if (made.gone_below) {
    collected.records.emplace_back(tree_key(TreeKind::gone, made.stream), be64(*made.gone_below));
  }
  const Stream* stream = log_.streams.find(made.stream);
  if (!made.frontier || !stream) return 0;
  Growing& tree = growing(*stream, Offset(stream->assigned.next));
  if (tree.frontier) return 0;  // it grows already
  if (tree.waiting_first.value != made.frontier->size()) return tree.waiting_first.value;
  tree.frontier = std::move(made.frontier);
  for (const Digest& leaf : tree.waiting) push(group, made.stream, tree, leaf);
  for (const TreeNode& node : tree.owed) collected.nodes.push_back(node);
  tree.owed.clear();
  std::vector<Digest>().swap(tree.waiting);
  std::lock_guard lock(mutex_);
  waiting_.erase(made.stream);
  return 0;
}

void AuditTrees::keep_leaves(CommitGroup& group, StreamId stream, Offset first,
                             const std::vector<Digest>& leaves) {
  if (leaves.empty()) return;
  std::string bytes;
  for (const Digest& leaf : leaves) bytes += text_of(leaf);
  group.of(*this).records.emplace_back(tree_key(TreeKind::leaves, stream, first), std::move(bytes));
}

void AuditTrees::forget_seed(CommitGroup& group, StreamId stream, Offset batch) {
  if (!kept_seed(stream, batch)) return;
  group.of(*this).removed.push_back(tree_key(TreeKind::seed, stream, batch));
}

// --- The auditor's.

std::optional<StreamId> AuditTrees::wait(std::chrono::steady_clock::time_point until) {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    for (const auto& [stream, first] : waiting_) {
      if (!given_up_.contains(stream)) return stream;
    }
    if (std::exchange(policies_changed_, false)) return std::nullopt;
    if (changed_.wait_until(lock, until) == std::cv_status::timeout) return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Offset> AuditTrees::waiting_from(StreamId stream) const {
  std::lock_guard lock(mutex_);
  const auto found = waiting_.find(stream);
  return found == waiting_.end() ? std::nullopt : std::optional(found->second);
}

void AuditTrees::give_up(StreamId stream) {
  std::lock_guard lock(mutex_);
  given_up_[stream] = true;
}

void AuditTrees::stop() {
  std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool AuditTrees::stopped() const {
  std::lock_guard lock(mutex_);
  return stopped_;
}

// --- The part.

Status AuditTrees::load(Loading& loading) {
  Store& store = *loading.log.store;
  Changes repaired = store.changes();
  std::lock_guard lock(mutex_);
  StoreIterator it = store.iterate(Family::tree);
  const auto each = [&](TreeKind kind, auto visit) {
    const std::string begin(1, static_cast<char>(kind));
    for (it.seek(begin); it.valid() && it.key().starts_with(begin); it.next()) visit();
  };
  each(TreeKind::checkpoint, [&] {
    CheckpointRecord record;
    if (it.key().size() == 9 && decode(it.value(), record)) {
      checkpoints_[StreamId(get_be64(it.key(), 1))] =
          std::make_shared<const CheckpointRecord>(std::move(record));
    } else {
      loading.loss += "a checkpoint's record does not parse; ";
    }
  });
  each(TreeKind::signer, [&] {
    if (auto key = parse_public_key(it.value())) signers_.push_back(std::move(*key));
  });
  if (loading.lenient) {
    // The log may be shorter than it was: what a tree says of offsets that will be given out again
    // is not of those that follow.
    StoreIterator node = store.iterate(Family::tree);
    const std::string kind(1, static_cast<char>(TreeKind::node));
    for (node.seek(kind); node.valid() && node.key().starts_with(kind); node.next()) {
      const std::string_view key = node.key();
      if (key.size() != 18) continue;
      const Stream* stream = loading.log.streams.find(StreamId(get_be64(key, 1)));
      const unsigned height = kTileHeight * static_cast<uint8_t>(key[9]);
      const uint64_t end = height < 64 ? (get_be64(key, 10) + 1) << height : UINT64_MAX;
      if (!stream || end > stream->assigned.next) repaired.erase(Family::tree, key);
    }
  }
  if (auto damage = it.damage()) {
    if (!loading.lenient) return fail(Code::corrupt, "the tree family: " + *damage);
    loading.loss += "the tree family: " + *damage + "; ";
  }
  if (repaired.empty()) return {};
  if (auto ok = store.write(std::move(repaired)); !ok) return ok;
  return store.sync();
}

void AuditTrees::stage(CommitGroup& group, const Store&) {
  CollectedTrees& collected = group.of(*this);
  for (const TreeNode& node : collected.nodes) {
    group.changes.put(Family::tree, node_key(node.stream, node.level, node.index),
                      bytes_of(node.digest));
  }
  for (const auto& [key, value] : collected.records) group.changes.put(Family::tree, key, value);
  for (const std::string& key : collected.removed) group.changes.erase(Family::tree, key);
  if (collected.signers.empty()) return;
  uint64_t number = signers().size();
  for (const std::string& key : collected.signers) {
    group.changes.put(Family::tree, signer_key(number++), key);
  }
}

void AuditTrees::publish(CommitGroup& group) {
  const CollectedTrees& collected = group.of(*this);
  const bool policies_changed = !group.of(log_.policies).changed.empty();
  if (collected.checkpoints.empty() && collected.signers.empty() && !policies_changed) return;
  std::lock_guard lock(mutex_);
  if (policies_changed) {
    policies_changed_ = true;
    changed_.notify_all();
  }
  for (const KeptCheckpoint& one : collected.checkpoints) {
    checkpoints_[one.stream] = std::make_shared<const CheckpointRecord>(one.record);
  }
  for (const std::string& key : collected.signers) {
    if (auto parsed = parse_public_key(key)) signers_.push_back(std::move(*parsed));
  }
}

}  // namespace strandline
