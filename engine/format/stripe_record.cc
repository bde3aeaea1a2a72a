#include "engine/format/stripe_record.h"

#include <algorithm>

#include "engine/base/crc32c.h"
#include "engine/format/tagged.h"

namespace strandline {
namespace {

constexpr uint64_t kStripeTag = 1, kEntriesTag = 3, kEarliestTag = 5, kNextTag = 7;

bool take_entries(std::string_view bytes, uint64_t earliest, std::vector<StripeEntry>& entries) {
  uint64_t stream = 0;
  while (!bytes.empty()) {
    const auto less = take_varint(bytes), first = take_varint(bytes), count = take_varint(bytes),
               all = take_varint(bytes), stored = take_varint(bytes);
    if (!stored || (!entries.empty() && *less == 0) || *less > UINT64_MAX - stream ||
        *count > UINT64_MAX - *first) {
      return false;
    }
    stream += *less;
    entries.push_back({.stream = StreamId(stream),
                       .first = Offset(*first),
                       .next = Offset(*first + *count),
                       .bytes = *all,
                       .last_stored_us = static_cast<int64_t>(earliest + *stored)});
  }
  return true;
}

}  // namespace

std::string encode(const StripeRecord& record) {
  constexpr size_t kEntryBytes = 14;  // about
  int64_t earliest = record.entries.empty() ? 0 : INT64_MAX;
  for (const StripeEntry& entry : record.entries) {
    earliest = std::min(earliest, entry.last_stored_us);
  }
  std::string entries;
  entries.reserve(record.entries.size() * kEntryBytes);
  uint64_t before = 0;
  for (const StripeEntry& entry : record.entries) {
    put_varint(entries, entry.stream.value - before);
    put_varint(entries, entry.first.value);
    put_varint(entries, entry.next - entry.first);
    put_varint(entries, entry.bytes);
    put_varint(entries,
               static_cast<uint64_t>(entry.last_stored_us) - static_cast<uint64_t>(earliest));
    before = entry.stream.value;
  }
  std::string stripe, time, next, out(sizeof(uint32_t), '\0');
  put_varint(stripe, record.stripe.value);
  put_le<int64_t>(time, earliest);
  put_field(out, kStripeTag, stripe);
  put_field(out, kEntriesTag, entries);
  put_varint(next, record.next.value);
  put_field(out, kEarliestTag, time);
  put_field(out, kNextTag, next);
  const uint32_t crc = crc32c(std::string_view(out).substr(sizeof(uint32_t)));
  std::memcpy(out.data(), &crc, sizeof crc);
  return out;
}

bool decode(std::string_view bytes, StripeRecord& record) {
  if (bytes.size() < sizeof(uint32_t)) return false;
  const std::string_view fields = bytes.substr(sizeof(uint32_t));
  if (get_le<uint32_t>(bytes, 0) != crc32c(fields)) return false;
  std::string_view stripe, entries, earliest, next;
  const auto wrong = each_field(fields, [&](uint64_t tag, std::string_view field) {
    std::string_view* const found = tag == kStripeTag     ? &stripe
                                    : tag == kEntriesTag  ? &entries
                                    : tag == kEarliestTag ? &earliest
                                    : tag == kNextTag     ? &next
                                                          : nullptr;
    if (found) *found = field;
    return found != nullptr;
  });
  const auto number = take_varint(stripe), sequence = take_varint(next);
  if (wrong || !number || !sequence || earliest.size() != sizeof(int64_t)) return false;
  record.stripe = StripeId(*number);
  record.next = Sequence(*sequence);
  record.entries.clear();
  return take_entries(entries, get_le<uint64_t>(earliest, 0), record.entries);
}

}  // namespace strandline
