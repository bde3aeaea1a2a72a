#include "server/live/pusher_protocol.h"

#include <map>
#include <set>

#include "server/http/query.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/live/live_access.h"
#include "server/live/live_form.h"

namespace strandline::server {
namespace {

// Pusher's close codes: 4000 to 4099 end it; 4100 to 4199 ask to come back after a while; 4200 to
// 4299 at once.
constexpr uint16_t kUnauthorised = 4009, kReconnect = 4200, kNoPong = 4201, kUnsupportedData = 1003;
constexpr int kClientEventRejected = 4301;
constexpr double kClientEventsPerS = 10;

// The members of one JSON object, whatever others there are.
class PusherObject {
 public:
  static std::optional<PusherObject> parse(std::string_view json) {
    PusherObject members;
    const auto kind = members.reader_.parse(json);
    if (!kind || *kind != JsonKind::object) return std::nullopt;
    return members;
  }
  const JsonValue* find(std::string_view name) const {
    for (const JsonMember& member : reader_.members()) {
      if (member.name == name && member.value.kind != JsonKind::null) return &member.value;
    }
    return nullptr;
  }
  // Empty, if it is no string.
  std::string string(std::string_view name) {
    const JsonValue* value = find(name);
    return value && value->kind == JsonKind::string ? std::string(reader_.string(*value))
                                                    : std::string();
  }
  // An object, which may also stand in a string.
  std::string object(std::string_view name) {
    const JsonValue* value = find(name);
    if (!value) return "{}";
    return value->kind == JsonKind::string ? std::string(reader_.string(*value))
                                           : std::string(value->text);
  }

 private:
  JsonReader reader_;
};

std::string message_of(std::string_view event, std::string_view data,
                       std::string_view channel = {}) {
  std::string text = "{\"event\":";
  render_string(text, event);
  if (!channel.empty()) {
    text += ",\"channel\":";
    render_string(text, channel);
  }
  text += ",\"data\":";
  render_pusher_data(text, data);
  return text + "}";
}

std::string pusher_error(int code, std::string_view message) {
  std::string text = "{\"event\":\"pusher:error\",\"data\":{\"message\":";
  render_string(text, message);
  text += ",\"code\":" + (code == 0 ? std::string("null") : std::to_string(code));
  return text + "}}";
}

// {"presence":{"count","ids","hash"}}
std::string roster_of(const std::vector<ChannelMember>& members) {
  std::string ids, hash;
  for (const ChannelMember& member : members) {
    if (!ids.empty()) ids += ',', hash += ',';
    render_string(ids, member.user);
    render_string(hash, member.user);
    hash += ':';
    hash += member.info.empty() ? "{}" : member.info;
  }
  return "{\"presence\":{\"count\":" + std::to_string(members.size()) + ",\"ids\":[" + ids +
         "],\"hash\":{" + hash + "}}}";
}

class PusherProtocol : public LiveProtocol {
 public:
  explicit PusherProtocol(Farewell refusal) : refusal_(std::move(refusal)) {}

  Wording wording() const override { return Wording::pusher; }
  std::vector<WebSocket::Header> headers(const RequestHead&) override { return {}; }

