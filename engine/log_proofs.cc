// Log's proofs: checkpoints, what is in a tree, its tiles (docs/proofs.md).
#include <fmt/format.h>

#include "engine/log.h"
#include "engine/log_parts.h"
#include "engine/proving/tree_reader.h"
#include "engine/reading/cursors.h"

namespace strandline {
namespace {

constexpr uint32_t kSaltsMax = 65'536;

// The newest that is signed, and what it says.
struct Signed {
  const Stream* stream;
  CheckpointPointer record;
};
Result<Signed> find_signed(const LogState& log, std::string_view name) {
  const auto stream = find_existing(log, name);
  if (!stream) return std::unexpected(stream.error());
  auto record = log.trees.checkpoint((*stream)->id);
  if (record) return Signed{*stream, std::move(record)};
  return fail(Code::not_found,
              log.trees.audits(name)
                  ? fmt::format("no checkpoint of \"{}\" is signed yet: one is within the "
                                "interval, or ask for one",
                                name)
                  : fmt::format("\"{}\" is not audited", name));
}

Error not_audited(std::string_view name) {
  return {.code = Code::invalid, .message = fmt::format("\"{}\" is not audited", name)};
}

Error observed() {
  return {.code = Code::read_only, .message = "opened as an observer: it signs nothing"};
}

}  // namespace

Result<std::string> Log::checkpoint(std::string_view name) const {
  auto found = find_signed(*parts_->state, name);
  if (!found) return std::unexpected(std::move(found.error()));
  return found->record->note;
}

Result<std::string> Log::sign_checkpoint(const std::string& name, Actor by) {
  const LogState& state = *parts_->state;
  const auto stream = find_existing(state, name);
  if (!stream) return std::unexpected(stream.error());
  if (!parts_->signer) return std::unexpected(observed());
  if (!state.trees.audits(name)) return std::unexpected(not_audited(name));
  auto record = parts_->signer->sign(**stream, std::move(by));
  if (!record) return std::unexpected(std::move(record.error()));
  return (*record)->note;
}

Result<InclusionProof> Log::prove_event(std::string_view name, Offset offset) const {
  const LogState& state = *parts_->state;
  auto found = find_signed(state, name);
  if (!found) return std::unexpected(std::move(found.error()));
  const uint64_t size = found->record->size;
  if (offset.value >= size) {
    return std::unexpected(
        Error{.code = Code::out_of_range,
              .message = fmt::format("the newest checkpoint of \"{}\" is of {} events, and so "
                                     "without {}: ask for another",
                                     name, size, offset.value),
              .available = Available{found->stream->start().value, size}});
  }
  TreeReader reader(state, *found->stream, size);
  auto entry = reader.entries(offset.value, 1);
  if (!entry) return std::unexpected(std::move(entry.error()));
  auto hashes = inclusion_proof(offset.value, size, reader.nodes());
  if (!hashes) return std::unexpected(std::move(hashes.error()));
  return InclusionProof{.index = offset.value,
                        .entry = std::move(entry->front()),
                        .hashes = std::move(*hashes),
                        .checkpoint = found->record->note};
}

Result<ConsistencyProof> Log::prove_consistency(std::string_view name, uint64_t from) const {
  const LogState& state = *parts_->state;
  auto found = find_signed(state, name);
  if (!found) return std::unexpected(std::move(found.error()));
  const uint64_t size = found->record->size;
  if (from > size) {
    return std::unexpected(
        Error{.code = Code::out_of_range,
              .message = fmt::format("the newest checkpoint of \"{}\" is of {} events: one of {} "
                                     "is of another history, or newer",
                                     name, size, from),
              .available = Available{0, size}});
  }
  TreeReader reader(state, *found->stream, size);
  auto hashes = consistency_proof(from, size, reader.nodes());
  if (!hashes) return std::unexpected(std::move(hashes.error()));
  return ConsistencyProof{
      .from = from, .hashes = std::move(*hashes), .checkpoint = found->record->note};
}

Result<std::string> Log::tile(std::string_view name, const TileName& tile) const {
  const LogState& state = *parts_->state;
  const auto found = find_signed(state, name);
  if (!found) return std::unexpected(found.error());
  const unsigned height = kTileHeight * tile.level.value_or(0);
  // Of all that is durable: a tile that is full stays as it is.
  const uint64_t size = found->stream->tail().value;
  const uint64_t nodes = height < 64 ? size >> height : 0;
  const bool there =
      tile.index <= UINT64_MAX / kTileWidth - 1 && tile.index * kTileWidth + tile.width <= nodes;
  if (!there) {
    return fail(Code::not_found,
                fmt::format("the tree of \"{}\" has no tile {} yet", name, render_tile_name(tile)));
  }
  TreeReader reader(state, *found->stream, size);
  const uint64_t first = tile.index * kTileWidth;
  if (!tile.level) {
    auto entries = reader.entries(first, tile.width);
    if (!entries) return std::unexpected(std::move(entries.error()));
    return render_bundle(*entries);
  }
  std::string out;
  for (uint32_t i = 0; i < tile.width; ++i) {
    const auto node = reader.node(height, first + i);
    if (!node) return std::unexpected(node.error());
    out += bytes_of(*node);
  }
  return out;
}

Result<std::vector<EventSalts>> Log::salts(std::string_view name, Offset first,
                                           uint32_t count) const {
  const auto stream = find_existing(*parts_->state, name);
  if (!stream) return std::unexpected(stream.error());
  const Offset tail = (*stream)->tail();
  if (first < (*stream)->start() || count > kSaltsMax || first + count > tail) {
    return std::unexpected(
        Error{.code = Code::out_of_range,
              .message = fmt::format("salts of [{}, {}): at most {} events that are there",
                                     first.value, first.value + count, kSaltsMax),
              .available = Available{(*stream)->start().value, tail.value}});
  }
  TreeReader reader(*parts_->state, **stream, tail.value);
  std::vector<EventSalts> salts;
  for (uint32_t i = 0; i < count; ++i) {
    auto one = reader.salts((first + i).value);
    if (!one) return std::unexpected(std::move(one.error()));
    salts.push_back(*one);
  }
  return salts;
}

std::vector<PublicKey> Log::checkpoint_keys() const { return parts_->state->trees.signers(); }

Result<PublicKey> Log::checkpoint_key(Actor by) {
  if (!parts_->signer) return std::unexpected(observed());
  return parts_->signer->key(std::move(by));
}

Result<PublicKey> Log::rotate_checkpoint_key(const std::string& origin, Actor by) {
  if (!parts_->signer) return std::unexpected(observed());
  return parts_->signer->rotate(origin, std::move(by));
}

}  // namespace strandline
