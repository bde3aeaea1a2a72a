#include "engine/proving/tree_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace strandline {
namespace {

// The node of a height whose events were all gone before they were in the tree.
const Digest& gone_node(unsigned height) {
  static const std::array<Digest, 65> kNodes = [] {
    std::array<Digest, 65> nodes;
    nodes[0] = hash_leaf(entry_of_gone());
    for (size_t i = 1; i < nodes.size(); ++i) nodes[i] = hash_node(nodes[i - 1], nodes[i - 1]);
    return nodes;
  }();
  return kNodes.at(height);
}

Digest fold(std::vector<Digest> level) {
  for (; level.size() > 1; level.resize(level.size() / 2)) {
    for (size_t i = 0; i < level.size() / 2; ++i) {
      level[i] = hash_node(level[2 * i], level[2 * i + 1]);
    }
  }
  return level.front();
}

}  // namespace

TreeReader::TreeReader(const LogState& log, const Stream& stream, uint64_t size, Offset start)
    : log_(log), stream_(stream), size_(size), start_(start), reader_(log, stream) {
  const auto gone = log.store->get(Family::tree, tree_key(TreeKind::gone, stream.id));
  if (gone && *gone && (*gone)->size() == sizeof(uint64_t)) gone_below_ = get_be64(**gone, 0);
}

std::optional<Digest> TreeReader::record(unsigned level, uint64_t index) const {
  const auto found = log_.store->get(Family::tree, node_key(stream_.id, level, index));
  if (!found || !*found || (*found)->size() != sizeof(Digest)) return std::nullopt;
  return digest_from(**found);
}

Result<Digest> TreeReader::node(unsigned height, uint64_t index) {
  const uint64_t begin = index << height, end = begin + (uint64_t{1} << height);
  if (end > size_) return fail(Code::invalid, fmt::format("the tree has {} events", size_));
  if (end <= gone_below_) return gone_node(height);
  if (height > 0 && height % kTileHeight == 0) {
    if (const auto kept = record(height / kTileHeight, index)) return *kept;
  }
  if (height <= kTileHeight) {
    auto part = leaves(begin, end - begin);
    if (!part) return std::unexpected(std::move(part.error()));
    return fold(std::move(*part));
  }
  auto left = node(height - 1, 2 * index);
  if (!left) return left;
  auto right = node(height - 1, 2 * index + 1);
  if (!right) return right;
  return hash_node(*left, *right);
}

Result<std::vector<Digest>> TreeReader::leaves(uint64_t first, uint64_t count) {
  const auto found = tile(first / kTileWidth);
  if (!found) return std::unexpected(found.error());
  const auto begin = (*found)->leaves.begin() + static_cast<ptrdiff_t>(first % kTileWidth);
  return std::vector<Digest>(begin, begin + static_cast<ptrdiff_t>(count));
}

Result<std::vector<std::string>> TreeReader::entries(uint64_t first, uint64_t count) {
  const auto found = tile(first / kTileWidth);
  if (!found) return std::unexpected(found.error());
  std::vector<std::string> out;
  for (uint64_t i = 0; i < count; ++i) {
    const auto& entry = (*found)->entries[first % kTileWidth + i];
    if (!entry) {
      return fail(Code::not_found, fmt::format("event {} of \"{}\" is gone: its leaf was kept, and "
                                               "not its entry",
                                               first + i, stream_.name));
    }
    out.push_back(*entry);
  }
  return out;
}

Result<EventSalts> TreeReader::salts(uint64_t offset) {
  if (auto damage = reader_.load(Offset(offset))) return fail(Code::corrupt, damage->detail);
  const StoredBatch& batch = reader_.batch();
  if (salted_ != batch.first()) {
    salts_ = salts_of(batch, seed_of(batch.first()));
    salted_ = batch.first();
  }
  if (!salts_) return fail(Code::not_found, fmt::format("event {} has no salts", offset));
  return (*salts_)[Offset(offset) - batch.first()];
}

Result<const TreeReader::Tile*> TreeReader::tile(uint64_t index) {
  if (tile_.index != index) {
    auto read = read_tile(index);
    if (!read) return std::unexpected(std::move(read.error()));
    tile_ = std::move(*read);
  }
  return &tile_;
}

