// Looking inside: figures of the log and of a stream; segments, stored batches and records, in
// bytes and in words.
#include <fmt/format.h>

#include <algorithm>

#include "engine/api/figures.h"
#include "engine/api/rfc3339.h"
#include "engine/format/record_words.h"
#include "engine/log.h"
#include "engine/log_parts.h"
#include "engine/reading/batch_reader.h"
#include "engine/reading/cursors.h"
#include "engine/reading/stream_cursor.h"

namespace strandline {
namespace {

// A stream that is in more stripes than this is measured by what the whole log's events take.
constexpr size_t kStripesMeasured = 4'096;
constexpr uint64_t kRateSeconds[] = {60, 3'600, 86'400};

SyncLatency latency_of(const AtomicCounters& counters) {
  SyncLatency latency;
  std::array<uint64_t, 64> by_bits;
  for (size_t bits = 0; bits < by_bits.size(); ++bits) {
    latency.count += by_bits[bits] = counters.syncs_by_bits[bits];
  }
  if (latency.count == 0) return latency;
  const auto at = [&](uint64_t rank) {
    uint64_t below = 0;
    for (size_t bits = 0; bits < by_bits.size(); ++bits) {
      below += by_bits[bits];
      if (below > rank) return (uint64_t{1} << bits) - 1;
    }
    return uint64_t{0};
  };
  latency.p50_us = at(latency.count / 2);
  latency.p99_us = at(latency.count * 99 / 100);
  latency.max_us = at(latency.count - 1);
  // Counted beside the others: not more than their maximum.
  latency.mean_us =
      std::min(counters.sync_us_total / std::max<uint64_t>(1, counters.syncs), latency.max_us);
  return latency;
}

// Bytes of the stored batches that came since the log was opened, when its next sequence was that.
uint64_t stored_since(const LogState& state, Sequence opened) {
  const Stream& log = state.streams.log();
  const Offset at(opened.value);
  if (at >= log.tail()) return 0;
  BatchReader reader(state, log);
  // Where that is gone already: as the writer counted it, with what each operation holds.
  if (at < log.start() || reader.load(at)) return state.counters.bytes_appended;
  const uint64_t before = reader.batch().head().bytes_before;
  return std::max(log.bytes(), before) - before;
}

// Of a stream, or of the log's own, which has an offset for each event of the log.
std::vector<Rate> rates_of(const LogState& state, const Stream& stream) {
  std::vector<Rate> rates;
  const Timestamp now = state.clock->now();
  for (const uint64_t seconds : kRateSeconds) {
    const Timestamp since{now.us - static_cast<int64_t>(seconds) * 1'000'000};
    const Offset tail = stream.tail();
    Offset first = tail;
    if (stream.last_stored_us() >= since.us) {
      first = std::clamp(find_time(state, stream, since), std::min(stream.start(), tail), tail);
    }
    rates.push_back({.seconds = seconds, .events = tail - first});
  }
  return rates;
}

// The ranges of keys that the stream's events from its start on are in; nothing: too many.
std::optional<std::vector<std::pair<std::string, std::string>>> ranges_of(const LogState& state,
                                                                          const Stream& stream) {
  std::vector<std::pair<std::string, std::string>> ranges;
  const auto first = find_extent(state, stream, stream.start());
  const auto last = find_extent(state, stream, stream.tail());
  if (!first || !*first || !last || !*last) return ranges;
  for (const auto& [segment, record] : state.segments.list()) {
    for (uint64_t i = 0; i < record.stripes; ++i) {
      const StripeId stripe = first_stripe(segment) + i;
      if (stripe < (*first)->stripe || stripe > (*last)->stripe) continue;
      if (ranges.size() == kStripesMeasured) return std::nullopt;
      ranges.emplace_back(encode(EventKey{stripe, stream.id, Offset(0)}),
                          encode(EventKey{stripe, stream.id + 1, Offset(0)}));
    }
  }
  return ranges;
}

uint64_t disk_bytes_of(const LogState& state, const Stream& stream, uint64_t bytes) {
  const auto ranges = ranges_of(state, stream);
  const uint64_t measured = ranges ? state.store->disk_bytes_of(*ranges) : 0;
  if (measured > 0) return measured;
  // Less than a block, or too many places: as the log's events on the whole.
  const StoreFigures store = state.store->figures();
  const uint64_t all = state.streams.log().bytes();
  if (all == 0) return 0;
  const double ratio =
      std::min(1.0, static_cast<double>(store.event_table_bytes) / static_cast<double>(all));
  return static_cast<uint64_t>(static_cast<double>(bytes) * (ratio > 0 ? ratio : 1.0));
}

Result<Family> family_named(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < kFamilies; ++i) {
    const Family family = static_cast<Family>(i);
    if (name == name_of(family)) return family;
    known += std::string(i == 0 ? "" : ", ") + name_of(family);
  }
  return fail(Code::invalid, fmt::format("no family \"{}\": there are {}", name, known));
}

Inspected inspected(std::string_view family, std::string key, std::string value) {
  RecordWords told = words_of(family, key, value);
  Inspected out{.what = std::move(told.what),
                .words = std::move(told.words),
                .family = std::string(family),
                .key = std::move(key),
                .value = std::move(value),
                .withheld = {}};
  if (family == "access") {
    out.value.clear();
    out.withheld = "it has the digests of secrets";
  }
  return out;
}

// Nobody is shown an event that a power cut can take back.
bool is_shown(const LogState& state, Family family, std::string_view bytes) {
  EventKey key;
  if (family != Family::events || !decode(bytes, key)) return true;
  const Stream* stream = state.streams.find(key.stream);
  return !stream || key.first < stream->tail();
}

std::string name_of_stream(const LogState& state, StreamId id) {
  const Stream* stream = state.streams.find(id);
  return stream ? std::string(stream->name) : fmt::format("stream id {}", id.value);
}

// What the sealed stripes of a segment say of its streams, the fullest first.
void add_streams(const LogState& state, SegmentId segment, uint64_t stripes, Inspected& out) {
  constexpr size_t kStreamsTold = 10;
  std::map<StreamId, uint64_t> events;
  uint64_t known = 0;
  for (uint64_t i = 0; i < stripes; ++i) {
    const auto value = state.store->get(Family::segments, stripe_key(first_stripe(segment) + i));
    StripeRecord record;
    if (!value || !*value || !decode(**value, record)) continue;
    ++known;
    for (const StripeEntry& entry : record.entries) {
      if (entry.stream != kLogStream) events[entry.stream] += entry.next - entry.first;
    }
  }
  out.words.emplace_back("stripes with a record", std::to_string(known));
  out.words.emplace_back("streams in these", std::to_string(events.size()));
  std::vector<std::pair<uint64_t, StreamId>> fullest;
  for (const auto& [stream, count] : events) fullest.emplace_back(count, stream);
  std::ranges::sort(fullest, std::greater());
  if (fullest.size() > kStreamsTold) fullest.resize(kStreamsTold);
  for (const auto& [count, stream] : fullest) {
    out.words.emplace_back("stream " + name_of_stream(state, stream),
                           fmt::format("{} events", count));
  }
}

}  // namespace

