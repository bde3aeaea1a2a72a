#include "engine/store/wal_records.h"

#include <algorithm>

#include "engine/base/crc32c.h"
#include "engine/format/keys.h"

namespace strandline {
namespace {

constexpr uint32_t kMaskDelta = 0xA282EAD8u;

// How RocksDB disguises a checksum of bytes that contain checksums.
uint32_t mask(uint32_t crc) { return ((crc >> 15) | (crc << 17)) + kMaskDelta; }

size_t left_in_block(size_t at) { return kLogBlockBytes - at % kLogBlockBytes; }

}  // namespace

std::optional<LogRecord> record_at(std::string_view file, size_t at) {
  if (at + kLogHeadBytes > file.size()) return std::nullopt;
  const size_t length = get_le<uint16_t>(file, at + 4);
  const uint8_t type = uint8_t(file[at + 6]);
  const size_t end = at + kLogHeadBytes + length;
  if (type == 0 || type > LogRecord::last || kLogHeadBytes + length > left_in_block(at) ||
      end > file.size()) {
    return std::nullopt;
  }
  // The checksum covers the type and the payload.
  const std::string_view covered = file.substr(at + 6, 1 + length);
  if (mask(crc32c(covered)) != get_le<uint32_t>(file, at)) return std::nullopt;
  return LogRecord{.type = type, .payload = covered.substr(1), .end = end};
}

size_t past_trailer(std::string_view file, size_t at) {
  const size_t left = left_in_block(at);
  return left < kLogHeadBytes ? std::min(at + left, file.size()) : at;
}

size_t whole_records(std::string_view file) {
  size_t at = 0;
  while (const auto record = record_at(file, at)) at = past_trailer(file, record->end);
  return at;
}

void add_batch(std::string& file, std::string_view batch) {
  for (bool begins = true; begins || !batch.empty(); begins = false) {
    size_t left = left_in_block(file.size());
    if (left < kLogHeadBytes) {
      file.append(left, '\0');
      left = kLogBlockBytes;
    }
    const size_t length = std::min(batch.size(), left - kLogHeadBytes);
    const bool ends = length == batch.size();
    std::string covered(1,
                        static_cast<char>(begins ? (ends ? LogRecord::full : LogRecord::first)
                                                 : (ends ? LogRecord::last : LogRecord::middle)));
    covered += batch.substr(0, length);
    put_le<uint32_t>(file, mask(crc32c(covered)));
    put_le<uint16_t>(file, static_cast<uint16_t>(length));
    file += covered;
    batch.remove_prefix(length);
  }
}

bool is_torn(std::string_view bytes, size_t at) {
  constexpr size_t kSector = 512;
  if (at + kLogHeadBytes > bytes.size()) return true;
  const size_t length = get_le<uint16_t>(bytes, at + 4);
  const size_t block_end = at + (kLogBlockBytes - at % kLogBlockBytes);
  const std::string_view head = bytes.substr(at, kLogHeadBytes);
  const bool split = at / kSector != (at + kLogHeadBytes - 1) / kSector;
  // A sector is there or not: half a head in one is no head of which the rest is missing.
  if (head[6] == 0 && !split && head.find_first_not_of('\0') != head.npos) return false;
  const bool known = bytes[at + 6] != 0 && at + kLogHeadBytes + length <= block_end;
  const size_t end = known ? at + kLogHeadBytes + length : block_end;
  if (end > bytes.size()) return true;
  for (size_t sector = at / kSector * kSector; sector < end; sector += kSector) {
    const size_t from = std::max(at, sector), to = std::min(sector + kSector, bytes.size());
    if (std::ranges::all_of(bytes.substr(from, to - from), [](char c) { return c == 0; })) {
      return true;
    }
  }
  return false;
}

std::optional<BatchSpan> span_of(std::string_view batch) {
  if (batch.size() < kSpanBytes) return std::nullopt;
  return BatchSpan{get_le<uint64_t>(batch, 0), get_le<uint32_t>(batch, 8)};
}

std::string sign_of(std::string_view identity) {
  if (identity.ends_with('\n')) identity.remove_suffix(1);
  if (identity.empty()) return {};
  // Its halves are random, each by itself.
  std::string sign;
  put_le<uint32_t>(sign, crc32c(identity.substr(0, identity.size() / 2)));
  put_le<uint32_t>(sign, crc32c(identity.substr(identity.size() / 2)));
  return sign;
}

std::string encode(const WalStamp& mark, std::string_view sign) {
  std::string out;
  put_le<uint64_t>(out, mark.durable);
  put_le<uint64_t>(out, mark.before);
  return out.append(sign);
}

std::optional<WalStamp> stamp_of(std::string_view batch, std::string_view sign) {
  if (sign.empty() || batch.size() < kStampBytes || !batch.ends_with(sign)) return std::nullopt;
  const size_t at = batch.size() - kStampBytes;
  return WalStamp{.durable = get_le<uint64_t>(batch, at),
                  .before = get_le<uint64_t>(batch, at + 8)};
}

}  // namespace strandline
