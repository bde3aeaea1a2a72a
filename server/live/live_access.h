// Who may do what on a live channel: one answer for every protocol.
//
// Three ways lead in, and one of them is enough: a grant of the client's key, token or ticket; a
// channel token, which a backend signs with the application's secret for one connection and one
// channel; or the callback, which is asked where neither is there. A private or a presence channel
// needs access control to be on. *Errors*: what the client is told. *Threads*: the connection's.
#pragma once

#include <expected>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/api/reading.h"
#include "server/live/live_connection.h"

namespace strandline::server {

// What a client shows with the name of a channel.
struct ChannelToken {
  std::string auth = {};          // KEY:HEX
  std::string channel_data = {};  // JSON with user_id and user_info: signed, too
};

// HMAC-SHA-256 of the message with the application's secret, as KEY:HEX, in lower case.
bool is_signed(const LiveApp& app, std::string_view auth, std::string_view message);

// {"user_id","user_info"}; ids may be numbers. An error is a sentence.
std::expected<ChannelMember, std::string> read_channel_data(std::string_view json);

struct Asking {
  Selection select;
  ChannelToken token = {};
  bool joins = false;     // a presence channel
  std::string info = {};  // JSON of who joins by a grant
};
// `member`: of who joins.
using MaySubscribe = std::expected<std::optional<ChannelMember>, LiveError>;
// Calls back once: at once, or, where the callback is asked, later, on the connection's thread, if
// it is still there.
void ask_to_subscribe(LiveConnection& connection, Asking asking,
                      std::function<void(LiveConnection&, MaySubscribe)> then);

// Nothing: it may.
std::optional<LiveError> refuse_publish(LiveConnection& connection, const std::string& channel);
// Whether it may send others of the channel an event that is not kept.
std::optional<LiveError> refuse_client_event(LiveConnection& connection,
                                             const std::string& channel);

}  // namespace strandline::server
