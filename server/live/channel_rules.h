// What kind a live channel is: by its name, and by the rules that a server is given by prefix.
//
// A name that begins with `private-` or `presence-` is private (engine/api/grant.h says to whom it
// shows); a presence channel also says who is there. *Durable* is what no rule calls ephemeral: a
// stream. *Rules*: PATTERN=WORD+WORD, with commas between; a pattern is a name, or a beginning and
// `*`. The longest that fits holds. *Errors*: a sentence. *Threads*: pure values.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "engine/api/reading.h"

namespace strandline::server {

struct ChannelRule {
  bool ephemeral = false;      // live only: no stream, no offset
  bool client_events = false;  // members may send each other events
  bool open = false;           // for whoever connects with the application's key
  bool counts = false;         // subscribers are told how many they are
};

class ChannelRules {
 public:
  // Empty: there are none.
  static std::expected<ChannelRules, std::string> parse(std::string_view text);
  const ChannelRule& of(std::string_view channel) const;
  // The beginnings of names that rules speak of, and do not call ephemeral; not the empty one.
  std::vector<std::string> durable_beginnings() const;

 private:
  struct Entry {
    std::string name;
    bool prefix;
    ChannelRule rule;
  };
  std::vector<Entry> entries_;  // the longest first
};

constexpr bool is_presence(std::string_view name) { return name.starts_with("presence-"); }
constexpr bool is_private(std::string_view name) {
  return name.starts_with("private-") || is_presence(name);
}
// Events between members: not kept, whatever their channel is.
constexpr bool is_client_event(std::string_view type) { return type.starts_with("client-"); }

// What a client names: a stream, a beginning and `*`, or `$all`. `\*` is a star of a name.
std::expected<Selection, std::string> parse_channel(std::string_view text);
// As parse_channel reads it: in one way for each, by which frames and subscriptions call it.
std::string channel_text(const Selection& select);
std::string channel_text(std::string_view stream);

}  // namespace strandline::server
