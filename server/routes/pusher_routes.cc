// Pusher's HTTP API (https://pusher.com/docs/channels/library_auth_reference/rest-api/), as its
// server libraries speak it: /apps/{id}/...
//
// Who asks shows no key of the log's: each request is signed with the application's secret, over
// its method, its path, and its query, sorted; `body_md5` is its body's, `auth_timestamp` is within
// 600 seconds. What the secret's owner may is everything that is live: to publish on every channel,
// and to look at every one. *Errors*: 401 with a sentence, 400, 404.
#include <fmt/format.h>

#include <algorithm>

#include "engine/api/event_rules.h"
#include "server/connection/app_signature.h"
#include "server/json/json_reader.h"
#include "server/json/json_writer.h"
#include "server/live/live_access.h"
#include "server/live/live_form.h"
#include "server/live/publishing.h"
#include "server/routes/handlers.h"

namespace strandline::server {
namespace {

constexpr size_t kTriggerChannelsMax = 100, kBatchMax = 10, kPusherNameBytesMax = 200;

// Null: the body is the one that was signed. (That the head is, admission has seen.)
std::optional<Response> refuse_other_body(const Call& call) {
  const auto md5 = call.query.one("body_md5");
  if (call.body().empty() || (md5 && *md5 && are_same_bytes(**md5, hex_of(md5_of(call.body()))))) {
    return std::nullopt;
  }
  return pusher_refusal(401, "body_md5 is not that of the body");
}

struct Triggered {
  std::vector<std::string> channels;
  std::string name;
  std::string data;
  std::string except;  // a connection's name
};

std::expected<Triggered, std::string> read_trigger(std::string_view json) {
  JsonReader reader;
  const auto kind = reader.parse(json);
  if (!kind) return std::unexpected(kind.error());
  if (*kind != JsonKind::object) return std::unexpected("an event is an object");
  Triggered event;
  for (const JsonMember& member : reader.members()) {
    const bool text = member.value.kind == JsonKind::string;
    if (member.name == "name" && text) {
      event.name = reader.string(member.value);
    } else if (member.name == "data" && text) {
      event.data = reader.string(member.value);
    } else if (member.name == "socket_id" && text) {
      event.except = reader.string(member.value);
    } else if (member.name == "channel" && text) {
      event.channels.emplace_back(reader.string(member.value));
    } else if (member.name == "channels" && member.value.kind == JsonKind::array) {
      JsonReader elements;
      if (!elements.parse(member.value.text)) return std::unexpected("channels are an array");
      for (const JsonMember& element : elements.members()) {
        if (element.value.kind != JsonKind::string) {
          return std::unexpected("channels are an array of strings");
        }
        event.channels.emplace_back(elements.string(element.value));
      }
    }
  }
  if (event.name.empty() || event.name.size() > kPusherNameBytesMax) {
    return std::unexpected("an event has a \"name\", of 200 bytes at most");
  }
  if (event.channels.empty() || event.channels.size() > kTriggerChannelsMax) {
    return std::unexpected("an event is for 1 to 100 \"channels\"");
  }
  return event;
}

// One event as the log keeps it: what is JSON as such, and anything else as text.
struct Kept {
  explicit Kept(const Triggered& event) {
    const bool json = json_form_of(event.data).has_value();
    data = json ? std::string(without_json_space(event.data)) : event.data;
    stored = {.type = event.name, .form = json ? DataForm::json : DataForm::text};
    if (!json) stored.datacontenttype = "text/plain";
    if (event.data.empty()) stored = {.type = event.name};
    stored.data = data;
    if (!event.except.empty()) {
      stored.attributes.push_back({.name = kExceptAttribute, .text = event.except});
    }
  }
  LiveEvent told() const {
    std::string json = "{\"specversion\":\"1.0\",\"type\":";
    render_string(json, stored.type);
    LiveEvent event = live_event(stored, {});
    if (!event.data.empty()) json += ",\"data\":" + event.data;
    event.event = json + "}";
    return event;
  }

