#include "engine/wal_end.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <vector>

#include "engine/crc32c.h"
#include "engine/keys.h"

namespace strandline {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeadBytes = 7;

// In the order in which they were written.
Result<std::vector<std::filesystem::path>> wal_files(const Disk& disk,
                                                     const std::filesystem::path& directory) {
  auto names = disk.list(directory);
  if (!names) return std::unexpected(std::move(names.error()));
  std::erase_if(*names, [](const std::string& name) { return !name.ends_with(".log"); });
  // Their names are numbers, padded with zeros.
  std::ranges::sort(*names);
  std::vector<std::filesystem::path> files;
  for (const std::string& name : *names) files.push_back(directory / name);
  return files;
}

// How RocksDB disguises a checksum of bytes that contain checksums.
uint32_t unmask(uint32_t masked) {
  const uint32_t rotated = masked - 0xA282EAD8u;
  return (rotated >> 17) | (rotated << 15);
}

enum Type : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

struct Record {
  uint8_t type;
  std::string_view payload;
  size_t end;
};

// The physical record at a place, if a whole one is there.
std::optional<Record> record_at(std::string_view bytes, size_t at) {
  if (at + kHeadBytes > bytes.size()) return std::nullopt;
  const size_t length = get_le<uint16_t>(bytes, at + 4);
  const uint8_t type = uint8_t(bytes[at + 6]);
  const size_t end = at + kHeadBytes + length;
  if (type == 0 || type > kLast || kHeadBytes + length > kBlockBytes - at % kBlockBytes ||
      end > bytes.size()) {
    return std::nullopt;
  }
  // The checksum covers the type and the payload.
  const std::string_view covered = bytes.substr(at + 6, 1 + length);
  if (crc32c(covered) != unmask(get_le<uint32_t>(bytes, at))) return std::nullopt;
  return Record{.type = type, .payload = covered.substr(1), .end = end};
}

constexpr std::string_view kMagic = "STRDWMRK";
constexpr size_t kMarkBytes = 16 + kMagic.size();

// What the record says of when it was written, if its end is in it.
std::optional<WalMark> mark_of(const Record& record) {
  if ((record.type != kFull && record.type != kLast) || !record.payload.ends_with(kMagic) ||
      record.payload.size() < kMarkBytes) {
    return std::nullopt;
  }
  const size_t at = record.payload.size() - kMarkBytes;
  return WalMark{.durable = get_le<uint64_t>(record.payload, at),
                 .before = get_le<uint64_t>(record.payload, at + 8)};
}

struct Scan {
  size_t whole = 0;                   // up to the end of the last whole batch
  size_t good = 0;                    // up to the end of the last whole physical record
  std::optional<uint64_t> next = {};  // the sequence number after that batch's, if there is one
};

Scan scan(std::string_view bytes) {
  Scan scan;
  constexpr size_t kBatchHead = 12;  // u64 sequence number, u32 count
  std::optional<uint64_t> after;
  for (size_t at = 0; at + kHeadBytes <= bytes.size();) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeadBytes) {  // a block's last few bytes are zeros
      at = scan.good = std::min(at + left_in_block, bytes.size());
      continue;
    }
    const auto record = record_at(bytes, at);
    if (!record) break;
    at = scan.good = record->end;
    if (record->type == kFull || record->type == kFirst) {
      after.reset();
      if (record->payload.size() >= kBatchHead) {
        after = get_le<uint64_t>(record->payload, 0) + get_le<uint32_t>(record->payload, 8);
      }
    }
    if (record->type == kFull || record->type == kLast) {
      scan.whole = at;
      if (after) scan.next = after;
    }
  }
  return scan;
}

// Whether the record that should stand at `at` is not whole because pages of it never reached the
// disk, rather than because its bytes were changed: the file ends in it, or some sector of it reads
// as zeros.
bool is_torn(std::string_view bytes, size_t at) {
  constexpr size_t kSector = 512;
  if (at + kHeadBytes > bytes.size()) return true;
  const size_t length = get_le<uint16_t>(bytes, at + 4);
  const size_t block_end = at + (kBlockBytes - at % kBlockBytes);
  const bool known = bytes[at + 6] != 0 && at + kHeadBytes + length <= block_end;
  const size_t end = known ? at + kHeadBytes + length : block_end;
  if (end > bytes.size()) return true;
  for (size_t sector = at / kSector * kSector; sector < end; sector += kSector) {
    const size_t from = std::max(at, sector), to = std::min(sector + kSector, bytes.size());
    if (std::ranges::all_of(bytes.substr(from, to - from), [](char c) { return c == 0; })) {
      return true;
    }
  }
  return false;
}

