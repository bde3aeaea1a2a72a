#include "engine/proof/note.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "engine/api/base64.h"
#include "engine/api/event_rules.h"

namespace strandline {
namespace {

constexpr char kEd25519 = 1;
constexpr size_t kIdBytes = 4;
constexpr std::string_view kPrivate = "PRIVATE+KEY+";
constexpr std::string_view kDash = "\u2014 ";
constexpr size_t kNoteBytesMax = 1 << 20;
constexpr size_t kOriginBytesMax = 2'048;

std::string base64(std::string_view bytes) {
  std::string out;
  render_base64(out, bytes);
  return out;
}

template <size_t n>
std::string_view view(const std::array<uint8_t, n>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), n};
}

std::string id_of(std::string_view name, const ed25519::PublicKey& key) {
  Sha256 hash;
  hash.add(name).add("\n").add(uint8_t{kEd25519}).add(view(key));
  return std::string(bytes_of(hash.finish()).substr(0, kIdBytes));
}

std::string hex(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) out += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return out;
}

std::string encoded(std::string_view name, std::string_view id, std::string_view key) {
  return fmt::format("{}+{}+{}", name, hex(id), base64(kEd25519 + std::string(key)));
}

// name+id+key: its three parts, the key without the byte of its kind.
struct KeyText {
  std::string name;
  std::string id;
  std::string key;
};
Result<KeyText> split_key(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r')) text.remove_suffix(1);
  const size_t first = text.find('+');
  const size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return fail(Code::invalid, "a key is name+id+base64");
  KeyText parts{.name = std::string(text.substr(0, first)),
                .id = std::string(text.substr(first + 1, second - first - 1)),
                .key = {}};
  if (auto ok = check_origin(parts.name); !ok) return std::unexpected(std::move(ok.error()));
  auto key = parse_base64(text.substr(second + 1));
  if (!key) return fail(Code::invalid, "the key's last part: " + key.error().message);
  if (key->size() != 1 + sizeof(ed25519::PublicKey) || key->front() != kEd25519) {
    return fail(Code::invalid, "it is no Ed25519 key");
  }
  parts.key = key->substr(1);
  return parts;
}

template <size_t n>
std::array<uint8_t, n> array_of(std::string_view bytes) {
  std::array<uint8_t, n> out;
  std::copy_n(bytes.begin(), n, reinterpret_cast<char*>(out.data()));
  return out;
}

Status check_id(const KeyText& text, const ed25519::PublicKey& key) {
  if (text.id == hex(id_of(text.name, key))) return {};
  return fail(Code::invalid, fmt::format("the key's id is {}, and its name and key give {}",
                                         text.id, hex(id_of(text.name, key))));
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// A note's text, with its newline, and its lines of signatures.
struct SplitNote {
  std::string_view text;
  std::string_view signatures;
};
Result<SplitNote> split_note(std::string_view note) {
  if (note.size() > kNoteBytesMax) return fail(Code::too_large, "a note of more than 1 MiB");
  const bool plain = std::ranges::none_of(
      note, [](char c) { return static_cast<uint8_t>(c) < 0x20 && c != '\n'; });
  if (!plain || !is_utf8(note)) return fail(Code::invalid, "a note is UTF-8 in plain lines");
  const size_t blank = note.rfind("\n\n");
  if (blank == std::string_view::npos || !note.ends_with('\n') || blank + 2 == note.size()) {
    return fail(Code::invalid, "it is no signed note: no signature follows an empty line");
  }
  return SplitNote{note.substr(0, blank + 1), note.substr(blank + 2)};
}

struct Signature {
  std::string_view name;
  std::string bytes;  // id and signature
};
Result<Signature> parse_signature(std::string_view line) {
  if (!line.starts_with(kDash)) return fail(Code::invalid, "a line of signatures has no dash");
  line.remove_prefix(kDash.size());
  const size_t space = line.find(' ');
  if (space == std::string_view::npos || space == 0) {
    return fail(Code::invalid, "a signature is a name and base64");
  }
  auto bytes = parse_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= kIdBytes) return fail(Code::invalid, "a signature is cut off");
  return Signature{line.substr(0, space), std::move(*bytes)};
}

std::optional<std::string_view> take_line(std::string_view& text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return line;
}

}  // namespace

std::string render_key(const PublicKey& key) {
  return encoded(key.name, id_of(key.name, key.key), view(key.key));
}

Result<PublicKey> parse_public_key(std::string_view text) {
  if (text.starts_with(kPrivate)) {
    return fail(Code::invalid, "it is a private key: whoever verifies needs the public one");
  }
  auto parts = split_key(text);
  if (!parts) return std::unexpected(std::move(parts.error()));
  PublicKey key{parts->name, array_of<sizeof(ed25519::PublicKey)>(parts->key)};
  if (auto ok = check_id(*parts, key.key); !ok) return std::unexpected(std::move(ok.error()));
  return key;
}

PrivateKey new_private_key(std::string name) {
  PrivateKey key{.name = std::move(name)};
  fill_random(key.seed.data(), key.seed.size());
  return key;
}

std::string render_key(const PrivateKey& key) {
  return std::string(kPrivate) +
         encoded(key.name, id_of(key.name, ed25519::public_key_of(key.seed)), view(key.seed));
}

