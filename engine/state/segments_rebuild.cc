// The list of segments and the directory of extents, made again from the events (rebuild.h).
#include <algorithm>
#include <map>
#include <optional>

#include "engine/format/extent_run.h"
#include "engine/state/rebuild.h"
#include "engine/state/segments.h"

namespace strandline {
namespace {

// As many as there are events in, or as were recorded, if those are more.
void set_stripes(const Rebuild& rebuild, SegmentId id, SegmentRecord& record) {
  const auto end = rebuild.runs.lower_bound(first_stripe(id + 1));
  if (end == rebuild.runs.begin() || segment_of(std::prev(end)->first) != id) return;
  const auto& [last, streams] = *std::prev(end);
  if (number_in_segment(last) + 1 < record.stripes) return;
  record.stripes = number_in_segment(last) + 1;
  const auto log = streams.find(kLogStream);
  record.stripe_bytes_before =
      log == streams.end() ? record.bytes_before : log->second.bytes_before;
}

// Ids without a hole; all but the last sealed; each ends where the next begins.
Status rebuild_list(Rebuild& rebuild) {
  std::map<SegmentId, SegmentRecord> records;
  StoreIterator it = rebuild.store.iterate(Family::segments);
  const std::string end(1, static_cast<char>(KeyKind::where));
  for (it.seek_to_first(); it.valid() && it.key() < end; it.next()) {
    SegmentRecord record;
    if (it.key().size() == 9 && decode(it.value(), record)) {
      records[SegmentId(get_be64(it.key(), 1))] = record;
    }
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  if (rebuild.runs.empty()) return {};
  const SegmentId first = segment_of(rebuild.runs.begin()->first);
  while (!records.empty() && records.begin()->first < first) {  // dropped since
    rebuild.changes.erase(Family::segments, key_of(KeyKind::segment, records.begin()->first.value));
    records.erase(records.begin());
  }
  const SegmentId last = std::max(segment_of(rebuild.runs.rbegin()->first),
                                  records.empty() ? SegmentId(0) : records.rbegin()->first);
  std::map<SegmentId, Rebuild::Run> edges;  // the first that the log's own stream has in each
  for (const auto& [stripe, streams] : rebuild.runs) {
    if (const auto log = streams.find(kLogStream); log != streams.end()) {
      edges.try_emplace(segment_of(stripe), log->second);
    }
  }
  const auto edge = [&](SegmentId segment) -> std::optional<Rebuild::Run> {
    const auto at = edges.lower_bound(segment);
    return at == edges.end() ? std::nullopt : std::optional(at->second);
  };
  uint64_t next_sequence = 0, bytes = 0;  // of the whole log
  for (const auto& [stripe, streams] : rebuild.runs) {
    if (const auto log = streams.find(kLogStream); log != streams.end()) {
      next_sequence = std::max(next_sequence, log->second.next.value);
    }
  }
  for (SegmentId id = first; id <= last; id = id + 1) {
    SegmentRecord& record = records[id];
    const auto begins = edge(id), ends = edge(id + 1);
    if (begins) {
      record.first_sequence = begins->first.value;
      record.bytes_before = begins->bytes_before;
      if (record.created_us == 0) record.created_us = begins->stored_first.us;
      bytes = begins->bytes;
    } else if (record.first_sequence == 0) {
      record.first_sequence = next_sequence;
      record.bytes_before = bytes;
    }
    record.sealed = record.filed = id < last;
    record.next_sequence = record.sealed ? (ends ? ends->first.value : next_sequence) : 0;
    const uint64_t until = ends ? ends->bytes_before : std::max(bytes, record.bytes_before);
    record.bytes = record.sealed ? until - std::min(until, record.bytes_before) : 0;
    set_stripes(rebuild, id, record);
    rebuild.changes.put(Family::segments, key_of(KeyKind::segment, id.value), encode(record));
  }
  return {};
}

// The records of all stripes; and of the sealed segments, what is filed.
void rebuild_directory(Rebuild& rebuild) {
  std::map<StreamId, ExtentRun> filed;  // of one segment
  for (auto it = rebuild.runs.begin(); it != rebuild.runs.end(); ++it) {
    const auto& [stripe, streams] = *it;
    StripeRecord record{.stripe = stripe, .entries = {}};
    for (const auto& [stream, run] : streams) {
      record.entries.push_back({stream, run.first, run.next, run.bytes, run.stored_last.us});
      ExtentRun& where = filed[stream];
      where.segment = segment_of(stripe);
      where.places.push_back({stripe, run.first});
    }
    if (const auto log = streams.find(kLogStream); log != streams.end()) {
      record.next = Sequence(log->second.next.value);
    }
    rebuild.changes.put(Family::segments, stripe_key(stripe), encode(record));
    const auto next = std::next(it);
    if (next != rebuild.runs.end() && segment_of(next->first) == segment_of(stripe)) continue;
    for (const auto& [stream, where] : filed) {
      rebuild.changes.put(Family::segments, encode(WhereKey{stream, where.places.front().first}),
                          encode(where));
    }
    filed.clear();
  }
}

}  // namespace

Status Segments::rebuild(Rebuild& rebuild) const {
  rebuild_directory(rebuild);
  return rebuild_list(rebuild);
}

}  // namespace strandline
