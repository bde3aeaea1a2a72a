// CloudEvents 1.0 in JSON, in and out: what every protocol and tool here shares.
//
// In: an object with `type`, and optionally specversion ("1.0"), id, source, subject, time,
// datacontenttype, dataschema, data or data_base64, and extension attributes (string, boolean or
// 32-bit integer). `stream`, `offset`, `sequence` and `stored` are the log's own: `stream` is
// handed to the caller, and the other three are passed over where they stand together, as in an
// event that was read; otherwise they are refused, for a producer's own value would be lost. A null
// member is an absent one, but `data`: null data is data. A member that occurs twice is an error.
// `data` keeps the text it was written in, but for white space around it, and line ends between
// tokens, which become spaces.
//
// Out: the members in the order stream, offset, sequence, stored, specversion, type, id, source,
// time, subject, datacontenttype, dataschema, extensions, data; each only if wanted and there. Text
// without a datacontenttype is shown as text/plain, for without one a string is JSON.
//
// *Errors*: `invalid` with a sentence that says where; EventError tells malformed JSON (400) from
// JSON that is no event (422).
// Source: https://github.com/cloudevents/spec/blob/v1.0.2 (spec, JSON format).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "engine/api/batch.h"
#include "engine/api/delivery.h"
#include "engine/api/error.h"
#include "engine/api/rfc3339.h"

namespace strandline::server {

// How a body of events fails: `malformed` text is a 400, a well-formed non-event a 422, and the
// engine's own codes (too_large, invalid) keep their meaning.
struct EventError {
  bool malformed;
  Error error;
};
template <class T = void>
using EventResult = std::expected<T, EventError>;

// Called for each event in order; its views live until it returns. `stream` is the event's `stream`
// member, or empty. A returned error stops the parsing and is passed on with its place.
using EventSink = std::function<Status(std::string_view stream, const NewEvent& event)>;

// One JSON object.
EventResult<> parse_event(std::string_view json, const EventSink& sink);
// One JSON object, or an array of them; errors name the index in the array.
EventResult<> parse_event_or_array(std::string_view json, const EventSink& sink);
// An object a line; blank lines are skipped; errors name the line, from 1.
EventResult<> parse_ndjson(std::string_view text, const EventSink& sink);

// What is shown of what the client left out.
enum class Derived {
  nothing,
  // id (the offset) and time (stored-at): elsewhere these would be derived otherwise. An export has
  // them, so that the readers of an import see what the readers here saw.
  id_and_time,
  all,  // specversion and source (/v1/streams/{s}) too
};

struct Rendering {
  bool stream = true;     // the stream's name
  bool positions = true;  // offset, sequence, stored
  Derived derived = Derived::all;
};

// The source of an event that has none of its own.
std::string derived_source(std::string_view stream);

// Appends one JSON object, on one line, without a line end.
void render_event(std::string& out, std::string_view stream, const Event& event,
                  const Rendering& rendering = {});
// Appends a gap as an event of its own, of type strandline.gap, whose data is
// {"from","to","reason","detail"}.
void render_gap(std::string& out, const Gap& gap);
// The same as a plain object: {"from","to","reason","detail"} and, of one stream, "stream".
void render_gap_object(std::string& out, const Gap& gap);

}  // namespace strandline::server