Result<TreeReader::Tile> TreeReader::read_tile(uint64_t index) {
  const uint64_t begin = index * kTileWidth, end = std::min(size_, begin + kTileWidth);
  Tile tile{.index = index};
  tile.leaves.resize(end - begin);
  tile.entries.resize(end - begin);
  std::vector<bool> there(end - begin, false);
  for (uint64_t at = begin; at < std::min(end, gone_below_); ++at) {
    tile.leaves[at - begin] = gone_node(0);
    tile.entries[at - begin] = entry_of_gone();
    there[at - begin] = true;
  }
  StoreIterator it = log_.store->iterate(Family::tree);
  TreeKind kind;
  StreamId id;
  Offset first;
  for (it.seek(tree_key(TreeKind::leaves, stream_.id, Offset(begin)));
       it.valid() && decode_tree_key(it.key(), kind, id, first) && kind == TreeKind::leaves &&
       id == stream_.id && first.value < end;
       it.next()) {
    for (size_t i = 0; (i + 1) * sizeof(Digest) <= it.value().size(); ++i) {
      const uint64_t place = first.value + i - begin;
      if (place >= there.size()) break;
      tile.leaves[place] = digest_from(it.value().substr(i * sizeof(Digest), sizeof(Digest)));
      there[place] = true;
    }
  }
  for (uint64_t at = begin; at < end;) {
    if (there[at - begin]) {
      ++at;
      continue;
    }
    if (Offset(at) < start_) {
      if (!makes_missing_) {
        return fail(Code::not_found, fmt::format("event {} of \"{}\" is below its start, {}, and "
                                                 "what stood for it is gone with it",
                                                 at, stream_.name, start_.value));
      }
      tile.leaves[at - begin] = gone_node(0);
      tile.entries[at - begin] = entry_of_gone();
      ++at;
      continue;
    }
    if (auto ok = read_batch(tile, at, end); !ok) return std::unexpected(std::move(ok.error()));
  }
  if (tile.leaves.size() == kTileWidth) {
    if (const auto kept = record(1, index); kept && *kept != fold(tile.leaves)) {
      return fail(Code::corrupt, fmt::format("the events [{}, {}) of \"{}\" are not those that the "
                                             "tree was made of",
                                             begin, end, stream_.name));
    }
  }
  return tile;
}

// What the batch at `at` has of the tile, which ends at `end`; `at` moves behind it.
Status TreeReader::read_batch(Tile& tile, uint64_t& at, uint64_t end) {
  const uint64_t begin = tile.index * kTileWidth;
  const auto put_gone = [&](uint64_t to) {
    for (; at < to; ++at) {
      tile.leaves[at - begin] = gone_node(0);
      tile.entries[at - begin] = entry_of_gone();
    }
  };
  if (auto damage = reader_.load(Offset(at))) {
    if (!makes_missing_ || damage->passing) {
      return fail(
          damage->passing ? Code::io : Code::corrupt,
          fmt::format("event {} of \"{}\" cannot be read, and so not what stands for it: {}", at,
                      stream_.name, damage->detail));
    }
    put_gone(std::min(end, std::max(at + 1, damage->to.value)));
    return {};
  }
  const StoredBatch& batch = reader_.batch();
  const Part part = batch.first_part();
  if (part.gone && part.count == batch.head().count && !batch.field(BatchField::digests)) {
    // A segment that was dropped: of its events nothing is left but what was kept beside them.
    if (!makes_missing_) {
      return fail(Code::not_found,
                  fmt::format("event {} of \"{}\" is gone ({}), and what stood for "
                              "it with it",
                              at, stream_.name, name_of(*part.gone)));
    }
    put_gone(std::min(end, batch.next().value));
    return {};
  }
  if (digested_ != batch.first()) {
    digests_ = digests_of(batch, seed_of(batch.first()));
    digested_ = batch.first();
  }
  const bool salted =
      batch.field(BatchField::seeds) || batch.field(BatchField::salts) || seed_of(batch.first());
  for (; at < std::min(end, batch.next().value); ++at) {
    const auto& digests = digests_[at - batch.first().value];
    if (!digests) {
      if (!salted && !makes_missing_) {
        return fail(Code::busy, fmt::format("the tree of \"{}\" is still being made: event {} is "
                                            "not in it yet",
                                            stream_.name, at));
      }
      put_gone(at + 1);
      --at;
      continue;
    }
    std::string entry = entry_of(Offset(at), batch.head().stored, *digests);
    tile.leaves[at - begin] = hash_leaf(entry);
    tile.entries[at - begin] = std::move(entry);
  }
  return {};
}

std::optional<Seed> TreeReader::seed_of(Offset batch) {
  const StoredBatch& stored = reader_.batch();
  if (stored.field(BatchField::seeds) || stored.field(BatchField::salts)) return std::nullopt;
  if (const auto made = seeds_.find(batch); made != seeds_.end()) return made->second;
  if (const auto kept = log_.trees.kept_seed(stream_.id, batch)) return kept;
  if (!makes_missing_) return std::nullopt;
  const Seed seed = new_seed();
  seeds_[batch] = seed;
  made_.emplace_back(batch, seed);
  return seed;
}

}  // namespace strandline
