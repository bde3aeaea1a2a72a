// CloudEvents' binary mode: attributes in ce-* headers, data as the body.
// Source:
// https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
//
// The body's Content-Type is the event's datacontenttype: JSON is kept as JSON, text in UTF-8 as
// text, anything else as bytes, text in another charset included. Header values are
// percent-decoded. Extensions arrive as text, for a header does not say their type. What is an
// event is the engine's rule, the same as for JSON; an empty value is an absent one. *Errors*: as
// parse_event's.
#pragma once

#include "server/http/query.h"
#include "server/http/request.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {

bool is_binary_mode(const Request& request);

// A ce-* header's value as the attribute's: without quotes, escapes and %XX.
Parsed<std::string> decode_attribute(std::string_view value);

EventResult<> read_binary_mode(const Request& request, const EventSink& sink);

}  // namespace strandline::server
