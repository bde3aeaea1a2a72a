#include "engine/proof/proof_file.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "engine/api/base64.h"

namespace strandline {
namespace {

constexpr std::string_view kInclusion = "c2sp.org/tlog-proof@v1\n";
constexpr std::string_view kConsistency = "strandline/tlog-consistency@v1\n";
constexpr size_t kHashesMax = 64;

void put_hashes(std::string& out, const std::vector<Digest>& hashes) {
  for (const Digest& hash : hashes) {
    render_base64(out, bytes_of(hash));
    out += '\n';
  }
  out += '\n';
}

std::unexpected<Error> no_proof(std::string_view why) {
  return fail(Code::invalid, fmt::format("it is no proof: {}", why));
}

Result<std::string_view> take_proof_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return no_proof("it is cut off");
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

Result<uint64_t> take_number(std::string_view& text, std::string_view name) {
  const auto line = take_proof_line(text);
  if (!line) return std::unexpected(line.error());
  uint64_t n = 0;
  const std::string_view digits =
      line->starts_with(name) ? line->substr(name.size()) : std::string_view();
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), n);
  if (read.ec != std::errc() || std::to_string(n) != digits) {
    return no_proof(fmt::format("a line \"{}NUMBER\" is missing", name));
  }
  return n;
}

Result<std::vector<Digest>> take_hashes(std::string_view& text) {
  std::vector<Digest> hashes;
  while (true) {
    const auto line = take_proof_line(text);
    if (!line) return std::unexpected(line.error());
    if (line->empty()) return hashes;
    const auto bytes = parse_base64(*line);
    if (!bytes || bytes->size() != sizeof(Digest) || hashes.size() == kHashesMax) {
      return no_proof("its hashes are 32 bytes in base64, at most 64 of them");
    }
    hashes.push_back(digest_from(*bytes));
  }
}

}  // namespace

std::string render_proof(const InclusionProof& proof) {
  std::string out(kInclusion);
  out += "extra ";
  render_base64(out, proof.entry);
  out += fmt::format("\nindex {}\n", proof.index);
  put_hashes(out, proof.hashes);
  return out + proof.checkpoint;
}

Result<InclusionProof> parse_proof(std::string_view text) {
  if (!text.starts_with(kInclusion)) return no_proof("it does not begin as one");
  text.remove_prefix(kInclusion.size());
  InclusionProof proof;
  const auto extra = take_proof_line(text);
  if (!extra) return std::unexpected(extra.error());
  if (!extra->starts_with("extra ")) return no_proof("it does not have the entry (extra)");
  auto entry = parse_base64(extra->substr(6));
  if (!entry) return no_proof("extra: " + entry.error().message);
  proof.entry = std::move(*entry);
  const auto index = take_number(text, "index ");
  if (!index) return std::unexpected(index.error());
  proof.index = *index;
  auto hashes = take_hashes(text);
  if (!hashes) return std::unexpected(std::move(hashes.error()));
  proof.hashes = std::move(*hashes);
  proof.checkpoint = text;
  return proof;
}

Result<Checkpoint> verify_proof(const InclusionProof& proof, std::span<const PublicKey> keys) {
  auto checkpoint = open_checkpoint(proof.checkpoint, keys);
  if (!checkpoint) return checkpoint;
  if (const auto leaf = parse_entry(proof.entry); leaf && leaf->offset.value != proof.index) {
    return fail(Code::invalid, fmt::format("its entry is of offset {}, and its index is {}",
                                           leaf->offset.value, proof.index));
  }
  if (!includes(checkpoint->root, checkpoint->size, proof.index, hash_leaf(proof.entry),
                proof.hashes)) {
    return fail(Code::invalid, fmt::format("the tree of {} events that was signed does not have "
                                           "this entry at {}",
                                           checkpoint->size, proof.index));
  }
  return checkpoint;
}

std::string render_proof(const ConsistencyProof& proof) {
  std::string out(kConsistency);
  out += fmt::format("from {}\n", proof.from);
  put_hashes(out, proof.hashes);
  return out + proof.checkpoint;
}

bool is_consistency_proof(std::string_view text) { return text.starts_with(kConsistency); }

Result<ConsistencyProof> parse_consistency_proof(std::string_view text) {
  if (!is_consistency_proof(text)) return no_proof("it does not begin as one");
  text.remove_prefix(kConsistency.size());
  ConsistencyProof proof;
  const auto from = take_number(text, "from ");
  if (!from) return std::unexpected(from.error());
  proof.from = *from;
  auto hashes = take_hashes(text);
  if (!hashes) return std::unexpected(std::move(hashes.error()));
  proof.hashes = std::move(*hashes);
  proof.checkpoint = text;
  return proof;
}

Result<Checkpoint> verify_proof(const ConsistencyProof& proof, std::string_view older,
                                std::span<const PublicKey> keys) {
  auto before = open_checkpoint(older, keys);
  if (!before) return before;
  auto now = open_checkpoint(proof.checkpoint, keys);
  if (!now) return now;
  if (before->origin != now->origin) {
    return fail(Code::invalid,
                fmt::format("they are of two logs: {} and {}", before->origin, now->origin));
  }
  if (before->size != proof.from) {
    return fail(Code::invalid,
                fmt::format("it begins at {} events, and the older checkpoint has {}", proof.from,
                            before->size));
  }
  if (!is_consistent(before->size, before->root, now->size, now->root, proof.hashes)) {
    return fail(Code::invalid,
                fmt::format("the tree of {} events does not begin with that of {}: history was "
                            "changed",
                            now->size, before->size));
  }
  return now;
}

}  // namespace strandline
