// Live clients: the upgrade to a WebSocket, and what a backend asks and says of those who are
// connected (docs/live.md).
#include <fmt/format.h>

#include "engine/api/rfc3339.h"
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/live/live_connection.h"
#include "server/live/native_protocol.h"
#include "server/live/publishing.h"
#include "server/live/pusher_protocol.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/routes/stream_name.h"

namespace strandline::server {
namespace {

constexpr size_t kChannelsDefault = 1'000, kChannelsMax = 10'000;
constexpr uint16_t kEndedByServer = 4009;

Response upgrade_required() {
  Response response = problem(426, "upgrade-required",
                              "this is for WebSockets: ask with Upgrade: websocket (RFC 6455)");
  response.headers = "Upgrade: websocket\r\n";
  return response;
}

bool asks_for_websocket(const Call& call) {
  const std::string_view upgrade = call.header(Header::upgrade);
  return call.request.head.method == "GET" && same_ignoring_case(upgrade, "websocket");
}

void begin_live(Call call, Answer answer, LiveConnection::Client client,
                std::unique_ptr<LiveProtocol> protocol) {
  answer.upgrade([&service = call.service, request = std::move(call.request),
                  client = std::move(client),
                  protocol = std::move(protocol)](Upgraded upgraded) mutable {
    return std::make_shared<LiveConnection>(service, *service.live, std::move(upgraded),
                                            std::move(request), std::move(client),
                                            std::move(protocol));
  });
}

LiveConnection::Client app_client(Call& call) {
  return {.principal = Principal(),
          .account = call.service.quotas.account_of(Principal(), call.request.client.address),
          .by_app_key = true};
}

void render_channel_info(std::string& out, const Hub::ChannelInfo& info) {
  out += "{\"channel\":";
  render_string(out, info.name);
  out += fmt::format(",\"active\":{},\"subscribers\":{}", info.subscribers > 0, info.subscribers);
  if (is_presence(info.name)) out += fmt::format(",\"members\":{}", info.members);
  out += '}';
}

// Of its channels, those of which that principal may know.
void render_connection_info(std::string& out, const Hub::ConnectionInfo& info,
                            const Principal& principal) {
  out += "{\"connection\":\"" + info.name + "\"";
  if (!info.user.empty()) {
    out += ",\"user\":";
    render_string(out, info.user);
  }
  out += ",\"since\":\"" + render_time(info.since) + "\",\"channels\":[";
  for (const std::string& channel : info.channels) {
    if (!principal.may(Action::presence, channel)) continue;
    if (!out.ends_with('[')) out += ',';
    render_string(out, channel);
  }
  out += "]}";
}

Parsed<size_t> take_limit(const Call& call) {
  const auto limit = call.query.number("limit");
  if (!limit) return std::unexpected(limit.error());
  if (*limit && (**limit == 0 || **limit > kChannelsMax)) {
    return std::unexpected("limit is from 1 to " + std::to_string(kChannelsMax));
  }
  return limit->value_or(kChannelsDefault);
}

Response no_such(const std::string& what) {
  return problem({.code = Code::not_found, .message = what}, Asked::reading);
}

// The event of a body that is for live clients alone.
std::expected<LiveEvent, Response> take_live_event(Call& call) {
  LiveEvent told;
  const auto read =
      parse_event(call.body(), [&](std::string_view stream, const NewEvent& event) -> Status {
        if (!stream.empty()) return fail(Code::invalid, "this event is for no stream");
        told = live_event(event, call.body());
        BatchBuilder builder(call.service.log.options().limits);
        return builder.add(event);
      });
  if (!read && read.error().malformed) {
    return std::unexpected(malformed(read.error().error.message));
  }
  if (!read) return std::unexpected(problem(read.error().error, Asked::appending));
  // On one line, as frames have it.
  std::ranges::replace(told.event, '\n', ' ');
  std::ranges::replace(told.event, '\r', ' ');
  return told;
}

// In `$admin`: who ended whose connections.
void write_down_end(const Call& call, const char* what, const std::string& whose, size_t count) {
  call.service.log.record({.type = "strandline.connections.ended",
                           .subject = whose,
                           .details = fmt::format(R"(,"of":"{}","connections":{})", what, count)},
                          call.actor());
}

Response told(size_t connections) {
  return {.body = fmt::format("{{\"connections\":{}}}\n", connections)};
}

}  // namespace

// --- GET /v1/live, and GET /app/{app}/live for whoever has the application's key alone.

void go_live(Call call, Answer answer) {
  if (auto known = call.query.allow({}); !known) return answer.now(malformed(known.error()));
  if (!asks_for_websocket(call)) return answer.now(upgrade_required());
  LiveConnection::Client client{.principal = call.principal, .account = call.account};
  begin_live(std::move(call), std::move(answer), std::move(client), native_protocol());
}

void go_live_by_app(Call call, Answer answer) {
  if (auto known = call.query.allow({}); !known) return answer.now(malformed(known.error()));
  if (!asks_for_websocket(call)) return answer.now(upgrade_required());
  const LiveApp& app = call.service.live->app;
  if (!app.exists() || call.names[0] != app.key) {
    return answer.now(no_such("no application has the key \"" + call.names[0] + "\""));
  }
  LiveConnection::Client client = app_client(call);
  begin_live(std::move(call), std::move(answer), std::move(client), native_protocol());
}

// --- GET /app/{key}: Pusher's clients, which learn of a refusal by a close code.

void go_pusher(Call call, Answer answer) {
  if (!asks_for_websocket(call)) return answer.now(upgrade_required());
  const LiveApp& app = call.service.live->app;
  Farewell refusal{0, {}};
  const auto protocol = call.query.one("protocol");
  if (!app.exists() || call.names[0] != app.key) {
    refusal = {4001, "no application has this key"};
  } else if (!protocol || !*protocol) {
    refusal = {4008, "no protocol version was supplied"};
  } else if (**protocol != "5" && **protocol != "6" && **protocol != "7") {
    refusal = {4007, "protocol 7 is spoken here"};
  }
  LiveConnection::Client client = app_client(call);
  begin_live(std::move(call), std::move(answer), std::move(client),
             pusher_protocol(std::move(refusal)));
}

// --- What there is.

void list_channels(Call call, Answer answer) {
  if (auto known = call.query.allow({"prefix", "after", "limit"}); !known) {
    return answer.now(malformed(known.error()));
  }
  const auto prefix = call.query.one("prefix");
  const auto after = call.query.one("after");
  const auto limit = take_limit(call);
  if (!prefix || !after || !limit) {
    return answer.now(malformed(!prefix ? prefix.error() : !after ? after.error() : limit.error()));
  }
  const auto visible = [&](std::string_view channel) {
    return call.principal.may(Action::presence, channel);
  };
  Response response{.body = "{\"channels\":["};
  const auto found =
      call.service.live->hub.channels(prefix->value_or(""), after->value_or(""), *limit, visible);
  for (const Hub::ChannelInfo& info : found) {
    if (!response.body.ends_with('[')) response.body += ',';
    render_channel_info(response.body, info);
  }
  response.body += "]}\n";
  answer.now(std::move(response));
}

void get_channel(Call call, Answer answer) {
  if (auto known = call.query.allow({}); !known) return answer.now(malformed(known.error()));
  Response response;
  render_channel_info(response.body, call.service.live->hub.channel(call.names[0]));
  response.body += '\n';
  answer.now(std::move(response));
}

void list_members(Call call, Answer answer) {
  if (auto known = call.query.allow({}); !known) return answer.now(malformed(known.error()));
  if (!is_presence(call.names[0])) {
    return answer.now(
        problem({.code = Code::invalid,
                 .message = "who is there is known of channels that begin with presence-, and \"" +
                            call.names[0] + "\" does not"},
                Asked::reading));
  }
  Response response{.body = "{\"channel\":"};
  render_string(response.body, call.names[0]);
  response.body += ",\"members\":[";
  for (const ChannelMember& member : call.service.live->hub.members(call.names[0])) {
    if (!response.body.ends_with('[')) response.body += ',';
    render_member(response.body, member);
  }
  response.body += "]}\n";
  answer.now(std::move(response));
}

namespace {

void print_connections(Call call, Answer answer, const std::string* channel) {
  if (auto known = call.query.allow({"limit"}); !known) {
    return answer.now(malformed(known.error()));
  }
  const auto limit = take_limit(call);
  if (!limit) return answer.now(malformed(limit.error()));
  Response response{.body = "{"};
  if (channel) {
    response.body += "\"channel\":";
    render_string(response.body, *channel);
    response.body += ',';
  }
  response.body += "\"connections\":[";
  for (const auto& info : call.service.live->hub.connections(channel, Hub::kNobody, *limit)) {
    if (!response.body.ends_with('[')) response.body += ',';
    render_connection_info(response.body, info, call.principal);
  }
  response.body += "]}\n";
  answer.now(std::move(response));
}

}  // namespace

void list_channel_connections(Call call, Answer answer) {
  const std::string channel = call.names[0];
  print_connections(std::move(call), std::move(answer), &channel);
}

void list_connections(Call call, Answer answer) {
  print_connections(std::move(call), std::move(answer), nullptr);
}

void get_connection(Call call, Answer answer) {
  if (auto known = call.query.allow({}); !known) return answer.now(malformed(known.error()));
  const auto info = call.service.live->hub.connection(call.names[0]);
  if (!info) return answer.now(no_such("no connection \"" + call.names[0] + "\""));
  Response response;
  render_connection_info(response.body, *info, call.principal);
  response.body += '\n';
  answer.now(std::move(response));
}

// --- To one user, or to one connection.

void tell_user(Call call, Answer answer) {
  auto event = take_live_event(call);
  if (!event) return answer.now(std::move(event.error()));
  const std::string& user = call.names[0];
  answer.now(told(call.service.live->hub.tell_user(user, event_to_user(user, *event))));
}

void tell_connection(Call call, Answer answer) {
  auto event = take_live_event(call);
  if (!event) return answer.now(std::move(event.error()));
  const std::string& name = call.names[0];
  const size_t count =
      call.service.live->hub.tell_connection(name, event_to_connection(name, *event));
  if (count == 0) return answer.now(no_such("no connection \"" + name + "\""));
  answer.now(told(count));
}

void end_user(Call call, Answer answer) {
  const std::string& user = call.names[0];
  const size_t count = call.service.live->hub.end_user(user, kEndedByServer, "ended by the server");
  write_down_end(call, "user", user, count);
  answer.now(told(count));
}

void end_connection(Call call, Answer answer) {
  const std::string& name = call.names[0];
  const size_t count =
      call.service.live->hub.end_connection(name, kEndedByServer, "ended by the server");
  if (count == 0) return answer.now(no_such("no connection \"" + name + "\""));
  write_down_end(call, "connection", name, count);
  answer.now(told(count));
}

}  // namespace strandline::server
