// A request's body as a batch: the seven ways in which events arrive, told apart by Content-Type.
//
//   application/json                      one event, or an array of them
//   application/x-ndjson                  an event a line
//   application/cloudevents+json          one event
//   application/cloudevents-batch+json    an array
//   application/vnd.strandline.batch      a FlatBuffer (schemas/batch.fbs), taken as it is
//   any other, with ce-* headers          one event in CloudEvents' binary mode: the body is its
//                                         data
//   none, or curl -d's default            as application/json, unless a browser sent it
//
// All that are JSON are in UTF-8; a type that names another charset is not taken.
//
// *Errors*: a response: 415 for anything else, 400 for what is malformed, 422 for what is no event,
// 413 for what is too large. *Memory*: a FlatBuffer's bytes are moved into the batch, not copied.
#pragma once

#include <expected>
#include <string_view>

#include "engine/api/batch.h"
#include "server/connection/call.h"
#include "server/wire/cloudevents.h"

namespace strandline::server {

// Takes the call's body. Every event that names a stream has to name this one.
std::expected<Batch, Response> take_batch(Call& call, std::string_view stream);

// Whether the body is an array of no events, where an array may stand: it appends nothing.
bool is_empty_batch(const Call& call);

// Whether the body is JSON in UTF-8: it says so, or it says nothing and no browser sent it. (A page
// on any site may send a form or a typeless body to a server on the loopback, and only then without
// asking first; curl -d says "form" too, but has no Origin.)
bool is_json_body(const Call& call);

// Whether the request is one event in CloudEvents' binary mode, and its headers its attributes.
bool is_binary_event(const Call& call);

// What a body of events that cannot be read is answered with.
Response event_problem(const EventError& error);

// A 415 that says what is taken.
Response unsupported_type(const Call& call, std::string_view allowed);

}  // namespace strandline::server
