#include "engine/writing/signer.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/api/base64.h"
#include "engine/disk/private_file.h"
#include "engine/proving/tree_reader.h"

namespace strandline {
namespace {

constexpr char kKeyFile[] = "CHECKPOINT_KEY";
constexpr size_t kSigningBytes = 1'024;  // that an operation holds in the queue

std::string random_origin() {
  uint64_t number;
  fill_random(reinterpret_cast<uint8_t*>(&number), sizeof number);
  return fmt::format("strandline/{:016x}", number);
}

Error refused(const Stream& stream, const std::string& why) {
  return {.code = Code::corrupt,
          .message = fmt::format("no checkpoint of \"{}\" is signed: {}", stream.name, why)};
}

// That the tree of `size` events, with this root, begins with what was signed before.
Status check_consistent(const Stream& stream, TreeReader& reader, const Checkpoint& before,
                        const Digest& root) {
  if (before.size > reader.size()) {
    return std::unexpected(refused(
        stream, fmt::format("one of {} events was signed, and there are {}: events that were "
                            "signed are lost",
                            before.size, reader.size())));
  }
  const auto proof = consistency_proof(before.size, reader.size(), reader.nodes());
  if (!proof) return std::unexpected(proof.error());
  if (is_consistent(before.size, before.root, reader.size(), root, *proof)) return {};
  return std::unexpected(refused(
      stream, fmt::format("its first {} events are not those that were signed", before.size)));
}

}  // namespace

std::filesystem::path Signer::file() const {
  const std::string& given = log_.options.checkpoint_key;
  return given.empty() ? log_.directory / kKeyFile : std::filesystem::path(given);
}

Status Signer::load(const Actor& by) {
  if (key_) return {};
  auto text = read_private(file());
  if (!text && text.error().code == Code::not_found && log_.options.checkpoint_key.empty()) {
    const std::string& origin = log_.options.checkpoint_origin;
    if (auto ok = make(origin.empty() ? random_origin() : origin); !ok) return ok;
    return tell(by);
  }
  if (!text) return std::unexpected(std::move(text.error()));
  auto key = parse_private_key(*text);
  if (!key) return fail(Code::invalid, file().string() + ": " + key.error().message);
  key_ = std::move(*key);
  return tell(by);
}

Status Signer::make(std::string origin) {
  if (auto ok = check_origin(origin); !ok) return ok;
  PrivateKey key = new_private_key(std::move(origin));
  if (auto ok = write_private(file(), render_key(key) + "\n"); !ok) return ok;
  key_ = std::move(key);
  return {};
}

// Keeps the public key with the log, before it signs anything.
Status Signer::tell(const Actor& by) {
  const PublicKey key = public_key_of(*key_);
  const auto known = log_.trees.signers();
  if (std::ranges::find(known, key) != known.end()) return {};
  const std::string text = render_key(key);
  auto kept = perform_({.request = ChangeTree{KeptSigner{text}},
                        .bytes = kSigningBytes,
                        .by = by,
                        .act = Act{.type = "strandline.checkpoint.key",
                                   .details = ",\"key\":" + json_literal(text)}});
  if (kept) return {};
  key_.reset();  // so that it is told of before it is used
  return std::unexpected(std::move(kept.error()));
}

Result<PublicKey> Signer::key(Actor by) {
  std::lock_guard lock(mutex_);
  if (auto ok = load(by); !ok) return std::unexpected(std::move(ok.error()));
  return public_key_of(*key_);
}

Result<PublicKey> Signer::rotate(const std::string& origin, Actor by) {
  std::lock_guard lock(mutex_);
  if (!log_.options.checkpoint_key.empty()) {
    return fail(Code::invalid, fmt::format("the key was given ({}): put another one in its place, "
                                           "and start again",
                                           file().string()));
  }
  if (auto ok = load(by); !ok) return std::unexpected(std::move(ok.error()));
  if (auto ok = make(origin.empty() ? key_->name : origin); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  if (auto ok = tell(by); !ok) return std::unexpected(std::move(ok.error()));
  return public_key_of(*key_);
}

Result<CheckpointPointer> Signer::sign(const Stream& stream, Actor by) {
  std::lock_guard lock(mutex_);
  if (auto ok = load(by); !ok) return std::unexpected(std::move(ok.error()));
  const uint64_t size = stream.tail().value;
  const auto newest = log_.trees.checkpoint(stream.id);
  const std::string origin = origin_of(key_->name, stream.name);
  TreeReader reader(log_, stream, size);
  auto root = root_of(size, reader.nodes());
  if (!root) return std::unexpected(std::move(root.error()));
  if (newest) {
    const auto before = open_checkpoint(newest->note, log_.trees.signers());
    if (!before) {
      return std::unexpected(
          refused(stream, "the one before does not hold: " + before.error().message));
    }
    if (before->origin == origin) {
      if (auto ok = check_consistent(stream, reader, *before, *root); !ok) {
        return std::unexpected(std::move(ok.error()));
      }
      const std::vector<PublicKey> ours = {public_key_of(*key_)};
      if (before->size == size && open_checkpoint(newest->note, ours)) return newest;
    }
  }
  CheckpointRecord record{
      .size = size,
      .signed_us = log_.clock->now().us,
      .note = sign_note(render_checkpoint({origin, size, *root}), *key_, origin)};
  std::optional<Act> act;
  if (stream.name != kAdminStream) {
    std::string root_text;
    render_base64(root_text, bytes_of(*root));
    act = Act{.type = "strandline.checkpoint.signed",
              .subject = std::string(stream.name),
              .details = fmt::format(R"(,"size":{},"root":"{}","checkpoint":{})", size, root_text,
                                     json_literal(record.note))};
  }
  auto kept = perform_({.request = ChangeTree{KeptCheckpoint{stream.id, record}},
                        .bytes = kSigningBytes,
                        .by = std::move(by),
                        .act = std::move(act)});
  if (!kept) return std::unexpected(std::move(kept.error()));
  return std::make_shared<const CheckpointRecord>(std::move(record));
}

}  // namespace strandline