LogFigures Log::figures() const {
  const LogState& state = *parts_->state;
  const Stream& log = state.streams.log();
  const StoreFigures store = state.store->figures();
  LogFigures out{.directory = state.directory.string(),
                 .tables = store.tables,
                 .event_table_bytes = store.event_table_bytes,
                 .record_table_bytes = store.record_table_bytes,
                 .wal_bytes = store.wal_bytes,
                 .unflushed_bytes = store.unflushed_bytes,
                 .block_cache_bytes = store.block_cache_bytes,
                 .table_reader_bytes = store.table_reader_bytes,
                 .batch_cache_bytes = state.batch_cache.bytes(),
                 .appended_bytes = stored_since(state, parts_->recovery.durable_next),
                 .wal_bytes_written = store.wal_bytes_written,
                 .table_bytes_written = store.table_bytes_written,
                 .sync = latency_of(state.counters),
                 .rates = rates_of(state, log),
                 .last_stored = std::nullopt,
                 .now = state.clock->now()};
  if (log.last_stored_us() != 0) out.last_stored = Timestamp{log.last_stored_us()};
  state.streams.scan("", [&](Stream& stream) {
    if (!stream.exists() || stream.id == kLogStream) return true;
    const Offset start = stream.start();
    ++out.streams;
    out.events += stream.tail() - start;
    out.bytes += std::max(stream.bytes(), stream.start_bytes()) - stream.start_bytes();
    return true;
  });
  for (const auto& [id, record] : state.segments.list()) {
    ++out.segments;
    out.dead_bytes += record.dead_bytes;
  }
  return out;
}

Result<StreamFigures> Log::figures_of(std::string_view name) const {
  auto info = describe(name);
  if (!info) return std::unexpected(std::move(info.error()));
  const LogState& state = *parts_->state;
  const Stream& stream = *state.streams.find(name);
  StreamFigures out{.info = std::move(*info), .rates = rates_of(state, stream)};
  if (out.info.bytes > 0) out.disk_bytes = disk_bytes_of(state, stream, out.info.bytes);
  return out;
}

