// Strandline's own live protocol (docs/live.md): one JSON object a text frame, whose `op` says what
// it is.
//
//   client: subscribe, unsubscribe, publish, ping
//   server: connected, subscribed, event, gap, position, caught_up, unsubscribed, ack, presence,
//           subscribers, error, pong
//
// A frame that is wrong is answered with an error, and changes nothing else. *Threads*: its
// connection's.
#pragma once

#include <memory>

#include "server/live/live_protocol.h"

namespace strandline::server {

std::unique_ptr<LiveProtocol> native_protocol();

}  // namespace strandline::server
