#include "engine/rebuild.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "engine/delivery.h"
#include "engine/stored_batch.h"

namespace strandline {
namespace {

// What the events say about a stream's part of a segment.
struct Run {
  Offset first;
  uint64_t bytes_before = 0;  // its first batch
  Offset next;
  uint64_t bytes = 0;  // of all the stream's batches up to next
  Timestamp stored_first, stored_last;
};
using Runs = std::map<SegmentId, std::map<StreamId, Run>>;

class Rebuild {
 public:
  explicit Rebuild(Store& store) : store_(store), changes_(store.changes()) {}

  Status run() {
    if (auto ok = read_events(); !ok) return ok;
    if (auto ok = rebuild_streams(); !ok) return ok;
    if (auto ok = rebuild_segments(); !ok) return ok;
    for (const auto& [segment, streams] : runs_) {
      for (const auto& [stream, run] : streams) {
        changes_.put(Family::segments, key_of(KeyKind::where, stream.value, run.first.value),
                     be64(segment.value));
        changes_.put(Family::segments, key_of(KeyKind::holds, segment.value, stream.value),
                     be64(run.first.value));
      }
    }
    return store_.write(std::move(changes_));
  }

 private:
  // The first and the last batch of every stream in every segment.
  Status read_events() {
    StoreIterator it = store_.iterate(Family::events);
    EventKey key;
    it.seek_to_first();
    while (it.valid() && decode(it.key(), key)) {
      Run run{.first = key.first};
      auto head = StoredBatch(key.stream, it.value()).head();
      run.bytes_before = head.bytes_before;
      run.stored_first = head.stored;
      const EventKey end{key.segment, key.stream, Offset(UINT64_MAX)};
      it.seek_for_prev(encode(end));
      if (!it.valid()) break;
      const StoredBatch last(key.stream, it.value());
      run.next = last.next();
      run.bytes = last.head().bytes_before + last.value().size();
      run.stored_last = last.head().stored;
      runs_[key.segment][key.stream] = run;
      if (key.stream == kLogStream) read_ranges(key.segment);
      it.seek(encode(end));
    }
    if (auto damage = it.damage()) return fail(Code::corrupt, "the events family: " + *damage);
    return {};
  }

  // What the log's own records name, there or not: its offsets were given out.
  void read_ranges(SegmentId segment) {
    StoreIterator it = store_.iterate(Family::events);
    EventKey key;
    it.seek(encode(EventKey{segment, kLogStream, Offset(0)}));
    for (; it.valid() && decode(it.key(), key); it.next()) {
      if (key.segment != segment || key.stream != kLogStream) return;
      if (StoredBatch::check(key, it.value())) continue;
      const StoredBatch record(key.stream, it.value());
      for (size_t i = 0; i < record.range_count(); ++i) {
        const Range range = record.range(i);
        const auto named = named_.try_emplace(range.stream, range.first(), range.first()).first;
        named->second.first = std::min(named->second.first, range.first());
        named->second.second = std::max(named->second.second, range.first() + range.count);
      }
    }
  }

  // Where each stream's events begin, says the directory of extents.
  Result<std::map<StreamId, Offset>> beginnings() {
    std::map<StreamId, Offset> found;
    StoreIterator it = store_.iterate(Family::segments);
    for (it.seek(std::string(1, static_cast<char>(KeyKind::where))); it.valid(); it.next()) {
      if (it.key()[0] != static_cast<char>(KeyKind::where) || it.key().size() != 17) break;
      found.try_emplace(StreamId(get_be64(it.key(), 1)), get_be64(it.key(), 9));
    }
    if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
    return found;
  }