  void opened(LiveConnection& connection) override {
    if (refusal_.code != 0) {
      connection.send(pusher_error(refusal_.code, refusal_.reason));
      return connection.end(refusal_.code, refusal_.reason);
    }
    const uint64_t timeout_s =
        std::max<uint64_t>(1, connection.service().options.live_ping_ms / 1'000);
    std::string data = "{\"socket_id\":";
    render_string(data, connection.name());
    data += ",\"activity_timeout\":" + std::to_string(timeout_s) + "}";
    connection.send(message_of("pusher:connection_established", data));
  }

  void message(LiveConnection& connection, std::string_view text) override {
    auto members = PusherObject::parse(text);
    if (!members) return connection.send(pusher_error(0, "a message is an object in JSON"));
    const std::string event = members->string("event");
    if (event == "pusher:ping") return connection.send(message_of("pusher:pong", "{}"));
    if (event == "pusher:pong") return;
    if (event == "pusher:subscribe") return subscribe(connection, members->object("data"));
    if (event == "pusher:unsubscribe") return unsubscribe(connection, members->object("data"));
    if (event == "pusher:signin") return sign_in(connection, members->object("data"));
    if (is_client_event(event)) return tell_others(connection, event, *members);
    connection.send(
        pusher_error(0, "there is no event \"" + event.substr(0, 100) + "\" that a client sends"));
  }

  void subscribed(LiveConnection& connection, const Subscribing& wanted, std::optional<uint64_t>,
                  const Available&, const Hub::Entered& entered) override {
    connection.send(message_of("pusher_internal:subscription_succeeded",
                               wanted.member ? roster_of(entered.members) : "{}",
                               wanted.select.names[0]));
  }

  std::unique_ptr<Form> form(const LiveConnection& connection, std::string channel,
                             Places places) override {
    const auto select = parse_channel(channel);
    const std::string& name = select->names[0];
    return pusher_live_form({.channel = name,
                             .connection = connection.name(),
                             .tells_position = resuming_.contains(name),
                             .is_cache = is_cache_channel(name)},
                            places);
  }

  std::string error(const LiveError& error, std::string_view channel) override {
    if (channel.empty()) return pusher_error(0, error.message);
    std::string data = "{\"type\":\"AuthError\",\"error\":";
    render_string(data, error.message);
    data += error.code == "forbidden" ? ",\"status\":403}" : ",\"status\":400}";
    return message_of("pusher:subscription_error", data, channel);
  }

  Farewell farewell(Ending why, std::string_view detail) override {
    switch (why) {
      case Ending::drained:
        return {kReconnect, "the server restarts"};
      case Ending::too_old:
        return {kReconnect, "this connection has lived its time"};
      case Ending::not_allowed:
      case Ending::by_server:
        return {kUnauthorised, std::string(detail)};
      case Ending::binary:
        return {kUnsupportedData, "messages are text"};
      case Ending::silent:
        return {kNoPong, "no pong came in time"};
    }
    return {kReconnect, {}};
  }

  std::string ping() override {
    std::string out;
    append_text_frame(out, message_of("pusher:ping", "{}"));
    return out;
  }

 private:
  void subscribe(LiveConnection& connection, std::string_view data) {
    auto members = PusherObject::parse(data);
    const std::string channel = members ? members->string("channel") : std::string();
    const auto bad = [&](LiveError why) { connection.send(error(why, channel)); };
    if (channel.starts_with(kPusherUserPrefix)) {
      // Of who has signed in; there is no stream of it.
      if (connection.user().empty() ||
          channel.substr(kPusherUserPrefix.size()) != connection.user())
        return bad({"forbidden", "this is for the user who has signed in by that name"});
      return connection.send(message_of("pusher_internal:subscription_succeeded", "{}", channel));
    }
    const auto good = check_name(channel, connection.service().log.options().limits);
    if (!good) return bad({"invalid", good.error().message});
    const std::string text = channel_text(channel);
    if (connection.is_subscribed(text) || asking_.contains(text)) {
      return bad({"exists", "it is subscribed to this already"});
    }
    const size_t most = connection.service().options.live_subscriptions_max;
    if (connection.subscriptions() + asking_.size() >= most) {
      return bad({"limit", "a connection has at most " + std::to_string(most) + " subscriptions"});
    }
    auto from = read_position(*members, channel);
    if (!from) return bad({"invalid", from.error()});
    asking_.insert(text);
    Asking asking{.select = Selection::stream(channel), .joins = is_presence(channel)};
    asking.token = {members->string("auth"), members->string("channel_data")};
    ask_to_subscribe(
        connection, std::move(asking),
        [this, channel, text, from = *from](LiveConnection& there, const MaySubscribe& may) {
          if (asking_.erase(text) == 0) return;
          if (!may) return there.send(error(may.error(), channel));
          begin(there, channel, from, *may);
        });
  }

  void begin(LiveConnection& connection, const std::string& channel, const From& from,
             const std::optional<ChannelMember>& member) {
    const ChannelRule& rule = connection.live().rules.of(channel);
    Subscribing wanted{.channel = channel_text(channel), .select = Selection::stream(channel)};
    wanted.read = {.select = wanted.select, .from = from};
    wanted.member = member;
    wanted.ephemeral = rule.ephemeral;
    wanted.counts = rule.counts && !is_presence(channel);
    wanted.sees_presence = member.has_value();
    connection.subscribe(std::move(wanted));
  }

  // The extension: where to go on. Else the newest event of a cache channel, or what is to come.
  Parsed<From> read_position(PusherObject& members, const std::string& channel) {
    const JsonValue* position = members.find("position");
    if (!position) return is_cache_channel(channel) ? From::last(1) : From::latest();
    resuming_.insert(channel);
    if (const auto number = json_integer(*position)) return From::position(*number);
    return parse_from(members.string("position"));
  }

  void unsubscribe(LiveConnection& connection, std::string_view data) {
    auto members = PusherObject::parse(data);
    if (!members) return;
    const std::string channel = members->string("channel");
    const std::string text = channel_text(channel);
    if (asking_.erase(text) == 0) connection.unsubscribe(text);
    resuming_.erase(channel);
  }

  void sign_in(LiveConnection& connection, std::string_view data) {
    auto members = PusherObject::parse(data);
    const std::string user_data = members ? members->string("user_data") : std::string();
    const std::string auth = members ? members->string("auth") : std::string();
    auto user = PusherObject::parse(user_data);
    const std::string id = user ? user->string("id") : std::string();
    const bool good =
        is_signed(connection.live().app, auth, connection.name() + "::user::" + user_data);
    if (!good || id.empty() || id.size() > kUserBytesMax) {
      connection.send(pusher_error(kUnauthorised, "the sign-in is none that is good"));
      return connection.end(kUnauthorised, "the sign-in is none that is good");
    }
    connection.be_user(id);
    std::string answer = "{\"user_data\":";
    render_string(answer, user_data);
    connection.send(message_of("pusher:signin_success", answer + "}"));
  }

  void tell_others(LiveConnection& connection, const std::string& event, PusherObject& members) {
    const std::string channel = members.string("channel");
    if (const auto refused = refuse_client_event(connection, channel)) {
      return connection.send(pusher_error(kClientEventRejected, refused->message));
    }
    if (client_events_.take(1, kClientEventsPerS, kClientEventsPerS, true,
                            std::chrono::steady_clock::now())) {
      return connection.send(
          pusher_error(kClientEventRejected, "more than 10 client events a second"));
    }
    const JsonValue* data = members.find("data");
    LiveEvent told{.type = event, .event = "{\"specversion\":\"1.0\",\"type\":"};
    render_string(told.event, event);
    if (data) {
      told.data = data->text;
      told.event += ",\"data\":" + told.data;
    }
    told.event += '}';
    if (const ChannelMember* member = connection.member_of(channel_text(channel))) {
      told.user = member->user;
    }
    connection.live().hub.tell(channel, event_on(channel, told), connection.number());
  }

  const Farewell refusal_;
  std::set<std::string, std::less<>> asking_;
  std::set<std::string, std::less<>> resuming_;  // channels whose positions are told
  TokenBucket client_events_;
};

}  // namespace

std::unique_ptr<LiveProtocol> pusher_protocol(Farewell refusal) {
  return std::make_unique<PusherProtocol>(std::move(refusal));
}

bool is_cache_channel(std::string_view name) {
  for (const std::string_view beginning : {"private-", "presence-", "encrypted-"}) {
    if (name.starts_with(beginning)) name.remove_prefix(beginning.size());
  }
  return name.starts_with("cache-");
}

}  // namespace strandline::server
