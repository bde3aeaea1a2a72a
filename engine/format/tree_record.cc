#include "engine/format/tree_record.h"

#include <cstring>

#include "engine/base/varint.h"
#include "engine/format/keys.h"
#include "engine/format/tagged.h"

namespace strandline {
namespace {

enum CheckpointField : uint64_t { kSize = 1, kSigned = 2, kNote = 3 };

std::string tree_number(uint64_t n) {
  std::string out;
  put_varint(out, n);
  return out;
}

bool take(std::string_view bytes, uint64_t& n) {
  const auto taken = take_varint(bytes);
  if (!taken || !bytes.empty()) return false;
  n = *taken;
  return true;
}

}  // namespace

std::string tree_key(TreeKind kind, StreamId stream) {
  std::string key(1, static_cast<char>(kind));
  put_be64(key, stream.value);
  return key;
}

std::string node_key(StreamId stream, unsigned level, uint64_t index) {
  std::string key = tree_key(TreeKind::node, stream);
  key += static_cast<char>(level);
  put_be64(key, index);
  return key;
}

std::string tree_key(TreeKind kind, StreamId stream, Offset first) {
  std::string key = tree_key(kind, stream);
  put_be64(key, first.value);
  return key;
}

bool decode_tree_key(std::string_view key, TreeKind& kind, StreamId& stream, Offset& first) {
  constexpr size_t kBytes = 1 + 2 * sizeof(uint64_t);
  if (key.size() != kBytes) return false;
  kind = static_cast<TreeKind>(key[0]);
  if (kind != TreeKind::seed && kind != TreeKind::leaves) return false;
  stream = StreamId(get_be64(key, 1));
  first = Offset(get_be64(key, 9));
  return true;
}

std::string signer_key(uint64_t number) { return tree_key(TreeKind::signer, StreamId(number)); }

std::string encode(const CheckpointRecord& record) {
  std::string out;
  put_field(out, kSize, tree_number(record.size));
  put_field(out, kSigned, tree_number(static_cast<uint64_t>(record.signed_us)));
  put_field(out, kNote, record.note);
  return out;
}

bool decode(std::string_view bytes, CheckpointRecord& record) {
  record = {};
  bool good = true;
  const auto wrong = each_field(bytes, [&](uint64_t tag, std::string_view value) {
    if (tag == kSize) {
      good &= take(value, record.size);
    } else if (tag == kSigned) {
      uint64_t us = 0;
      good &= take(value, us);
      record.signed_us = static_cast<int64_t>(us);
    } else if (tag == kNote) {
      record.note = value;
    } else {
      return false;
    }
    return true;
  });
  return good && !wrong;
}

}  // namespace strandline
