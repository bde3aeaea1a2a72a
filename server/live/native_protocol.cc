#include "server/live/native_protocol.h"

#include "server/http/query.h"
#include "server/http/response.h"
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/live/live_access.h"
#include "server/live/live_form.h"
#include "server/live/publishing.h"

namespace strandline::server {
namespace {

// Close codes (RFC 6455, section 7.4; IANA's registry): 1012 asks a client to come back.
constexpr uint16_t kGoingAway = 1001, kUnsupported = 1003, kPolicy = 1008, kRestart = 1012;

void add_name(std::string& text, std::string_view name, std::string_view value) {
  text += ",\"";
  text += name;
  text += "\":";
  render_string(text, value);
}

void add_count(std::string& text, std::string_view name, uint64_t value) {
  text += ",\"";
  text += name;
  text += "\":";
  append_number(text, value);
}

std::string op_of(std::string_view op) {
  std::string text = "{\"op\":\"";
  text += op;
  text += '"';
  return text;
}

class NativeProtocol : public LiveProtocol {
 public:
  Wording wording() const override { return Wording::native; }
  std::vector<WebSocket::Header> headers(const RequestHead&) override { return {}; }

  void opened(LiveConnection& connection) override {
    const Principal& principal = connection.client().principal;
    if (!principal.user().empty()) connection.be_user(std::string(principal.user()));
    std::string text = op_of("connected");
    add_name(text, "connection", connection.name());
    if (!connection.user().empty()) add_name(text, "user", connection.user());
    connection.send(text + "}");
  }

  void message(LiveConnection& connection, std::string_view text) override {
    auto fields = JsonFields::parse(
        text, {"op", "channel", "from", "type", "presence", "auth", "channel_data", "event", "id"});
    if (!fields) return complain(connection, {"malformed", fields.error()}, {});
    const auto op = fields->string("op");
    if (!op) return complain(connection, {"invalid", op.error()}, {});
    const auto channel = fields->string("channel");
    if (!channel) return complain(connection, {"invalid", channel.error()}, {});
    if (*op == "ping") return connection.send(op_of("pong") + "}");
    using Handle = void (NativeProtocol::*)(LiveConnection&, JsonFields&, Selection);
    const Handle handle = *op == "subscribe"     ? &NativeProtocol::subscribe
                          : *op == "unsubscribe" ? &NativeProtocol::unsubscribe
                          : *op == "publish"     ? &NativeProtocol::publish
                                                 : nullptr;
    if (!handle) {
      return complain(connection,
                      {"invalid", "\"op\" is one of subscribe, unsubscribe, publish and ping"}, {});
    }
    if (!*channel) return complain(connection, {"invalid", "\"channel\" is missing"}, {});
    auto select = parse_channel(**channel);
    if (!select) return complain(connection, {"invalid", select.error()}, **channel);
    if (select->kind == Selection::Kind::stream && !is_own_stream(select->names[0])) {
      const auto good = check_name(select->names[0], connection.service().log.options().limits);
      if (!good) return complain(connection, {"invalid", good.error().message}, **channel);
    }
    (this->*handle)(connection, *fields, std::move(*select));
  }

  void subscribed(LiveConnection& connection, const Subscribing& wanted,
                  std::optional<uint64_t> position, const Available& available,
                  const Hub::Entered& entered) override {
    std::string text = op_of("subscribed");
    add_name(text, "channel", wanted.channel);
    if (position) {
      add_count(text, "position", *position);
      add_count(text, "start", available.start);
      add_count(text, "tail", available.tail);
    }
    connection.send(text + "}");
    if (!wanted.sees_presence) return;
    text = op_of("presence");
    add_name(text, "channel", wanted.channel);
    text += ",\"change\":\"here\",\"members\":[";
    for (const ChannelMember& member : entered.members) {
      if (!text.ends_with('[')) text += ',';
      render_member(text, member);
    }
    connection.send(text + "]}");
  }

  std::unique_ptr<Form> form(const LiveConnection&, std::string channel, Places places) override {
    return native_live_form(std::move(channel), places);
  }

  std::string error(const LiveError& error, std::string_view channel) override {
    std::string text = op_of("error");
    add_name(text, "code", error.code);
    add_name(text, "message", error.message);
    if (!channel.empty()) add_name(text, "channel", channel);
    return text + "}";
  }

  Farewell farewell(Ending why, std::string_view detail) override {
    switch (why) {
      case Ending::drained:
        return {kRestart, "the server restarts: come back"};
      case Ending::too_old:
        return {kGoingAway, "this connection has lived its time: open another"};
      case Ending::not_allowed:
        return {kPolicy, std::string(detail)};
      case Ending::binary:
        return {kUnsupported, "frames are text"};
      case Ending::silent:
        return {kGoingAway, "nothing was heard"};
      case Ending::by_server:
        return {kPolicy, std::string(detail)};
    }
    return {kGoingAway, {}};
  }

  std::string ping() override { return std::string(kPingFrame); }

 private:
  void complain(LiveConnection& connection, const LiveError& what, std::string_view channel) {
    connection.send(error(what, channel));
  }

