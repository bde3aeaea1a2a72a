// What a member says of events that it was given, in JSON.
//
//   {"ack":[5,[7,12]], "nack":[{"positions":[...],"delay_ms":n,"reason":s}], "extend":[...],
//    "return":[...]}
//
// A list of positions holds positions, and half-open ranges of them. *Errors*: a sentence for a
// 422.
#pragma once

#include <string>
#include <vector>

#include "engine/api/consumer.h"
#include "server/http/query.h"
#include "server/json/json_fields.h"

namespace strandline::server {

// The list that a member holds; empty if it is not there.
Parsed<std::vector<Span>> read_spans(const JsonFields& fields, std::string_view name);
// One nack: "positions", "delay_ms" and "reason", into the list.
Parsed<> read_nack(JsonFields& fields, std::vector<Settle::Nack>& nacks);
// "ack", "nack" (one, or an array), "extend" and "return" (not tried: no attempt is counted).
Parsed<> read_settle(JsonFields& fields, Settle& settle);
// An object of its own: the same, with "consumer" and "epoch".
Parsed<Settle> read_settle_of(std::string_view json);

// The members, each with a comma before it.
void render_settle(std::string& out, const Settle& settle);
// {"acked":n,"already":n,"nacked":n,"extended":n,"exhausted":n}
void render_settled(std::string& out, const Settled& settled);

}  // namespace strandline::server
