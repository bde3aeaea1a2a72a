// Pusher's protocol 7 over a WebSocket (https://pusher.com/docs/channels/library_auth_reference/
// pusher-websockets-protocol/), as its unmodified clients speak it.
//
// A client comes with the application's key and no other; what it may is open channels, and those
// for which it shows a channel token. Messages are {"event","channel"?,"data"}. What others do not
// have: `pusher:subscribe` may say a `position`; the client is then told `strandline:position`
// behind what it is given, and misses nothing when it comes back with that. *Errors*:
// `pusher:error`, `pusher:subscription_error`. *Threads*: its connection's.
#pragma once

#include <memory>
#include <string>

#include "server/live/live_protocol.h"

namespace strandline::server {

// `refusal`: what the client is told before its connection is closed; a code of 0: it may stay.
std::unique_ptr<LiveProtocol> pusher_protocol(Farewell refusal);

// Whether a channel's newest event is told first.
bool is_cache_channel(std::string_view name);

}  // namespace strandline::server
