// AuditTrees::verify: every leaf of every tree against the roots of its tiles, the tiles against
// those above them, and each stream's newest checkpoint against all of that.
#include <fmt/format.h>

#include "engine/proving/tree_reader.h"
#include "engine/state/verification.h"

namespace strandline {
namespace {

class TreeVerification {
 public:
  TreeVerification(Verification& verification, const Stream& stream)
      : verification_(verification),
        stream_(stream),
        reader_(verification.log, stream, stream.tail().value) {}

  void run(const AuditTrees& trees) {
    if (const auto newest = trees.checkpoint(stream_.id)) open(*newest, trees.signers());
    const uint64_t size = reader_.size();
    for (uint64_t begin = 0; begin < size; begin += kTileWidth) {
      if (!take_tile(begin, std::min(size, begin + kTileWidth) - begin)) return;
    }
    if (checkpoint_ && checkpoint_->size > size) {
      find(size, fmt::format("a checkpoint of {} events was signed, and there are {}",
                             checkpoint_->size, size));
    }
  }

 private:
  void find(uint64_t at, const std::string& what) {
    verification_.find(fmt::format("the audit tree of \"{}\", offset {}", stream_.name, at), what);
  }

  void open(const CheckpointRecord& newest, const std::vector<PublicKey>& signers) {
    auto opened = open_checkpoint(newest.note, signers);
    if (opened) {
      checkpoint_ = std::move(*opened);
    } else {
      find(newest.size, "its newest checkpoint does not hold: " + opened.error().message);
    }
  }

  // False: what comes behind it cannot be told.
  bool take_tile(uint64_t begin, uint64_t count) {
    const auto leaves = reader_.leaves(begin, count);
    if (leaves) {
      for (const Digest& leaf : *leaves) {
        frontier_.push(leaf, [&](unsigned height, uint64_t index, const Digest& digest) {
          compare(height, index, digest);
        });
        compare_root();
      }
      return true;
    }
    const Code why = leaves.error().code;
    if (why == Code::busy) return false;  // it is still being made
    // Of what is gone below the start the root of its tile is kept.
    if (why != Code::not_found) find(begin, leaves.error().message);
    const auto kept = reader_.record(1, begin / kTileWidth);
    if (!kept || count < kTileWidth) {
      if (why == Code::not_found) find(begin, leaves.error().message);
      return false;
    }
    frontier_.push_node(kTileHeight, *kept,
                        [&](unsigned height, uint64_t index, const Digest& digest) {
                          compare(height, index, digest);
                        });
    compare_root();
    return true;
  }

  void compare(unsigned height, uint64_t index, const Digest& digest) {
    if (height % kTileHeight != 0) return;
    const auto kept = reader_.record(height / kTileHeight, index);
    if (kept && *kept != digest) {
      find(index << height,
           fmt::format("the root of its tile of {} events is another", uint64_t{1} << height));
    }
  }

  void compare_root() {
    if (!checkpoint_ || frontier_.size() != checkpoint_->size) return;
    if (frontier_.root() == checkpoint_->root) return;
    find(checkpoint_->size, "its events are not those of the checkpoint that was signed");
  }

  Verification& verification_;
  const Stream& stream_;
  TreeReader reader_;
  Frontier frontier_;
  std::optional<Checkpoint> checkpoint_;
};

}  // namespace

void AuditTrees::verify(Verification& verification) const {
  std::vector<const Stream*> trees;
  verification.log.streams.scan("", [&](Stream& stream) {
    if (stream.exists() && (audits(stream.name) || checkpoint(stream.id))) trees.push_back(&stream);
    return true;
  });
  for (const Stream* stream : trees) TreeVerification(verification, *stream).run(*this);
}

}  // namespace strandline
