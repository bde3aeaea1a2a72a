// A body in gzip (RFC 1952; RFC 9110, section 8.4.1.3), unpacked whole.
//
// What it unpacks to counts, not what was sent: a thousand bytes may become a million. It stops one
// byte past the limit, and asks before it takes memory. A body is one member or several, and
// nothing behind them; each member's checksum and length are checked. *Threads*: any; about 3 ms
// for a megabyte. *Errors*: a Refusal: 400 of what is not whole gzip, 413 past the limit, 503 where
// there is no room.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "server/http/request_head.h"

namespace strandline::server {

// `room` is asked whether this many bytes may be held, each time that more are needed.
std::expected<std::string, Refusal> gunzip(std::string_view packed, size_t bytes_max,
                                           const std::function<bool(size_t)>& room);

}  // namespace strandline::server
