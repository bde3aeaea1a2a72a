#include "engine/format/stored_batch.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/mutation.h"

namespace strandline {
namespace {

constexpr uint8_t kRangesFlag = 1;
constexpr size_t kCrcAt = 44;

size_t padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

template <class T>
void set_le(std::string& bytes, size_t at, T n) {
  std::memcpy(bytes.data() + at, &n, sizeof n);
}

uint32_t checksum(const EventKey& key, std::string_view value) {
  uint32_t crc = crc32c(encode(key));
  crc = crc32c(value.substr(0, kCrcAt), crc);
  return crc32c(value.substr(kStoredHeadBytes), crc);
}

}  // namespace

void StoredBatchWriter::add_part(std::string_view flatbuffer, uint32_t count, Sequence sequence) {
  put_le<uint32_t>(bytes_, static_cast<uint32_t>(flatbuffer.size()));
  put_le<uint32_t>(bytes_, count);
  put_le<uint64_t>(bytes_, sequence.value);
  bytes_.append(flatbuffer).append(padded(flatbuffer.size()) - flatbuffer.size(), '\0');
  count_ += count;
}

void StoredBatchWriter::add_range(const Range& range) {
  ranges_ = true;
  put_le<uint64_t>(bytes_, range.stream.value);
  put_le<uint64_t>(bytes_, range.batch_first.value);
  put_le<uint32_t>(bytes_, range.skip);
  put_le<uint32_t>(bytes_, range.count);
  count_ += range.count;
}

std::string StoredBatchWriter::finish(const EventKey& key, Sequence sequence, Timestamp stored,
                                      uint64_t bytes_before) {
  bytes_[0] = static_cast<char>(kStoredBatchVersion);
  bytes_[1] = static_cast<char>(ranges_ ? kRangesFlag : 0);
  set_le<uint16_t>(bytes_, 2, 0);
  set_le<uint32_t>(bytes_, 4, count_);
  set_le<uint64_t>(bytes_, 8, key.first.value);
  set_le<uint64_t>(bytes_, 16, sequence.value);
  set_le<int64_t>(bytes_, 24, stored.us);
  set_le<uint64_t>(bytes_, 32, bytes_before);
  set_le<uint32_t>(bytes_, 40, static_cast<uint32_t>(bytes_.size()));
  set_le<uint32_t>(bytes_, kCrcAt, checksum(key, bytes_));
  return std::move(bytes_);
}

std::optional<std::string> StoredBatch::check(const EventKey& key, std::string_view value) {
  if (value.size() < kStoredHeadBytes) {
    return fmt::format("{} bytes are too few for a stored batch", value.size());
  }
  // The checksum first: without it nothing else in the value means anything.
  const uint32_t stored = get_le<uint32_t>(value, kCrcAt), computed = checksum(key, value);
  if (stored != computed && !mutated(Mutation::checksum_unchecked)) {
    return fmt::format("its checksum is {:08x}, and its bytes give {:08x}", stored, computed);
  }
  if (uint8_t(value[0]) != kStoredBatchVersion) {
    return fmt::format("its version is {}, and this build knows {}", uint8_t(value[0]),
                       kStoredBatchVersion);
  }
  if (get_le<uint64_t>(value, 8) != key.first.value) return "it belongs to another offset";
  if (get_le<uint32_t>(value, 40) != value.size()) return "its length is not what it says";
  const uint32_t count = get_le<uint32_t>(value, 4);
  if (key.first.value > UINT64_MAX - count) return "its offsets do not fit into 64 bits";
  uint64_t sum = 0;
  if (uint8_t(value[1]) & kRangesFlag) {
    if ((value.size() - kStoredHeadBytes) % kRangeBytes != 0) return "its ranges are cut off";
    for (size_t at = kStoredHeadBytes; at < value.size(); at += kRangeBytes) {
      sum += get_le<uint32_t>(value, at + 20);
    }
  } else {
    for (size_t at = kStoredHeadBytes; at < value.size();) {
      if (value.size() - at < kPartHeadBytes) return "its parts are cut off";
      sum += get_le<uint32_t>(value, at + 4);
      at += kPartHeadBytes + padded(get_le<uint32_t>(value, at));
      if (at > value.size()) return "its parts are cut off";
    }
  }
  if (sum != count || count == 0) return "its parts do not add up to its count";
  return std::nullopt;
}

StoredBatch::StoredBatch(StreamId stream, std::string_view value)
    : stream_(stream),
      value_(value),
      head_{.flags = uint8_t(value[1]),
            .count = get_le<uint32_t>(value, 4),
            .first = Offset(get_le<uint64_t>(value, 8)),
            .sequence = Sequence(get_le<uint64_t>(value, 16)),
            .stored = {get_le<int64_t>(value, 24)},
            .bytes_before = get_le<uint64_t>(value, 32)} {}

Part StoredBatch::part_at(size_t at, Offset first) const {
  const uint32_t bytes = get_le<uint32_t>(value_, at);
  return {.flatbuffer = value_.substr(at + kPartHeadBytes, bytes),
          .count = get_le<uint32_t>(value_, at + 4),
          .first = first,
          .sequence = Sequence(get_le<uint64_t>(value_, at + 8)),
          .next_at = at + kPartHeadBytes + padded(bytes)};
}

Part StoredBatch::part_covering(Offset offset) const {
  CHECK_TRUE(covers(offset));
  Part part = first_part();
  while (offset >= part.first + part.count) part = part_after(part);
  return part;
}

Range StoredBatch::range(size_t i) const {
  const size_t at = kStoredHeadBytes + i * kRangeBytes;
  return {.stream = StreamId(get_le<uint64_t>(value_, at)),
          .batch_first = Offset(get_le<uint64_t>(value_, at + 8)),
          .skip = get_le<uint32_t>(value_, at + 16),
          .count = get_le<uint32_t>(value_, at + 20)};
}

}  // namespace strandline
