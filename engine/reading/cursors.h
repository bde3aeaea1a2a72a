// From what a reader asks for to a cursor: finds the streams, resolves `from` to a position, and
// picks the kind of cursor. *Errors*: not_found, out_of_range with what is available, invalid;
// closed where a search for the last N that match was ended (Log::hold_searches).
#pragma once

#include <memory>
#include <string_view>

#include "engine/api/cursor.h"
#include "engine/api/reading.h"
#include "engine/state/log_state.h"

namespace strandline {

Error no_such_stream(std::string_view name);

// A stream by name, if a reader may see it.
Result<Stream*> find_existing(const LogState& state, std::string_view name);

struct OpenedCursor {
  std::unique_ptr<Cursor> cursor;
  StreamId wait_for;  // the stream whose tail it waits for
};

Result<OpenedCursor> open_cursor(const LogState& state, ReadOptions options);

}  // namespace strandline
