// Signed notes (C2SP signed-note) with Ed25519, the checkpoints in them (C2SP tlog-checkpoint), and
// the keys in the form that Go's x/mod/sumdb/note reads.
//
//   public key   name+id+BASE64(0x01 || 32 bytes)              what an auditor keeps
//   private key  PRIVATE+KEY+name+id+BASE64(0x01 || 32 bytes)  in a file of mode 600
//   id           SHA-256(name || newline || 0x01 || public key)[:4], in hex
//   note         text, an empty line, and for each signature "— name BASE64(id || signature)"
//   checkpoint   the text of a note: origin, size and BASE64(root), each a line
//
// A log has one key, whose name is the log's origin. Each audited stream is a log of its own to
// those who check it: its origin is the log's, a slash, and the stream's name, percent-encoded; and
// the name under which the key signs its checkpoints is that origin. So a key that an auditor keeps
// is the log's, or that of one stream: for_origin. *Errors*: `invalid`, with what is wrong.
// *Threads*: pure values.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/error.h"
#include "engine/base/ed25519.h"
#include "engine/base/sha256.h"

namespace strandline {

struct PublicKey {
  std::string name;
  ed25519::PublicKey key = {};
  bool operator==(const PublicKey&) const = default;
};
// As an auditor keeps it.
std::string render_key(const PublicKey& key);
Result<PublicKey> parse_public_key(std::string_view text);

struct PrivateKey {
  std::string name;
  ed25519::Seed seed = {};
};
PrivateKey new_private_key(std::string name);
std::string render_key(const PrivateKey& key);
Result<PrivateKey> parse_private_key(std::string_view text);
PublicKey public_key_of(const PrivateKey& key);

// Why it is no name of a key, or origin: it has no spaces, no plus signs and no control characters.
Status check_origin(std::string_view origin);
std::string origin_of(std::string_view log_origin, std::string_view stream);
// The key under the origin's name, if the origin is the key's own or a stream of it.
Result<PublicKey> for_origin(const PublicKey& key, std::string_view origin);

// `text` ends in a newline.
std::string sign_note(std::string_view text, const PrivateKey& key, std::string_view name);
// The text, if one of the keys signed it, by name and id; a signature by one of them that does not
// hold fails.
Result<std::string> open_note(std::string_view note, std::span<const PublicKey> keys);
// The text, whoever signed it.
Result<std::string> text_of_note(std::string_view note);

struct Checkpoint {
  std::string origin;
  uint64_t size = 0;
  Digest root = {};
  bool operator==(const Checkpoint&) const = default;
};
std::string render_checkpoint(const Checkpoint& checkpoint);  // a note's text
// Lines behind the third are passed over, as the specification says.
Result<Checkpoint> parse_checkpoint(std::string_view text);
// Of a signed one: that one of the keys, as for_origin has it, signed it.
Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const PublicKey> keys);

}  // namespace strandline