Result<PrivateKey> parse_private_key(std::string_view text) {
  if (!text.starts_with(kPrivate)) {
    return fail(Code::invalid, "a private key begins with PRIVATE+KEY+");
  }
  auto parts = split_key(text.substr(kPrivate.size()));
  if (!parts) return std::unexpected(std::move(parts.error()));
  PrivateKey key{parts->name, array_of<sizeof(ed25519::Seed)>(parts->key)};
  if (auto ok = check_id(*parts, ed25519::public_key_of(key.seed)); !ok) {
    return std::unexpected(std::move(ok.error()));
  }
  return key;
}

PublicKey public_key_of(const PrivateKey& key) {
  return {key.name, ed25519::public_key_of(key.seed)};
}

Status check_origin(std::string_view origin) {
  if (origin.empty() || origin.size() > kOriginBytesMax) {
    return fail(Code::invalid,
                fmt::format("an origin has 1 to {} bytes, not {}", kOriginBytesMax, origin.size()));
  }
  // Spaces of Unicode are left out with everything that is not ASCII.
  const bool plain = std::ranges::all_of(origin, [](char c) { return c > 0x20 && c < 0x7F; });
  if (!plain || origin.find('+') != std::string_view::npos) {
    return fail(Code::invalid, "an origin is of ASCII without spaces and plus signs");
  }
  return {};
}

std::string origin_of(std::string_view log_origin, std::string_view stream) {
  std::string origin(log_origin);
  origin += '/';
  for (const char c : stream) {
    if (is_unreserved(c) || c == '$') {
      origin += c;
    } else {
      origin += fmt::format("%{:02X}", static_cast<uint8_t>(c));
    }
  }
  return origin;
}

Result<PublicKey> for_origin(const PublicKey& key, std::string_view origin) {
  const bool own = origin == key.name;
  const bool below = origin.starts_with(key.name + "/") &&
                     origin.find('/', key.name.size() + 1) == std::string_view::npos;
  if (own || below) return PublicKey{std::string(origin), key.key};
  return fail(Code::invalid,
              fmt::format("its origin is {}, and the key is of {}", origin, key.name));
}

std::string sign_note(std::string_view text, const PrivateKey& key, std::string_view name) {
  const auto public_key = ed25519::public_key_of(key.seed);
  return fmt::format("{}\n{}{} {}\n", text, kDash, name,
                     base64(id_of(name, public_key) + ed25519::sign(key.seed, text)));
}

Result<std::string> open_note(std::string_view note, std::span<const PublicKey> keys) {
  auto split = split_note(note);
  if (!split) return std::unexpected(std::move(split.error()));
  bool verified = false;
  while (const auto line = take_line(split->signatures)) {
    auto signature = parse_signature(*line);
    if (!signature) return std::unexpected(std::move(signature.error()));
    for (const PublicKey& key : keys) {
      const std::string id = id_of(key.name, key.key);
      if (key.name != signature->name || !signature->bytes.starts_with(id)) continue;
      if (!ed25519::verify(key.key, split->text,
                           std::string_view(signature->bytes).substr(kIdBytes))) {
        return fail(Code::invalid, fmt::format("the signature of {} does not hold", key.name));
      }
      verified = true;
    }
  }
  if (!verified) return fail(Code::invalid, "no key that was given has signed it");
  return std::string(split->text);
}

Result<std::string> text_of_note(std::string_view note) {
  auto split = split_note(note);
  if (!split) return std::unexpected(std::move(split.error()));
  return std::string(split->text);
}

std::string render_checkpoint(const Checkpoint& checkpoint) {
  return fmt::format("{}\n{}\n{}\n", checkpoint.origin, checkpoint.size,
                     base64(bytes_of(checkpoint.root)));
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  const auto origin = take_line(text), size = take_line(text), root = take_line(text);
  if (!root) return fail(Code::invalid, "a checkpoint has an origin, a size and a root");
  Checkpoint checkpoint{.origin = std::string(*origin)};
  if (auto ok = check_origin(checkpoint.origin); !ok) return std::unexpected(std::move(ok.error()));
  const auto read = std::from_chars(size->data(), size->data() + size->size(), checkpoint.size);
  if (read.ec != std::errc() || std::to_string(checkpoint.size) != *size) {
    return fail(Code::invalid, "a checkpoint's size is a decimal number");
  }
  const auto digest = parse_base64(*root);
  if (!digest || digest->size() != sizeof(Digest)) {
    return fail(Code::invalid, "a checkpoint's root is 32 bytes in base64");
  }
  checkpoint.root = digest_from(*digest);
  return checkpoint;
}

Result<Checkpoint> open_checkpoint(std::string_view note, std::span<const PublicKey> keys) {
  auto text = text_of_note(note);
  if (!text) return std::unexpected(std::move(text.error()));
  auto checkpoint = parse_checkpoint(*text);
  if (!checkpoint) return checkpoint;
  std::vector<PublicKey> fitting;
  std::string why = "no key was given";
  for (const PublicKey& key : keys) {
    auto one = for_origin(key, checkpoint->origin);
    if (one) {
      fitting.push_back(std::move(*one));
    } else {
      why = one.error().message;
    }
  }
  if (fitting.empty()) return fail(Code::invalid, why);
  if (auto ok = open_note(note, fitting); !ok) return std::unexpected(std::move(ok.error()));
  return checkpoint;
}

}  // namespace strandline