Result<Inspected> Log::inspect_segment(SegmentId id) const {
  const LogState& state = *parts_->state;
  const auto all = segments();
  const auto found = std::ranges::find(all, id, &SegmentInfo::id);
  if (found == all.end()) {
    const auto range =
        all.empty() ? std::string("there is none yet")
                    : fmt::format("they are {} to {}", all.front().id.value, all.back().id.value);
    return fail(Code::not_found, fmt::format("no segment {}: {}", id.value, range));
  }
  const SegmentInfo& info = *found;
  const auto records = state.segments.list();
  const auto record = records.find(id);
  Inspected out{.what = "a segment"};
  out.words = {{"segment", std::to_string(id.value)},
               {"state", info.sealed ? "sealed" : "open: events are appended to it"},
               {"created", render_time(info.created)},
               {"sequences", fmt::format("[{}, {})", info.first.value, info.next.value)},
               {"events", std::to_string(info.next - info.first)},
               {"bytes", std::to_string(info.bytes)}};
  if (record != records.end()) {
    out.words.emplace_back("dead bytes", std::to_string(record->second.dead_bytes));
    out.words.emplace_back("stripes", std::to_string(record->second.stripes));
  }
  const EventKey from{first_stripe(id), StreamId(0), Offset(0)};
  const EventKey to{first_stripe(id + 1), StreamId(0), Offset(0)};
  const std::pair<std::string, std::string> range{encode(from), encode(to)};
  out.words.emplace_back("bytes on disk, about",
                         std::to_string(state.store->disk_bytes_of({&range, 1})));
  const EventKey last{first_stripe(id) + (kStripesMax - 1), StreamId(UINT64_MAX),
                      Offset(UINT64_MAX)};
  for (const auto& table : state.store->event_tables(from, last)) {
    std::error_code gone;
    const auto bytes = std::filesystem::file_size(table, gone);
    out.words.emplace_back("table " + table.filename().string(),
                           gone ? "gone since" : fmt::format("{} bytes", bytes));
  }
  if (record != records.end()) add_streams(state, id, record->second.stripes, out);
  return out;
}

Result<Inspected> Log::inspect_batch(std::string_view name, Offset offset) const {
  const LogState& state = *parts_->state;
  const auto found = find_existing(state, name);
  if (!found) return std::unexpected(found.error());
  const Stream& stream = **found;
  if (offset < stream.start() || offset >= stream.tail()) {
    return std::unexpected(
        Error{.code = Code::out_of_range,
              .message = fmt::format("offset {} is not in \"{}\": its offsets are [{}, {})",
                                     offset.value, name, stream.start().value, stream.tail().value),
              .available = Available{stream.start().value, stream.tail().value}});
  }
  BatchReader reader(state, stream);
  const auto damage = reader.load(offset);
  const auto extent = find_extent(state, stream, offset);
  if (!extent) return std::unexpected(extent.error());
  const StripeId stripe = *extent ? (*extent)->stripe : StripeId(0);
  if (damage) {
    return Inspected{.what = "a damaged place",
                     .words = {{"stream", std::string(name)},
                               {"offsets that cannot be read",
                                fmt::format("[{}, {})", offset.value, damage->to.value)},
                               {"segment", std::to_string(segment_of(stripe).value)},
                               {"damage", damage->detail}}};
  }
  const StoredBatch& batch = reader.batch();
  const EventKey key{stripe, stream.id, batch.first()};
  Inspected out = inspected("events", encode(key), std::string(batch.value()));
  out.words.insert(out.words.begin(), {"stream", std::string(name)});
  return out;
}

Result<Inspected> Log::inspect_key(std::string_view family, std::string_view key) const {
  const auto found = family_named(family);
  if (!found) return std::unexpected(found.error());
  auto value = parts_->state->store->get(*found, key);
  if (!value) return std::unexpected(std::move(value.error()));
  if (!*value || !is_shown(*parts_->state, *found, key)) {
    return fail(Code::not_found, fmt::format("the family {} has no key {}", family, to_hex(key)));
  }
  return inspected(family, std::string(key), std::move(**value));
}

Result<std::vector<std::string>> Log::keys_of(std::string_view family, std::string_view from,
                                              size_t limit) const {
  const auto found = family_named(family);
  if (!found) return std::unexpected(found.error());
  std::vector<std::string> keys;
  StoreIterator it = parts_->state->store->iterate(*found);
  for (it.seek(from); it.valid() && keys.size() < limit; it.next()) {
    if (is_shown(*parts_->state, *found, it.key())) keys.emplace_back(it.key());
  }
  if (auto damage = it.damage()) {
    return fail(Code::corrupt, fmt::format("the family {}: {}", family, *damage));
  }
  return keys;
}

}  // namespace strandline
