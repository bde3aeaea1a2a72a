// The signature of a backend's requests to /apps/..., over the request's head: so admission looks
// at it before a body is read, of which `body_md5`, which is signed, says the rest.
//
// Declared here for admission; whose secret it is, server/live knows, and defines it. *Errors*: 404
// for an application that is not here, 401 with a sentence. *Threads*: any.
#pragma once

#include <optional>
#include <string>

#include "server/connection/route.h"
#include "server/http/query.h"
#include "server/http/request_head.h"
#include "server/http/response.h"

namespace strandline::server {

struct Service;

inline constexpr std::string_view kAppsPath = "/apps/";

// As Pusher's libraries read errors.
Response pusher_refusal(unsigned status, const std::string& why);
// Null: it is signed as it should be.
std::optional<Response> refuse_unsigned(const RequestHead& head, const Match& match,
                                        const Query& query, const Service& service);

}  // namespace strandline::server
