// An erasure in JSON: what a request asks for, and what is told of one.
//
//   {"stream":NAME | "streams":[NAME,...] | "prefix":TEXT, "offsets":[5,[7,12]], "types":[...],
//    "subjects":[...], "stored_from":TIME, "stored_before":TIME, "what":"events" | "data",
//    "reason":TEXT, "dry_run":false}
//   {"erasure":ID | null, "what":..., "events":n, "copies":n, "streams":[{"stream":s,"events":n}],
//    "gone":TIME | null}
//
// Positions are offsets; a range of them is half-open. *Errors*: a sentence for a 422.
#pragma once

#include <string>
#include <vector>

#include "engine/api/erasure.h"
#include "server/http/query.h"
#include "server/json/json_fields.h"

namespace strandline::server {

Parsed<EraseRequest> read_erasure(JsonFields& fields);
std::string render_request(const EraseRequest& request, const std::vector<std::string>& types,
                           const std::vector<std::string>& subjects);
// One object.
void render_erased(std::string& out, const EraseRequest& request, const Erased& erased);
// {"erasures":[...]}: those whose bytes are not gone yet.
std::string render_erasures(const std::vector<ErasureUnderWay>& erasures);

}  // namespace strandline::server