// Whether a whole record behind `at` knows that what stood there was durable. `next` is the sequence
// number that is missing, or none if it is the file's first: an older file says nothing about that
// one, for it may be one that was done with and came back.
bool was_durable(std::string_view bytes, size_t at, std::optional<uint64_t> next) {
  while (at + kHeadBytes <= bytes.size()) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    const auto record = left_in_block < kHeadBytes ? std::nullopt : record_at(bytes, at);
    if (!record) {
      ++at;  // records do not say where the next one begins once one is lost
      continue;
    }
    const auto mark = mark_of(*record);
    if (mark && mark->durable >= next.value_or(mark->before + 1)) return true;
    at = record->end;
  }
  return false;
}

Error damaged(const std::filesystem::path& file, size_t at, const char* why) {
  return {.code = Code::corrupt,
          .message = fmt::format("{}: damaged at byte {}: {}", file.string(), at, why)};
}

Result<WalEnds> look(const Disk& disk, const std::filesystem::path& directory, bool mend) {
  WalEnds ends;
  auto files = wal_files(disk, directory);
  if (!files) return std::unexpected(std::move(files.error()));
  std::vector<std::filesystem::path> written;
  for (const auto& file : *files) {
    const uint64_t bytes = disk.size(file);  // 0 if its owner removed it meanwhile
    ends.bytes += bytes;
    // RocksDB may have made an empty one after the last that holds anything.
    if (bytes > 0) written.push_back(file);
  }
  for (const auto& file : written) {
    const bool newest = file == written.back();
    if (!newest && !mend) continue;
    const auto bytes = disk.read(file);
    if (!bytes) return std::unexpected(bytes.error());
    const Scan found = scan(*bytes);
    if (found.whole == bytes->size()) continue;
    if (mend && !newest) {
      // It was fsynced before the next was begun (Store::flush).
      return std::unexpected(damaged(file, found.whole, "a newer WAL file holds events"));
    }
    ends.torn_bytes = bytes->size() - found.whole;
    ends.torn_at = fmt::format("{} from byte {} on", file.string(), found.whole);
    if (!mend) continue;
    if (was_durable(*bytes, found.good, found.next)) {
      return std::unexpected(
          damaged(file, found.whole, "what stands behind it knows that this was durable"));
    }
    // What is neither whole nor torn RocksDB refuses.
    if (!is_torn(*bytes, found.good)) continue;
    if (auto ok = disk.truncate(file, found.whole); !ok) {
      return std::unexpected(std::move(ok.error()));
    }
  }
  return ends;
}

}  // namespace

Result<WalEnds> look_at_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  return look(disk, store_directory, false);
}

Result<WalEnds> mend_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  return look(disk, store_directory, true);
}

std::string encode(const WalMark& mark) {
  std::string out;
  put_le<uint64_t>(out, mark.durable);
  put_le<uint64_t>(out, mark.before);
  return out.append(kMagic);
}

Status sync_wals(const Disk& disk, const std::filesystem::path& store_directory) {
  auto files = wal_files(disk, store_directory);
  if (!files) return std::unexpected(std::move(files.error()));
  auto paths = std::move(*files);
  paths.push_back(store_directory);  // the entries of the files themselves
  for (const auto& path : paths) {
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) continue;  // its contents are in a table file by now
    if (descriptor < 0) {
      return fail(Code::io, fmt::format("{}: {}", path.string(), std::strerror(errno)));
    }
    const bool ok = fsync(descriptor) == 0;
    const int error = errno;
    close(descriptor);
    if (!ok) return fail(Code::io, fmt::format("{}: {}", path.string(), std::strerror(error)));
  }
  return {};
}

}  // namespace strandline