  Status rebuild_streams() {
    std::map<StreamId, StateRecord> states;
    std::set<StreamId> known = {kLogStream};
    std::set<std::string, std::less<>> names;
    StoreIterator it = store_.iterate(Family::streams);
    for (it.seek_to_first(); it.valid(); it.next()) {
      if (it.key().size() != 9) continue;
      const StreamId id(get_be64(it.key(), 1));
      IdentityRecord identity;
      StateRecord state;
      if (it.key()[0] == static_cast<char>(KeyKind::identity) && decode(it.value(), identity)) {
        known.insert(id);
        names.insert(identity.name);
        states.try_emplace(id);
      } else if (it.key()[0] == static_cast<char>(KeyKind::state) && decode(it.value(), state)) {
        states[id] = state;
      }
    }
    if (auto damage = it.damage()) return fail(Code::corrupt, "the streams family: " + *damage);
    auto begun = beginnings();
    if (!begun) return std::unexpected(std::move(begun.error()));
    // Of a stream whose state is lost: the first offset that anything knows of. What is before it
    // was dropped only if the directory says so; otherwise the events there may be lost themselves.
    const auto begin = [&](StateRecord& state, StreamId id, Offset first) {
      const auto said = begun->find(id);
      state.start = said == begun->end() ? first.value : std::min(first, said->second).value;
      const bool dropped = said != begun->end() && said->second.value == state.start;
      if (state.start > 0) {
        state.gap_reason = static_cast<uint8_t>(dropped ? GapReason::dropped : GapReason::damaged);
      }
    };
    std::set<StreamId> made;
    for (const auto& [segment, streams] : runs_) {
      for (const auto& [id, run] : streams) {
        auto [state, is_new] = states.try_emplace(id);
        if (is_new) {
          made.insert(id);
          begin(state->second, id, run.first);
          state->second.start_bytes = run.bytes_before;
        }
        advance(state->second, segment, id, run);
      }
    }
    for (const auto& [id, named] : named_) {
      const auto [state, is_new] = states.try_emplace(id);
      if (is_new || (made.contains(id) && named.first.value < state->second.start)) {
        begin(state->second, id, named.first);
      }
      state->second.next = std::max(state->second.next, named.second.value);
    }
    for (const auto& [id, state] : states) {
      changes_.put(Family::streams, key_of(KeyKind::state, id.value), encode(state));
      if (known.contains(id)) continue;
      std::string name = fmt::format("lost-{}", id.value);
      while (names.contains(name)) name += "x";
      changes_.put(Family::streams, key_of(KeyKind::identity, id.value),
                   encode(IdentityRecord{Timestamp{state.last_stored_us}, name,
                                         "its name was lost to damage"}));
    }
    return {};
  }

  static void advance(StateRecord& state, SegmentId segment, StreamId, const Run& run) {
    state.next = std::max(state.next, run.next.value);
    state.bytes = std::max(state.bytes, run.bytes);
    state.last_stored_us = std::max(state.last_stored_us, run.stored_last.us);
    state.segment = std::max(state.segment, segment.value);
  }

  // Ids without a hole; all but the last sealed; each ends where the next begins.
  Status rebuild_segments() {
    std::map<SegmentId, SegmentRecord> records;
    StoreIterator it = store_.iterate(Family::segments);
    const std::string end(1, static_cast<char>(KeyKind::where));
    for (it.seek_to_first(); it.valid() && it.key() < end; it.next()) {
      SegmentRecord record;
      if (it.key().size() == 9 && decode(it.value(), record)) {
        records[SegmentId(get_be64(it.key(), 1))] = record;
      }
    }
    if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
    if (runs_.empty()) return {};
    const SegmentId first = runs_.begin()->first;
    while (!records.empty() && records.begin()->first < first) {  // dropped since
      changes_.erase(Family::segments, key_of(KeyKind::segment, records.begin()->first.value));
      records.erase(records.begin());
    }
    const SegmentId last =
        std::max(runs_.rbegin()->first, records.empty() ? SegmentId(0) : records.rbegin()->first);
    const auto edge = [&](SegmentId segment) -> std::optional<Run> {
      for (auto at = runs_.lower_bound(segment); at != runs_.end(); ++at) {
        if (const auto log = at->second.find(kLogStream); log != at->second.end()) {
          return log->second;
        }
      }
      return std::nullopt;
    };
    uint64_t next_sequence = 0, bytes = 0;  // of the whole log
    for (const auto& [segment, streams] : runs_) {
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
      record.sealed = id < last;
      record.next_sequence = record.sealed ? (ends ? ends->first.value : next_sequence) : 0;
      const uint64_t until = ends ? ends->bytes_before : std::max(bytes, record.bytes_before);
      record.bytes = record.sealed ? until - std::min(until, record.bytes_before) : 0;
      changes_.put(Family::segments, key_of(KeyKind::segment, id.value), encode(record));
    }
    return {};
  }

  Store& store_;
  Changes changes_;
  Runs runs_;
  std::map<StreamId, std::pair<Offset, Offset>> named_;  // [first, next)
};

}  // namespace

Status rebuild_records(Store& store) { return Rebuild(store).run(); }

}  // namespace strandline
