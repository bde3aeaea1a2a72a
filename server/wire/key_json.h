// API keys in JSON: what a request asks for, and what is told of a key, which is never its secret.
//
//   {"key":NAME,"grants":[{"action":"append","stream":"orders"},{"action":"read","prefix":"o"}],
//    "created":T,"expires":T|null,"revoked":T|null,"rotated":T|null,"state":"good"}
//
// A grant has a `stream`, or a `prefix`; that of "" is every name but reserved and private ones.
// `admin` has neither. *Errors*: a sentence for a 422.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/api/access.h"
#include "server/http/query.h"
#include "server/json/json_fields.h"

namespace strandline::server {

// Text as on the command line ("append,read:orders/*"), or an array of such texts and of objects.
// `text`: the value's characters, where it is a string.
Parsed<std::vector<Grant>> read_grants(const JsonValue& value, std::string_view text);
// Those of the member `grants`.
Parsed<std::vector<Grant>> read_grants(JsonFields& fields);
void render_grants(std::string& out, const std::vector<Grant>& grants);

// "good", "expired" or "revoked".
std::string_view state_of(const ApiKey& key, Timestamp now);
// One object; `secret`, which is told once, is in it where it is not empty.
void render_api_key(std::string& out, const ApiKey& key, Timestamp now,
                    std::string_view secret = {});

}  // namespace strandline::server
