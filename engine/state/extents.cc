#include "engine/state/extents.h"

#include "engine/format/extent_run.h"
#include "engine/state/log_state.h"

namespace strandline {
namespace {

using Found = Result<std::optional<Extent>>;

// From the events themselves.
Found walk_extents(const Store& store, StreamId stream, Offset offset) {
  StoreIterator it = store.iterate(Family::events);
  std::optional<Extent> covering;
  EventKey key;
  const auto seek = [&](const EventKey& to) {
    it.seek(encode(to));
    return it.valid() && decode(it.key(), key);
  };
  for (StripeId stripe(0); seek({stripe, StreamId(0), Offset(0)}); stripe = stripe + 1) {
    stripe = key.stripe;
    if (!seek({stripe, stream, Offset(0)})) {
      if (it.damage()) break;
      continue;
    }
    if (key.stripe != stripe || key.stream != stream) continue;
    if (key.first > offset) {
      if (!covering) return Extent{stripe, key.first, std::nullopt};
      covering->next = key.first;
      return covering;
    }
    covering = Extent{stripe, key.first, std::nullopt};
  }
  if (auto damage = it.damage()) {
    return fail(it.io_failed() ? Code::io : Code::corrupt, "the events family: " + *damage);
  }
  return covering;
}

// From the directory in the store. `unreadable`: it is damaged there.
std::optional<Extent> directory_extent(const Store& store, StreamId stream, Offset offset,
                                       bool& unreadable) {
  StoreIterator it = store.iterate(Family::segments);
  WhereKey key;
  ExtentRun run;
  const auto on_run = [&] {
    if (!it.valid() || !decode(it.key(), key) || key.stream != stream) return false;
    unreadable |= !decode(it.value(), key.first, run);
    return !unreadable;
  };
  it.seek_for_prev(encode(WhereKey{stream, offset}));
  bool found = on_run();
  if (!found && !it.damage()) {
    it.seek(encode(WhereKey{stream, offset}));
    found = on_run();
  }
  unreadable |= it.damage().has_value();
  if (!found || unreadable) return std::nullopt;
  size_t i = run.places.size() - 1;
  while (i > 0 && run.places[i].first > offset) --i;
  Extent extent{run.places[i].stripe, run.places[i].first, std::nullopt};
  if (i + 1 < run.places.size()) {
    extent.next = run.places[i + 1].first;
    return extent;
  }
  it.next();
  if (on_run()) extent.next = key.first;
  unreadable |= it.damage().has_value();
  return extent;
}

}  // namespace

Found find_extent(const LogState& log, const Stream& stream, Offset offset) {
  // In this order: a stripe is in the lists before anything is said to be in a later one, and what
  // leaves the lists is in the store by then.
  std::optional<Extent> after = stream.extent();  // the first that is known behind the offset
  if (after && offset >= after->first) return after;
  const auto lists = log.segments.unfiled();
  for (auto list = lists->rbegin(); list != lists->rend(); ++list) {
    const auto first = (*list)->find(stream.id);
    if (!first || (after && *first >= after->first)) continue;
    const Extent extent{(*list)->stripe(), *first,
                        after ? std::optional(after->first) : std::nullopt};
    if (*first <= offset) return extent;
    after = extent;
  }
  bool unreadable = false;
  auto extent = directory_extent(*log.store, stream.id, offset, unreadable);
  if (unreadable) return walk_extents(*log.store, stream.id, offset);
  if (!extent || !after) return extent ? extent : after;
  if (extent->first >= after->first) return after;
  if (!extent->next || *extent->next > after->first) extent->next = after->first;
  return extent;
}

}  // namespace strandline