  std::string data;
  NewEvent stored;
};

// All of it or nothing, of what is kept; what is not is told behind that.
void trigger(Call call, Answer answer, std::vector<Triggered> events, std::string_view done) {
  Live& live = *call.service.live;
  const Limits& limits = call.service.log.options().limits;
  AppendMany many;
  std::vector<std::pair<std::string, LiveEvent>> telling;
  std::vector<uint64_t> excepted;
  for (const Triggered& event : events) {
    const Kept kept(event);
    for (const std::string& channel : event.channels) {
      if (channel.starts_with(kPusherUserPrefix) || live.rules.of(channel).ephemeral ||
          is_client_event(event.name)) {
        telling.emplace_back(channel, kept.told());
        excepted.push_back(live.hub.number_of(event.except));
        continue;
      }
      if (is_private(channel) && !call.service.is_guarded()) {
        return answer.now(pusher_refusal(
            403,
            "private and presence channels need access control, which is off: `strandline "
            "keys create` turns it on"));
      }
      auto batch = Batch::of({kept.stored}, limits);
      if (!batch) return answer.now(pusher_refusal(400, batch.error().message));
      many.parts.push_back({.stream = channel, .batch = std::move(*batch)});
    }
  }
  const auto tell = [&live, telling = std::move(telling), excepted = std::move(excepted)] {
    for (size_t i = 0; i < telling.size(); ++i) {
      const auto& [channel, event] = telling[i];
      if (channel.starts_with(kPusherUserPrefix)) {
        const std::string user = channel.substr(kPusherUserPrefix.size());
        live.hub.tell_user(user, event_to_user(user, event));
      } else {
        live.hub.tell(channel, event_on(channel, event), excepted[i]);
      }
    }
  };
  Response response{.body = std::string(done)};
  if (many.parts.empty()) {
    tell();
    return answer.now(std::move(response));
  }
  Service& service = call.service;
  service.log.append(std::move(many),
                     answer.owe<std::vector<Appended>>(
                         service,
                         [tell, response = std::move(response)](
                             Result<std::vector<Appended>> appended) -> Response {
                           if (!appended) {
                             const Response why = problem(appended.error(), Asked::appending);
                             return pusher_refusal(why.status, appended.error().message);
                           }
                           tell();
                           return response;
                         }));
}

void render_counts(std::string& out, const Hub::ChannelInfo& info, std::string_view wanted) {
  if (wanted.contains("user_count") && is_presence(info.name)) {
    out += fmt::format("\"user_count\":{}", info.members);
  }
  if (wanted.contains("subscription_count")) {
    if (!out.ends_with('{')) out += ',';
    out += fmt::format("\"subscription_count\":{}", info.subscribers);
  }
}

}  // namespace

void pusher_trigger(Call call, Answer answer) {
  if (auto refused = refuse_other_body(call)) return answer.now(std::move(*refused));
  auto event = read_trigger(call.body());
  if (!event) return answer.now(pusher_refusal(400, event.error()));
  trigger(std::move(call), std::move(answer), {std::move(*event)}, "{}\n");
}

void pusher_batch(Call call, Answer answer) {
  if (auto refused = refuse_other_body(call)) return answer.now(std::move(*refused));
  JsonReader reader;
  const auto kind = reader.parse(call.body());
  std::vector<Triggered> events;
  for (const JsonMember& member : reader.members()) {
    if (!kind || member.name != "batch" || member.value.kind != JsonKind::array) continue;
    JsonReader elements;
    if (!elements.parse(member.value.text)) break;
    for (const JsonMember& element : elements.members()) {
      auto event = read_trigger(element.value.text);
      if (!event) return answer.now(pusher_refusal(400, event.error()));
      events.push_back(std::move(*event));
    }
  }
  if (events.empty() || events.size() > kBatchMax) {
    return answer.now(pusher_refusal(400, "a \"batch\" is an array of 1 to 10 events"));
  }
  trigger(std::move(call), std::move(answer), std::move(events), "{\"batch\":[]}\n");
}

void pusher_channels(Call call, Answer answer) {
  if (auto refused = refuse_other_body(call)) return answer.now(std::move(*refused));
  const auto prefix = call.query.one("filter_by_prefix");
  const auto wanted = call.query.one("info");
  if (!prefix || !wanted) return answer.now(pusher_refusal(400, "a parameter occurs twice"));
  const auto found = call.service.live->hub.channels(prefix->value_or(""), "", SIZE_MAX,
                                                     [](std::string_view) { return true; });
  Response response{.body = "{\"channels\":{"};
  for (const Hub::ChannelInfo& info : found) {
    if (!response.body.ends_with('{')) response.body += ',';
    render_string(response.body, info.name);
    response.body += ":{";
    render_counts(response.body, info, wanted->value_or(""));
    response.body += '}';
  }
  response.body += "}}\n";
  answer.now(std::move(response));
}

void pusher_channel(Call call, Answer answer) {
  if (auto refused = refuse_other_body(call)) return answer.now(std::move(*refused));
  const auto wanted = call.query.one("info");
  if (!wanted) return answer.now(pusher_refusal(400, wanted.error()));
  const Hub::ChannelInfo info = call.service.live->hub.channel(call.names[1]);
  std::string counts = "{";
  render_counts(counts, info, wanted->value_or(""));
  Response response{.body = fmt::format("{{\"occupied\":{}", info.subscribers > 0)};
  if (counts.size() > 1) response.body += "," + counts.substr(1);
  response.body += "}\n";
  answer.now(std::move(response));
}

void pusher_users(Call call, Answer answer) {
  if (auto refused = refuse_other_body(call)) return answer.now(std::move(*refused));
  if (!is_presence(call.names[1])) {
    return answer.now(pusher_refusal(400, "users are known of presence channels"));
  }
  Response response{.body = "{\"users\":["};
  for (const ChannelMember& member : call.service.live->hub.members(call.names[1])) {
    if (!response.body.ends_with('[')) response.body += ',';
    response.body += "{\"id\":";
    render_string(response.body, member.user);
    response.body += '}';
  }
  response.body += "]}\n";
  answer.now(std::move(response));
}

void pusher_terminate(Call call, Answer answer) {
  if (auto refused = refuse_other_body(call)) return answer.now(std::move(*refused));
  const std::string& user = call.names[1];
  const size_t count = call.service.live->hub.end_user(user, 4009, "ended by the server");
  call.service.log.record({.type = "strandline.connections.ended",
                           .subject = user,
                           .details = fmt::format(R"(,"of":"user","connections":{})", count)},
                          Principal().actor(call.request.client.address));
  answer.now({.body = "{}\n"});
}

}  // namespace strandline::server
