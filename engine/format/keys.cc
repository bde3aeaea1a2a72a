#include "engine/format/keys.h"

namespace strandline {
namespace {

constexpr size_t kStateRecordBytes = 42;
constexpr size_t kSegmentRecordBytes = 74;

}  // namespace

std::string encode(const IdentityRecord& record) {
  std::string out;
  put_le<int64_t>(out, record.created.us);
  put_le<uint16_t>(out, static_cast<uint16_t>(record.name.size()));
  put_le<uint16_t>(out, static_cast<uint16_t>(record.description.size()));
  return out.append(record.name).append(record.description);
}

bool decode(std::string_view bytes, IdentityRecord& record) {
  if (bytes.size() < 12) return false;
  record.created.us = get_le<int64_t>(bytes, 0);
  const size_t name = get_le<uint16_t>(bytes, 8), description = get_le<uint16_t>(bytes, 10);
  if (bytes.size() != 12 + name + description) return false;
  record.name = bytes.substr(12, name);
  record.description = bytes.substr(12 + name);
  return true;
}

std::string encode(const StateRecord& record) {
  std::string out;
  out.reserve(kStateRecordBytes);
  put_le(out, record.next);
  put_le(out, record.start);
  put_le(out, record.bytes);
  put_le(out, record.start_bytes);
  put_le(out, record.last_stored_us);
  put_le(out, record.gap_reason);
  put_le(out, record.exists);
  return out;
}

bool decode(std::string_view bytes, StateRecord& record) {
  if (bytes.size() != kStateRecordBytes) return false;
  record = {.next = get_le<uint64_t>(bytes, 0),
            .start = get_le<uint64_t>(bytes, 8),
            .bytes = get_le<uint64_t>(bytes, 16),
            .start_bytes = get_le<uint64_t>(bytes, 24),
            .last_stored_us = get_le<int64_t>(bytes, 32),
            .gap_reason = get_le<uint8_t>(bytes, 40),
            .exists = get_le<uint8_t>(bytes, 41)};
  return record.start <= record.next && record.start_bytes <= record.bytes && record.exists <= 1;
}

std::string encode(const SegmentRecord& record) {
  std::string out;
  out.reserve(kSegmentRecordBytes);
  put_le(out, record.sealed);
  put_le(out, record.filed);
  put_le(out, record.created_us);
  put_le(out, record.first_sequence);
  put_le(out, record.next_sequence);
  put_le(out, record.bytes_before);
  put_le(out, record.bytes);
  put_le(out, record.stripes);
  put_le(out, record.stripe_bytes_before);
  put_le(out, record.stored_last_us);
  put_le(out, record.dead_bytes);
  return out;
}

bool decode(std::string_view bytes, SegmentRecord& record) {
  if (bytes.size() != kSegmentRecordBytes) return false;
  record = {.sealed = get_le<uint8_t>(bytes, 0),
            .filed = get_le<uint8_t>(bytes, 1),
            .created_us = get_le<int64_t>(bytes, 2),
            .first_sequence = get_le<uint64_t>(bytes, 10),
            .next_sequence = get_le<uint64_t>(bytes, 18),
            .bytes_before = get_le<uint64_t>(bytes, 26),
            .bytes = get_le<uint64_t>(bytes, 34),
            .stripes = get_le<uint64_t>(bytes, 42),
            .stripe_bytes_before = get_le<uint64_t>(bytes, 50),
            .stored_last_us = get_le<int64_t>(bytes, 58),
            .dead_bytes = get_le<uint64_t>(bytes, 66)};
  return record.filed <= record.sealed && record.sealed <= 1 && record.stripes >= 1 &&
         record.stripes <= kStripesMax &&
         (!record.sealed || record.first_sequence <= record.next_sequence);
}

std::string position_key(std::string_view consumer, StreamId stream) {
  std::string out(consumer);
  out.push_back('\0');
  put_be64(out, stream.value);
  return out;
}

bool decode_position_key(std::string_view key, std::string_view& consumer, StreamId& stream) {
  if (key.size() < 10 || key[key.size() - 9] != '\0') return false;
  consumer = key.substr(0, key.size() - 9);
  stream = StreamId(get_be64(key, key.size() - 8));
  return true;
}

std::string encode(const PositionRecord& record) {
  std::string out;
  put_le(out, record.next);
  put_le(out, record.committed_us);
  return out + record.metadata;
}

bool decode(std::string_view bytes, PositionRecord& record) {
  if (bytes.size() < 16) return false;
  record = {get_le<uint64_t>(bytes, 0), get_le<int64_t>(bytes, 8), std::string(bytes.substr(16))};
  return true;
}

std::string producer_key(StreamId stream, std::string_view producer) {
  return key_of(KeyKind::head, stream.value).append(producer);
}

std::string encode(const ProducerHead& head) {
  std::string out;
  put_le(out, head.epoch);
  put_le(out, head.next);
  return out;
}

bool decode(std::string_view bytes, ProducerHead& head) {
  if (bytes.size() != 16) return false;
  head = {get_le<uint64_t>(bytes, 0), get_le<uint64_t>(bytes, 8)};
  return true;
}

std::string original_key(StreamId stream, std::string_view producer, uint64_t epoch,
                         uint64_t sequence) {
  std::string out = key_of(KeyKind::original, stream.value);
  out.append(producer).push_back('\0');
  put_be64(out, epoch);
  put_be64(out, sequence);
  return out;
}

std::string encode(const ProducerAppend& append) {
  std::string out;
  out.reserve(kProducerAppendBytes);
  put_le(out, append.first);
  put_le(out, append.sequence);
  put_le(out, append.stored_us);
  put_le(out, append.count);
  put_le(out, append.crc32c);
  return out;
}

bool decode(std::string_view bytes, ProducerAppend& append) {
  if (bytes.size() != kProducerAppendBytes) return false;
  append = {.first = get_le<uint64_t>(bytes, 0),
            .sequence = get_le<uint64_t>(bytes, 8),
            .stored_us = get_le<int64_t>(bytes, 16),
            .count = get_le<uint32_t>(bytes, 24),
            .crc32c = get_le<uint32_t>(bytes, 28)};
  return true;
}

std::string answer_key(std::string_view key) {
  return std::string(1, static_cast<char>(KeyKind::answer)).append(key);
}

std::string processed_id_key(std::string_view consumer, std::string_view id) {
  std::string out(1, static_cast<char>(KeyKind::mark));
  out.append(consumer).push_back('\0');
  return out.append(id);
}

// Nothing expires before the epoch, so that times sort as numbers do.
std::string expiry_key(int64_t expires_us, std::string_view key) {
  return key_of(KeyKind::expiry, static_cast<uint64_t>(expires_us)).append(key);
}

}  // namespace strandline
