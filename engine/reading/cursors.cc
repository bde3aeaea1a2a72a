#include "engine/reading/cursors.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "engine/base/mutation.h"
#include "engine/reading/log_cursor.h"
#include "engine/reading/stream_cursor.h"

namespace strandline {

Error no_such_stream(std::string_view name) {
  return {.code = Code::not_found, .message = fmt::format("no stream \"{}\"", name)};
}

Result<Stream*> find_existing(const LogState& state, std::string_view name) {
  Stream* stream = state.streams.find(name);
  if (!stream || !stream->exists() || stream->id == kLogStream) {
    return std::unexpected(no_such_stream(name));
  }
  return stream;
}

namespace {

// The position that `from` means in a stream (of the log's own: a sequence).
Result<Offset> resolve(const LogState& state, const Stream& stream, const From& from) {
  const Offset start = stream.start(), tail = stream.tail();
  switch (from.kind) {
    case From::Kind::earliest:
      return start;
    case From::Kind::latest:
      return tail;
    case From::Kind::last:
      return tail - std::min(from.number, tail - start);
    case From::Kind::time:
      return find_time(state, stream, from.moment);
    case From::Kind::position:
      if (mutated(Mutation::resume_off_by_one) && from.number > 0 && from.number < tail.value) {
        return Offset(from.number + 1);
      }
      if (from.number <= tail.value) return Offset(from.number);
  }
  return std::unexpected(
      Error{.code = Code::out_of_range,
            .message = fmt::format("{} is beyond the tail of \"{}\": positions are [{}, {}]",
                                   from.number, stream.name, start.value, tail.value),
            .available = Available{start.value, tail.value}});
}

// How far a cursor has got to find events in [from, to), and how many it found: all of them, or
// the first `most`; then `position` is one past the last of these.
struct Matches {
  uint64_t count = 0;
  uint64_t position = 0;
};
Result<Matches> count_matches(const LogState& state, Cursor& cursor, uint64_t to, uint64_t most,
                              bool by_offset) {
  Matches found{.position = cursor.position()};
  while (found.count < most && cursor.position() < to) {
    // A delivery comes at least once a megabyte.
    if (state.searches_held || state.wakeups.closed()) {
      return fail(Code::closed,
                  "the log is closing: the search for the last events that match was ended");
    }
    auto delivery = cursor.next();
    if (!delivery) return std::unexpected(std::move(delivery.error()));
    if (!*delivery) break;
    const auto* events = std::get_if<Events>(&**delivery);
    if (!events) continue;
    const uint64_t first = by_offset ? events->first().value : events->sequence().value;
    if (first >= to) break;
    const uint64_t count = std::min({uint64_t{events->count()}, to - first, most - found.count});
    found.count += count;
    found.position = first + count;
  }
  return found;
}

// Where the last `wanted` events that match begin. Nothing says where these are, so that windows
// are read from the tail backwards, each twice as long as the one before; the last one is read
// again from its beginning. `open` makes a cursor that filters as the reader will.
template <class Open>
Result<Offset> find_last(const LogState& state, const Stream& counted, uint64_t wanted,
                         bool by_offset, Open open) {
  constexpr uint64_t kWindow = 4'096;
  const uint64_t tail = counted.tail().value;
  uint64_t begin = tail, span = kWindow, found = 0;
  while (found < wanted) {
    const uint64_t start = counted.start().value, end = begin;
    if (end <= start) return counted.start();
    begin = end - std::min(span, end - start);
    span *= 2;
    auto matches = count_matches(state, *open(begin), end, UINT64_MAX, by_offset);
    if (!matches) return std::unexpected(std::move(matches.error()));
    found += matches->count;
    if (found < wanted) continue;
    // Passes over those that are too many.
    auto passed = count_matches(state, *open(begin), end, found - wanted, by_offset);
    if (!passed) return std::unexpected(std::move(passed.error()));
    return Offset(passed->position);
  }
  return Offset(tail);
}

Result<Stream*> find_stream(const LogState& state, const ReadOptions& options,
                            std::string_view name) {
  if (!options.deleted_too) return find_existing(state, name);
  Stream* stream = state.streams.find(name);
  if (!stream || stream->id == kLogStream) return std::unexpected(no_such_stream(name));
  return stream;
}

Result<OpenedCursor> open_stream_cursor(const LogState& state, ReadOptions& options) {
  auto stream = find_stream(state, options, options.select.names.at(0));
  if (!stream) return std::unexpected(std::move(stream.error()));
  Bounds bounds{options.events_max, options.bytes_max, options.io_fails};
  From from = options.from;
  if (options.backward) {
    // From the far end, the last N are the first N.
    if (from.kind == From::Kind::last) bounds.events = std::min(bounds.events, from.number);
    if (from.kind == From::Kind::earliest || from.kind == From::Kind::last) from = From::latest();
  }
  const bool filtered = from.kind == From::Kind::last && !options.filter().empty();
  auto position = !filtered ? resolve(state, **stream, from)
                            : find_last(state, **stream, from.number, true, [&](uint64_t at) {
                                return std::make_unique<StreamCursor>(state, **stream, Offset(at),
                                                                      options.filter(), Bounds());
                              });
  if (!position) return std::unexpected(std::move(position.error()));
  std::unique_ptr<Cursor> cursor;
  if (options.backward) {
    cursor = std::make_unique<BackwardCursor>(state, **stream, *position, options.filter(), bounds);
  } else {
    cursor = std::make_unique<StreamCursor>(state, **stream, *position, options.filter(), bounds);
  }
  return OpenedCursor{std::move(cursor), (*stream)->id};
}

Result<OpenedCursor> open_log_cursor(const LogState& state, ReadOptions& options) {
  LogCursor::Includes includes;
  if (options.select.kind == Selection::Kind::list) {
    std::set<StreamId> ids;
    for (const std::string& name : options.select.names) {
      auto stream = find_stream(state, options, name);
      if (!stream) return std::unexpected(std::move(stream.error()));
      ids.insert((*stream)->id);
    }
    includes = [ids](const Stream& stream) { return ids.contains(stream.id); };
  } else if (options.select.kind == Selection::Kind::prefix) {
    includes = [prefix = options.select.names.at(0)](const Stream& stream) {
      return stream.name.starts_with(prefix);
    };
  }
  if (!options.except.empty() || options.no_dead_letters) {
    includes = [all = std::move(includes), except = options.except,
                no_dead_letters = options.no_dead_letters](const Stream& stream) {
      if (stream.name == except) return false;
      if (no_dead_letters && stream.name.starts_with(kDeadLetterPrefix)) return false;
      return !all || all(stream);
    };
  }
  if (options.visible) {
    includes = [all = std::move(includes), visible = options.visible](const Stream& stream) {
      return visible(stream.name) && (!all || all(stream));
    };
  }
  if (options.backward) {
    return fail(Code::invalid, "one stream can be read backwards, several cannot");
  }
  const Stream& log = state.streams.log();
  const bool filtered =
      options.from.kind == From::Kind::last && (includes || !options.filter().empty());
  auto position = !filtered ? resolve(state, log, options.from)
                            : find_last(state, log, options.from.number, false, [&](uint64_t at) {
                                return std::make_unique<LogCursor>(state, Sequence(at), includes,
                                                                   options.filter(), Bounds());
                              });
  if (!position) return std::unexpected(std::move(position.error()));
  return OpenedCursor{std::make_unique<LogCursor>(
                          state, Sequence(position->value), std::move(includes), options.filter(),
                          Bounds{options.events_max, options.bytes_max, options.io_fails}),
                      kLogStream};
}

}  // namespace

Result<OpenedCursor> open_cursor(const LogState& state, ReadOptions options) {
  const Selection& select = options.select;
  if ((select.kind == Selection::Kind::stream || select.kind == Selection::Kind::prefix) &&
      select.names.size() != 1) {
    return fail(Code::invalid, "a stream or a prefix is one name");
  }
  return select.kind == Selection::Kind::stream ? open_stream_cursor(state, options)
                                                : open_log_cursor(state, options);
}

}  // namespace strandline
