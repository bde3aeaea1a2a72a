#include "server/live/live_access.h"

#include "server/json/json_fields.h"
#include "server/live/callback.h"

namespace strandline::server {
namespace {

LiveError not_granted(std::string_view action, std::string_view channel) {
  return {"forbidden", "not granted: " + std::string(action) + " on \"" +
                           std::string(channel.substr(0, 300)) + "\""};
}

LiveError no_access_control() {
  return {"forbidden",
          "private and presence channels need access control, which is off: `strandline keys "
          "create` turns it on"};
}

bool may_hear(const Principal& principal, const Selection& select) {
  switch (select.kind) {
    case Selection::Kind::stream:
    case Selection::Kind::list:
      return principal.may(Action::subscribe, select.names[0]) ||
             principal.may(Action::read, select.names[0]);
    case Selection::Kind::prefix:
    case Selection::Kind::all:
      // Of several streams it is given those that it may read.
      return principal.may_something(Action::subscribe) || principal.may_something(Action::read);
  }
  return false;
}

// By a grant alone, or because the channel is open.
bool may_subscribe(LiveConnection& connection, const Asking& asking) {
  const LiveConnection::Client& client = connection.client();
  const bool is_one = asking.select.kind == Selection::Kind::stream;
  if (!client.by_app_key) {
    if (!may_hear(client.principal, asking.select)) return false;
    return !asking.joins || client.principal.may(Action::presence, asking.select.names[0]);
  }
  if (!is_one || is_private_name(asking.select.names[0])) return false;
  return !connection.service().is_guarded() ||
         connection.live().rules.of(asking.select.names[0]).open;
}

}  // namespace

bool is_signed(const LiveApp& app, std::string_view auth, std::string_view message) {
  if (!app.exists()) return false;
  const size_t colon = auth.find(':');
  if (colon == std::string_view::npos || auth.substr(0, colon) != app.key) return false;
  return are_same_bytes(hex_of(authentication_code(app.secret, message)), auth.substr(colon + 1));
}

std::expected<ChannelMember, std::string> read_channel_data(std::string_view json) {
  JsonReader reader;
  const auto kind = reader.parse(json);
  if (!kind) return std::unexpected("channel_data: " + kind.error());
  ChannelMember member;
  if (*kind == JsonKind::object) {
    for (const JsonMember& one : reader.members()) {
      if (one.name == "user_id" && one.value.kind == JsonKind::string) {
        member.user = reader.string(one.value);
      } else if (one.name == "user_id" && one.value.kind == JsonKind::number) {
        member.user = one.value.text;
      } else if (one.name == "user_info" && one.value.kind != JsonKind::null) {
        member.info = one.value.text;
      }
    }
  }
  if (member.user.empty() || member.user.size() > kUserBytesMax ||
      member.info.size() > kUserInfoBytesMax) {
    return std::unexpected(
        "channel_data is an object with \"user_id\", of 1 to " + std::to_string(kUserBytesMax) +
        " bytes, and perhaps \"user_info\", of " + std::to_string(kUserInfoBytesMax) + " at most");
  }
  return member;
}

void ask_to_subscribe(LiveConnection& connection, Asking asking,
                      std::function<void(LiveConnection&, MaySubscribe)> then) {
  const auto refuse = [&](LiveError why) { then(connection, std::unexpected(std::move(why))); };
  const bool is_one = asking.select.kind == Selection::Kind::stream;
  const std::string channel = channel_text(asking.select);
  const bool is_secret = is_one && is_private(asking.select.names[0]);
  const bool is_below_secret =
      asking.select.kind == Selection::Kind::prefix && is_private(asking.select.names[0]);
  if ((is_secret || is_below_secret) && !connection.service().is_guarded())
    return refuse(no_access_control());
  if (asking.joins && !(is_one && is_presence(asking.select.names[0]))) {
    return refuse({"invalid", "who is there is known of channels that begin with presence-"});
  }
  if (!asking.token.auth.empty()) {
    std::string message = connection.name() + ":" + (is_one ? asking.select.names[0] : channel);
    if (!asking.token.channel_data.empty()) message += ":" + asking.token.channel_data;
    if (!is_one || !is_signed(connection.live().app, asking.token.auth, message)) {
      return refuse({"forbidden",
                     "the channel token is none that is good for this connection and "
                     "\"" +
                         channel.substr(0, 300) + "\""});
    }
    if (!asking.joins) return then(connection, std::nullopt);
    auto member = read_channel_data(asking.token.channel_data);
    if (!member) return refuse({"invalid", std::move(member.error())});
    return then(connection, std::move(*member));
  }
  if (may_subscribe(connection, asking)) {
    if (!asking.joins) return then(connection, std::nullopt);
    if (asking.info.size() > kUserInfoBytesMax) {
      return refuse({"too-large", "a member's info has at most " +
                                      std::to_string(kUserInfoBytesMax) + " bytes"});
    }
    if (connection.user().empty()) {
      return refuse({"invalid", "nobody knows who this is: sign in, or show a channel token"});
    }
    return then(connection,
                ChannelMember{.user = connection.user(), .info = std::move(asking.info)});
  }
  if (!is_secret || connection.live().callback.empty()) {
    return refuse(not_granted(asking.joins ? "presence" : "subscribe", channel));
  }
  ask_callback(connection, {.channel = asking.select.names[0], .joins = asking.joins},
               [channel, then = std::move(then)](LiveConnection& there, CallbackAnswer answer) {
                 if (!answer.allowed) {
                   return then(there, std::unexpected(not_granted("subscribe", channel)));
                 }
                 then(there, std::move(answer.member));
               });
}

std::optional<LiveError> refuse_publish(LiveConnection& connection, const std::string& channel) {
  const LiveConnection::Client& client = connection.client();
  if (is_private(channel) && !connection.service().is_guarded()) return no_access_control();
  if (client.by_app_key && connection.service().is_guarded()) {
    return not_granted("publish", channel);
  }
  if (client.principal.may(Action::publish, channel) ||
      client.principal.may(Action::append, channel)) {
    return std::nullopt;
  }
  return not_granted("publish", channel);
}

std::optional<LiveError> refuse_client_event(LiveConnection& connection,
                                             const std::string& channel) {
  if (!is_private(channel)) {
    return LiveError{"forbidden", "client events are for private and presence channels"};
  }
  if (channel.starts_with("private-encrypted-")) {
    return LiveError{"forbidden", "client events are not for encrypted channels"};
  }
  if (!connection.live().rules.of(channel).client_events) {
    return LiveError{"forbidden", "client events are not allowed on \"" + channel.substr(0, 300) +
                                      "\": a rule of live_channels allows them"};
  }
  if (!connection.is_subscribed(channel_text(channel))) {
    return LiveError{"forbidden", "client events are for those who are subscribed"};
  }
  return std::nullopt;
}

}  // namespace strandline::server
