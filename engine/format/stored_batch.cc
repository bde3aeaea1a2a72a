#include "engine/format/stored_batch.h"

#include <fmt/format.h>

#include "engine/base/check.h"
#include "engine/base/crc32c.h"
#include "engine/base/mutation.h"
#include "engine/base/varint.h"
#include "engine/format/tagged.h"

namespace strandline {
namespace {

constexpr uint8_t kRangesFlag = 1;
constexpr uint8_t kFieldsFlag = 2;
constexpr size_t kCrcAt = 44;
constexpr uint32_t kHoleBit = 0x8000'0000;
constexpr size_t kFieldsLengthBytes = 4;

bool is_hole(uint32_t bytes) { return (bytes & kHoleBit) != 0; }
uint32_t flatbuffer_bytes(uint32_t bytes) { return is_hole(bytes) ? 0 : bytes; }

size_t padded(size_t bytes) { return (bytes + 7) & ~size_t{7}; }

template <class T>
void set_le(std::string& bytes, size_t at, T n) {
  std::memcpy(bytes.data() + at, &n, sizeof n);
}

uint32_t checksum_of(const EventKey& key, std::string_view value) {
  uint32_t crc = crc32c(encode(key));
  crc = crc32c(value.substr(0, kCrcAt), crc);
  return crc32c(value.substr(kStoredHeadBytes), crc);
}

// Nothing where the value is too short for what it says.
std::optional<size_t> parts_end(std::string_view value) {
  if ((uint8_t(value[1]) & kFieldsFlag) == 0) return value.size();
  const size_t room = value.size() - kStoredHeadBytes;
  if (room < kFieldsLengthBytes) return std::nullopt;
  const size_t fields = get_le<uint32_t>(value, value.size() - kFieldsLengthBytes);
  if (fields > room - kFieldsLengthBytes) return std::nullopt;
  return value.size() - kFieldsLengthBytes - fields;
}

// Behind the parts; empty where there are none.
std::string_view fields_of(std::string_view value, size_t parts_end) {
  if (parts_end == value.size()) return {};
  return value.substr(parts_end, value.size() - kFieldsLengthBytes - parts_end);
}

}  // namespace

void StoredBatchWriter::add_part(std::string_view flatbuffer, uint32_t count, Sequence sequence) {
  put_le<uint32_t>(bytes_, static_cast<uint32_t>(flatbuffer.size()));
  put_le<uint32_t>(bytes_, count);
  put_le<uint64_t>(bytes_, sequence.value);
  bytes_.append(flatbuffer).append(padded(flatbuffer.size()) - flatbuffer.size(), '\0');
  count_ += count;
}

void StoredBatchWriter::add_hole(GapReason reason, uint32_t count, Sequence sequence) {
  put_le<uint32_t>(bytes_, kHoleBit | static_cast<uint32_t>(reason));
  put_le<uint32_t>(bytes_, count);
  put_le<uint64_t>(bytes_, sequence.value);
  count_ += count;
}

void StoredBatchWriter::put_field(BatchField tag, std::string_view bytes) {
  strandline::put_field(fields_, static_cast<uint64_t>(tag), bytes);
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
  bytes_[1] = static_cast<char>((ranges_ ? kRangesFlag : 0) | (fields_.empty() ? 0 : kFieldsFlag));
  if (!fields_.empty()) {
    bytes_ += fields_;
    put_le<uint32_t>(bytes_, static_cast<uint32_t>(fields_.size()));
  }
  set_le<uint16_t>(bytes_, 2, 0);
  set_le<uint32_t>(bytes_, 4, count_);
  set_le<uint64_t>(bytes_, 8, key.first.value);
  set_le<uint64_t>(bytes_, 16, sequence.value);
  set_le<int64_t>(bytes_, 24, stored.us);
  set_le<uint64_t>(bytes_, 32, bytes_before);
  set_le<uint32_t>(bytes_, 40, static_cast<uint32_t>(bytes_.size()));
  set_le<uint32_t>(bytes_, kCrcAt, checksum_of(key, bytes_));
  return std::move(bytes_);
}

std::optional<std::string> StoredBatch::check(const EventKey& key, std::string_view value) {
  if (value.size() < kStoredHeadBytes) {
    return fmt::format("{} bytes are too few for a stored batch", value.size());
  }
  // The checksum first: without it nothing else in the value means anything.
  const uint32_t stored = get_le<uint32_t>(value, kCrcAt), computed = checksum_of(key, value);
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
  const auto flags = uint8_t(value[1]);
  if (flags > (kRangesFlag | kFieldsFlag)) return fmt::format("its flags are {}", flags);
  const auto end = parts_end(value);
  if (!end) return "its fields are cut off";
  if (flags & kFieldsFlag) {
    const auto known = [](uint64_t, std::string_view) { return false; };
    if (auto wrong = each_field(fields_of(value, *end), known)) return wrong;
  }
  uint64_t sum = 0;
  if (flags & kRangesFlag) {
    if ((*end - kStoredHeadBytes) % kRangeBytes != 0) return "its ranges are cut off";
    for (size_t at = kStoredHeadBytes; at < *end; at += kRangeBytes) {
      sum += get_le<uint32_t>(value, at + 20);
    }
  } else {
    for (size_t at = kStoredHeadBytes; at < *end;) {
      if (*end - at < kPartHeadBytes) return "its parts are cut off";
      sum += get_le<uint32_t>(value, at + 4);
      at += kPartHeadBytes + padded(flatbuffer_bytes(get_le<uint32_t>(value, at)));
      if (at > *end) return "its parts are cut off";
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
            .bytes_before = get_le<uint64_t>(value, 32)},
      parts_end_(*parts_end(value)) {}

uint32_t StoredBatch::checksum() const { return get_le<uint32_t>(value_, kCrcAt); }

Part StoredBatch::part_at(size_t at, Offset first) const {
  const uint32_t said = get_le<uint32_t>(value_, at), bytes = flatbuffer_bytes(said);
  Part part{.flatbuffer = value_.substr(at + kPartHeadBytes, bytes),
            .count = get_le<uint32_t>(value_, at + 4),
            .first = first,
            .sequence = Sequence(get_le<uint64_t>(value_, at + 8)),
            .next_at = at + kPartHeadBytes + padded(bytes)};
  if (is_hole(said)) part.gone = static_cast<GapReason>(said & ~kHoleBit);
  return part;
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

std::optional<std::string_view> StoredBatch::field(BatchField tag) const {
  std::optional<std::string_view> found;
  (void)each_field(fields_of(value_, parts_end_), [&](uint64_t one, std::string_view bytes) {
    if (one == static_cast<uint64_t>(tag)) found = bytes;
    return true;
  });
  return found;
}

uint64_t StoredBatch::appended_bytes() const {
  auto said = field(BatchField::appended_bytes);
  return said ? take_varint(*said).value_or(value_.size()) : value_.size();
}

}  // namespace strandline
