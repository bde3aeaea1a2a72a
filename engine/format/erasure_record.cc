#include "engine/format/erasure_record.h"

#include <limits>

#include "engine/base/crc32c.h"
#include "engine/base/varint.h"
#include "engine/format/tagged.h"

namespace strandline {
namespace {

enum Field : uint64_t { kWhat = 1, kRuns = 3, kBegun = 5, kBy = 6, kEvents = 8 };
constexpr size_t kCrcBytes = 4;
constexpr size_t kByHeadBytes = 3;

std::string varint(uint64_t number) {
  std::string out;
  put_varint(out, number);
  return out;
}

std::string encode_runs(const ErasedRuns& runs) {
  std::string out;
  uint64_t stream = 0;
  for (const auto& [id, of_stream] : runs) {
    put_varint(out, id.value - stream);
    put_varint(out, of_stream.size());
    stream = id.value;
    uint64_t next = 0;
    for (const ErasedRun& run : of_stream) {
      put_varint(out, run.first.value - next);
      put_varint(out, run.count);
      next = run.first.value + run.count;
    }
  }
  return out;
}

bool decode_runs(std::string_view bytes, ErasedRuns& runs) {
  uint64_t stream = 0;
  while (!bytes.empty()) {
    const auto further = take_varint(bytes), count = take_varint(bytes);
    if (!further || !count || *further > UINT64_MAX - stream || *count > bytes.size()) return false;
    if (*further == 0 && !runs.empty()) return false;
    stream += *further;
    auto& of_stream = runs[StreamId(stream)];
    uint64_t next = 0;
    for (uint64_t i = 0; i < *count; ++i) {
      const auto apart = take_varint(bytes), events = take_varint(bytes);
      if (!apart || !events || *events > std::numeric_limits<uint32_t>::max()) return false;
      if (*apart > UINT64_MAX - next || *events > UINT64_MAX - next - *apart) return false;
      of_stream.push_back({Offset(next + *apart), static_cast<uint32_t>(*events)});
      next += *apart + *events;
    }
  }
  return true;
}

std::string encode_actor(const Actor& by) {
  std::string out;
  put_le<uint8_t>(out, static_cast<uint8_t>(by.kind));
  put_le<uint16_t>(out, static_cast<uint16_t>(by.name.size()));
  return out + by.name + by.from;
}

bool decode_actor(std::string_view bytes, Actor& by) {
  if (bytes.size() < kByHeadBytes) return false;
  const size_t name = get_le<uint16_t>(bytes, 1);
  if (bytes.size() < kByHeadBytes + name) return false;
  by = {.kind = static_cast<Actor::Kind>(get_le<uint8_t>(bytes, 0)),
        .name = std::string(bytes.substr(kByHeadBytes, name)),
        .from = std::string(bytes.substr(kByHeadBytes + name))};
  return by.kind <= Actor::Kind::address;
}

}  // namespace

std::string encode(const ErasureRecord& record) {
  std::string fields, begun;
  put_le<int64_t>(begun, record.begun_us);
  put_field(fields, kWhat, varint(record.data_only ? 1 : 0));
  put_field(fields, kRuns, encode_runs(record.runs));
  put_field(fields, kBegun, begun);
  put_field(fields, kBy, encode_actor(record.by));
  put_field(fields, kEvents, varint(record.events));
  std::string out;
  put_le<uint32_t>(out, crc32c(fields));
  return out + fields;
}

bool decode(std::string_view bytes, ErasureRecord& record) {
  record = {};
  if (bytes.size() < kCrcBytes) return false;
  const std::string_view fields = bytes.substr(kCrcBytes);
  if (get_le<uint32_t>(bytes, 0) != crc32c(fields)) return false;
  bool good = true, has_runs = false;
  const auto wrong = each_field(fields, [&](uint64_t tag, std::string_view value) {
    if (tag == kWhat) {
      const auto what = take_varint(value);
      good = good && what && *what <= 1;
      record.data_only = what && *what == 1;
    } else if (tag == kRuns) {
      good = good && !has_runs && decode_runs(value, record.runs);
      has_runs = true;
    } else if (tag == kBegun) {
      good = good && value.size() == sizeof(int64_t);
      if (good) record.begun_us = get_le<int64_t>(value, 0);
    } else if (tag == kBy) {
      good = good && decode_actor(value, record.by);
    } else if (tag == kEvents) {
      record.events = take_varint(value).value_or(0);
    } else {
      return false;
    }
    return true;
  });
  return !wrong && good && has_runs;
}

}  // namespace strandline
