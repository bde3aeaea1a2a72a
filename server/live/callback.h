// The backend that is asked who may be on a private channel, where the client shows nothing that
// says so: a POST to a URL, signed, with a timeout.
//
// The body is {"connection","channel","joins","user"}; the header Strandline-Signature is the
// HMAC-SHA-256 of it with the application's secret, in hexadecimal. 200 means yes; for a presence
// channel its body says who: {"user_id","user_info"}. Every other status, and every failure, means
// no. *Threads*: it is asked in a pool of its own; the answer comes on the connection's thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "server/live/presence.h"

namespace strandline::server {

class LiveConnection;

struct CallbackQuestion {
  std::string channel;
  bool joins = false;
};
struct CallbackAnswer {
  bool allowed = false;
  std::optional<ChannelMember> member = {};
};
void ask_callback(LiveConnection& connection, CallbackQuestion question,
                  std::function<void(LiveConnection&, CallbackAnswer)> then);

}  // namespace strandline::server
