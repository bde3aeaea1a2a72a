// The records of streams, made again from the events (rebuild.h).
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "engine/api/delivery.h"
#include "engine/format/extent_run.h"
#include "engine/state/rebuild.h"
#include "engine/state/streams.h"

namespace strandline {
namespace {

// Where each stream's events begin, says the directory of extents, or the records of stripes.
Result<std::map<StreamId, Offset>> beginnings(const Rebuild& rebuild) {
  std::map<StreamId, Offset> found = rebuild.begun;
  StoreIterator it = rebuild.store.iterate(Family::segments);
  WhereKey key;
  for (it.seek(std::string(1, static_cast<char>(KeyKind::where)));
       it.valid() && decode(it.key(), key); it.next()) {
    const auto first = found.try_emplace(key.stream, key.first).first;
    first->second = std::min(first->second, key.first);
  }
  if (auto damage = it.damage()) return fail(Code::corrupt, "the segments family: " + *damage);
  return found;
}

void advance_to(StateRecord& state, const Rebuild::Run& run) {
  state.next = std::max(state.next, run.next.value);
  state.bytes = std::max(state.bytes, run.bytes);
  state.last_stored_us = std::max(state.last_stored_us, run.stored_last.us);
}

}  // namespace

Status Streams::rebuild(Rebuild& rebuild) const {
  std::map<StreamId, StateRecord> states;
  std::set<StreamId> known = {kLogStream};
  std::set<std::string, std::less<>> names;
  StoreIterator it = rebuild.store.iterate(Family::streams);
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
  auto begun = beginnings(rebuild);
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
  for (const auto& [stripe, streams] : rebuild.runs) {
    for (const auto& [id, run] : streams) {
      auto [state, is_new] = states.try_emplace(id);
      if (is_new) {
        made.insert(id);
        begin(state->second, id, run.first);
        state->second.start_bytes = run.bytes_before;
      }
      advance_to(state->second, run);
    }
  }
  for (const auto& [id, named] : rebuild.named) {
    const auto [state, is_new] = states.try_emplace(id);
    if (is_new || (made.contains(id) && named.first.value < state->second.start)) {
      begin(state->second, id, named.first);
    }
    state->second.next = std::max(state->second.next, named.second.value);
  }
  for (const auto& [id, state] : states) {
    rebuild.changes.put(Family::streams, key_of(KeyKind::state, id.value), encode(state));
    if (known.contains(id)) continue;
    std::string name = fmt::format("lost-{}", id.value);
    while (names.contains(name)) name += "x";
    rebuild.changes.put(Family::streams, key_of(KeyKind::identity, id.value),
                        encode(IdentityRecord{Timestamp{state.last_stored_us}, name,
                                              "its name was lost to damage"}));
  }
  return {};
}

}  // namespace strandline
