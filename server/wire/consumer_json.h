// A named consumer in JSON: its settings on the way in, what there is to say of it on the way out.
//
//   {"mode":"exclusive|shared|keyed", "stream":s | "streams":[...] | "prefix":p, "types":[...],
//    "subjects":[...], "from":n|"earliest"..., "retain":false,
//    "max_attempts":n, "dead_letters":s,
//    "key":k, "ack_deadline_ms":n, "unacked_max":n}
//
// Without a stream it reads everything, as with "$all". The last line is for groups.
// *Errors*: a sentence for a 422.
#pragma once

#include <string>
#include <string_view>

#include "engine/api/consumer.h"
#include "server/http/query.h"

namespace strandline::server {

Parsed<ConsumerSettings> read_consumer_settings(std::string_view json);
// {"ack_deadline_ms":n, "max_attempts":n, "unacked_max":n, "retain":b}: what there is of these.
Parsed<ConsumerChange> read_consumer_change(std::string_view json);
void render_consumer_change(std::string& out, const ConsumerChange& change);
Parsed<ConsumerSettings::Mode> parse_consumer_mode(std::string_view text);

// As a request's body has them, in one object.
void render_consumer_settings(std::string& out, const ConsumerSettings& settings);
// One object: its name, its settings, and where it stands.
void render_consumer(std::string& out, const ConsumerInfo& info);

// Whether creating it again with these settings asks for what is there.
bool same_settings(const ConsumerSettings& asked, const ConsumerInfo& there);

}  // namespace strandline::server