  void subscribe(LiveConnection& connection, JsonFields& fields, Selection select) {
    const std::string channel = channel_text(select);
    const auto bad = [&](std::string why) {
      complain(connection, {"invalid", std::move(why)}, channel);
    };
    if (connection.is_subscribed(channel) || asking_.contains(channel)) {
      return complain(connection, {"exists", "it is subscribed to this already"}, channel);
    }
    const size_t most = connection.service().options.live_subscriptions_max;
    if (connection.subscriptions() + asking_.size() >= most) {
      return complain(
          connection,
          {"limit", "a connection has at most " + std::to_string(most) + " subscriptions"},
          channel);
    }
    Subscribing wanted{.channel = channel, .select = select};
    wanted.read.select = select;
    auto from = read_from(fields);
    if (!from) return bad(from.error());
    wanted.read.from = *from;
    if (auto types = read_types(fields); types) {
      wanted.read.types = TextFilter(*types);
    } else {
      return bad(types.error());
    }
    Asking asking{.select = std::move(select)};
    if (auto ok = read_token(fields, asking.token); !ok) return bad(ok.error());
    if (auto ok = read_presence(fields, asking); !ok) return bad(ok.error());
    asking_.insert(channel);
    ask_to_subscribe(
        connection, std::move(asking),
        [this, wanted = std::move(wanted)](LiveConnection& there, const MaySubscribe& may) mutable {
          // Unsubscribed meanwhile.
          if (asking_.erase(wanted.channel) == 0) return;
          if (!may) return complain(there, may.error(), wanted.channel);
          begin(there, wanted, *may);
        });
  }

  void begin(LiveConnection& connection, Subscribing wanted,
             const std::optional<ChannelMember>& member) {
    const bool is_one = wanted.select.kind == Selection::Kind::stream;
    const Principal& principal = connection.client().principal;
    wanted.member = member;
    // Whom a token names that the backend has signed.
    if (member && connection.user().empty()) connection.be_user(member->user);
    if (is_one) {
      const std::string& name = wanted.select.names[0];
      const ChannelRule& rule = connection.live().rules.of(name);
      wanted.ephemeral = rule.ephemeral;
      wanted.counts = rule.counts;
      wanted.sees_presence =
          is_presence(name) &&
          (member || (!connection.client().by_app_key && principal.may(Action::presence, name)));
    } else if (!principal.may_everything(Action::read)) {
      wanted.read.visible = [principal](std::string_view stream) {
        return principal.may(Action::read, stream) || principal.may(Action::subscribe, stream);
      };
    }
    connection.subscribe(std::move(wanted));
  }

  void unsubscribe(LiveConnection& connection, JsonFields&, const Selection select) {
    const std::string channel = channel_text(select);
    if (!connection.unsubscribe(channel) && asking_.erase(channel) == 0) {
      return complain(connection, {"not-found", "it is not subscribed to this"}, channel);
    }
    std::string text = op_of("unsubscribed");
    add_name(text, "channel", channel);
    connection.send(text + "}");
  }

  void publish(LiveConnection& connection, JsonFields& fields, const Selection select) {
    const std::string channel = channel_text(select);
    const auto id = fields.string("id");
    const JsonValue* event = fields.find("event");
    if (!id || !event || select.kind != Selection::Kind::stream) {
      return complain(
          connection,
          {"invalid", !id ? id.error() : "a publish names one channel and has an \"event\""},
          channel);
    }
    const std::string named(id->value_or(""));
    publish_event(connection, {.channel = select.names[0], .event = event->text, .id = named},
                  [this, channel, named](LiveConnection& there, const Published& published) {
                    if (!published) return complain(there, published.error(), channel);
                    std::string text = op_of("ack");
                    add_name(text, "channel", channel);
                    if (!named.empty()) add_name(text, "id", named);
                    if (*published) {
                      add_count(text, "offset", (*published)->first.value);
                      add_count(text, "sequence", (*published)->sequence.value);
                    }
                    there.send(text + "}");
                  });
  }

  static Parsed<From> read_from(JsonFields& fields) {
    const JsonValue* from = fields.find("from");
    if (!from) return From::latest();
    if (const auto number = json_integer(*from)) return From::position(*number);
    const auto text = fields.string("from");
    if (!text) return std::unexpected("\"from\" is a position, or earliest, latest, -N or a time");
    return parse_from(std::string(**text));
  }

  static Parsed<std::vector<std::string>> read_types(JsonFields& fields) {
    const JsonValue* type = fields.find("type");
    if (!type) return std::vector<std::string>();
    if (type->kind == JsonKind::array) {
      auto many = fields.strings("type");
      if (!many) return std::unexpected(many.error());
      return std::move(**many);
    }
    const auto one = fields.string("type");
    if (!one) return std::unexpected(one.error());
    return std::vector<std::string>{std::string(**one)};
  }

  static Parsed<> read_token(JsonFields& fields, ChannelToken& token) {
    const auto auth = fields.string("auth");
    if (!auth) return std::unexpected(auth.error());
    const auto data = fields.string("channel_data");
    if (!data) return std::unexpected(data.error());
    token = {std::string(auth->value_or("")), std::string(data->value_or(""))};
    return {};
  }

  // true, or {"info":{...}}: it joins.
  static Parsed<> read_presence(JsonFields& fields, Asking& asking) {
    const JsonValue* presence = fields.find("presence");
    if (!presence) {
      asking.joins = !asking.token.channel_data.empty();
      return {};
    }
    if (presence->kind == JsonKind::boolean) {
      asking.joins = presence->text == "true";
      return {};
    }
    auto inside = JsonFields::parse(presence->text, {"info"});
    if (!inside) return std::unexpected("\"presence\": " + inside.error());
    if (const JsonValue* info = inside->find("info")) asking.info = info->text;
    asking.joins = true;
    return {};
  }

  std::set<std::string, std::less<>> asking_;  // channels about which somebody is asked
};

}  // namespace

std::unique_ptr<LiveProtocol> native_protocol() { return std::make_unique<NativeProtocol>(); }

}  // namespace strandline::server
