#include "engine/store/salvage.h"

#include <fmt/format.h>
#include <zstd.h>

#include <algorithm>
#include <fstream>

#include "engine/base/varint.h"
#include "engine/disk/disk.h"
#include "engine/format/stored_batch.h"

namespace strandline {
namespace {

// Of a block: its type (compressed or not), and RocksDB's checksum.
constexpr size_t kTrailerBytes = 5;
// More tables than this are not damaged at once; if they are, the scan is made again.
constexpr size_t kSalvagesMax = 32;
// No block is larger: a batch has a limit, and this is far beyond it.
constexpr uint64_t kBlockBytesMax = 1 << 30;

struct Entry {
  EventKey key;
  std::string_view value;
  bool whole;    // it passes its check
  size_t bytes;  // of all of it
};

// An entry of a block as RocksDB lays it out where none shares its key's beginning with the one
// before (store_options.cc): shared u32 = 0, unshared u32 and value length, as varints; key,
// RocksDB's own sequence and type; value.
std::optional<Entry> entry_at(std::string_view bytes) {
  constexpr size_t kInternalBytes = 8;
  if (bytes.size() < kEventKeyBytes || bytes[0] != 0) return std::nullopt;
  std::string_view left = bytes;
  const auto shared = take_varint(left), unshared = take_varint(left), length = take_varint(left);
  if (!shared || !unshared || !length) return std::nullopt;
  if (*shared != 0 || *unshared != kEventKeyBytes + kInternalBytes) return std::nullopt;
  if (left.size() < *unshared || *length < kStoredHeadBytes || *length > left.size() - *unshared) {
    return std::nullopt;
  }
  constexpr char kPut = 1;
  EventKey key;
  if (left[kEventKeyBytes] != kPut || !decode(left.substr(0, kEventKeyBytes), key)) {
    return std::nullopt;
  }
  const std::string_view value = left.substr(*unshared, *length);
  const bool whole = !StoredBatch::check(key, value);
  // A damaged batch is passed over as a whole, where its head can still be read: what clients put
  // into it is never taken for a batch.
  constexpr size_t kFirstAt = 8, kBytesAt = 40;
  if (!whole && (get_le<uint32_t>(value, kBytesAt) != value.size() ||
                 get_le<uint64_t>(value, kFirstAt) != key.first.value)) {
    return std::nullopt;
  }
  return Entry{key, value, whole, bytes.size() - left.size() + *unshared + *length};
}

// The length of a compressed block, and what is in it.
std::optional<size_t> decompress(std::string_view bytes, std::string& out) {
  std::string_view left = bytes;
  const auto length = take_varint(left);
  if (!length || *length > kBlockBytesMax || left.size() < 4) return std::nullopt;
  if (get_le<uint32_t>(left, 0) != ZSTD_MAGICNUMBER) return std::nullopt;
  const size_t frame = ZSTD_findFrameCompressedSize(left.data(), left.size());
  if (ZSTD_isError(frame)) return std::nullopt;
  out.resize(*length);
  const size_t got = ZSTD_decompress(out.data(), out.size(), left.data(), frame);
  if (ZSTD_isError(got) || got != out.size()) return std::nullopt;
  return bytes.size() - left.size() + frame;
}

bool before(const EventKey& a, const EventKey& b) { return a < b; }

}  // namespace

Result<std::shared_ptr<const Salvage>> Salvage::of(const std::filesystem::path& table) {
  const auto read = Disk(Options()).read(table);
  if (!read) return std::unexpected(read.error());
  const std::string& bytes = *read;
  auto salvage = std::make_shared<Salvage>();
  salvage->table_ = table;
  const std::string_view all = bytes;
  std::string block;
  for (size_t at = 0; at < all.size();) {
    if (const auto entry = entry_at(all.substr(at))) {
      if (entry->whole) salvage->places_.push_back({entry->key, at, entry->bytes, std::nullopt});
      at += entry->bytes;
    } else if (const auto length = decompress(all.substr(at), block)) {
      salvage->add_entries(block, at, *length);
      at = std::min(at + *length + kTrailerBytes, all.size());
    } else {
      ++at;
    }
  }
  std::ranges::sort(salvage->places_, before, &Place::key);
  return salvage;
}

// Those of a block that was compressed into the file's [at, at + length).
void Salvage::add_entries(std::string_view block, size_t at, size_t length) {
  for (size_t inside = 0; inside < block.size();) {
    const auto entry = entry_at(block.substr(inside));
    if (entry && entry->whole) places_.push_back({entry->key, at, length, inside});
    inside += entry ? entry->bytes : 1;
  }
}

std::optional<Salvage::Found> Salvage::at(size_t i) const {
  const Place& place = places_[i];
  std::ifstream in(table_, std::ios::binary);
  std::string bytes(place.bytes, '\0'), block;
  in.seekg(static_cast<std::streamoff>(place.at));
  if (!in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return std::nullopt;
  if (place.inside && (!decompress(bytes, block) || block.size() <= *place.inside)) {
    return std::nullopt;
  }
  const auto entry = entry_at(place.inside ? std::string_view(block).substr(*place.inside) : bytes);
  if (!entry || !entry->whole || entry->key != place.key) return std::nullopt;
  return Found{entry->key, std::string(entry->value)};
}

std::optional<Salvage::Found> Salvage::at_or_below(const EventKey& key) const {
  const auto after = std::ranges::upper_bound(places_, key, before, &Place::key);
  if (after == places_.begin()) return std::nullopt;
  return at(static_cast<size_t>(after - places_.begin()) - 1);
}

std::optional<EventKey> Salvage::at_or_above(const EventKey& key) const {
  const auto found = std::ranges::lower_bound(places_, key, before, &Place::key);
  if (found == places_.end()) return std::nullopt;
  return found->key;
}

std::shared_ptr<const Salvage> Salvages::of(const std::filesystem::path& table) {
  std::lock_guard lock(mutex_);
  if (const auto found = made_.find(table); found != made_.end()) return found->second;
  auto made = Salvage::of(table);
  if (!made) return nullptr;
  if (made_.size() >= kSalvagesMax) made_.clear();
  made_[table] = *made;
  return *made;
}

}  // namespace strandline
