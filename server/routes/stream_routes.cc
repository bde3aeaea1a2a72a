// PUT, GET and DELETE /v1/streams/{s}, GET /v1/streams, POST /v1/streams/{s}/truncate.
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"
#include "server/routes/stream_name.h"

namespace strandline::server {
namespace {

constexpr size_t kStreamsDefault = 100;
constexpr size_t kStreamsMax = 1'000;

void render_stream(std::string& out, const StreamInfo& info) {
  const auto number = [&](std::string_view name, uint64_t value) {
    out += ",\"";
    out += name;
    out += "\":";
    append_number(out, value);
  };
  out += "{\"stream\":";
  render_string(out, info.name);
  number("start", info.start.value);
  number("tail", info.tail.value);
  number("events", info.events);
  number("bytes", info.bytes);
  out += ",\"created\":\"" + render_time(info.created) + "\",\"last_stored\":";
  out += info.last_stored ? "\"" + render_time(*info.last_stored) + "\"" : "null";
  out += ",\"description\":";
  render_string(out, info.settings.description);
  out += '}';
}

Response print_stream(unsigned status, const StreamInfo& info) {
  Response response{.status = status};
  render_stream(response.body, info);
  response.body += '\n';
  return response;
}

Response invalid(std::string why) {
  return problem({.code = Code::invalid, .message = std::move(why)}, Asked::changing);
}

// What is common to the routes of one stream: no parameters, and a name that may be one.
std::optional<Response> check(const Call& call) {
  if (auto known = call.query.allow({}); !known) return malformed(known.error());
  return check_stream_name(call.service, call.names[0]);
}

// The body as an object of these members; an empty body is an object of none.
std::expected<JsonFields, Response> take_fields(const Call& call,
                                                std::initializer_list<std::string_view> known) {
  if (!call.body().empty() && !is_json_body(call)) {
    return std::unexpected(unsupported_type(call, "application/json"));
  }
  const std::string_view json = call.body().empty() ? std::string_view("{}") : call.body();
  JsonReader reader;
  if (const auto kind = reader.parse(json); !kind) return std::unexpected(malformed(kind.error()));
  auto fields = JsonFields::parse(json, known);
  if (!fields) return std::unexpected(invalid(fields.error()));
  return std::move(*fields);
}

Response put(Call& call) {
  if (auto refused = check(call)) return std::move(*refused);
  auto fields = take_fields(call, {"description"});
  if (!fields) return std::move(fields.error());
  const auto description = fields->string("description");
  if (!description) return invalid(description.error());
  const StreamSettings settings{.description = std::string(description->value_or(""))};

  Log& log = call.service.log;
  const auto created = log.create_stream(call.names[0], settings, call.actor());
  if (created) {
    Response response = print_stream(201, *created);
    response.headers = location({"/v1/streams/", call.names[0]});
    return response;
  }
  if (created.error().code == Code::exists) {
    // A PUT that is sent again finds what it made.
    const auto there = log.describe(call.names[0]);
    if (there && there->settings.description == settings.description) {
      return print_stream(200, *there);
    }
  }
  return problem(created.error(), Asked::changing);
}

Response get(Call& call) {
  if (auto known = call.query.allow({}); !known) return malformed(known.error());
  if (auto refused = check_read_name(call.service, call.names[0])) return std::move(*refused);
  const auto info = call.service.log.describe(call.names[0]);
  return info ? print_stream(200, *info) : problem(info.error(), Asked::reading);
}

Response remove(Call& call) {
  if (auto refused = check(call)) return std::move(*refused);
  const auto removed = call.service.log.delete_stream(call.names[0], call.actor());
  if (!removed) return problem(removed.error(), Asked::changing);
  return Response{.status = 204, .content_type = {}};
}

Response truncate(Call& call) {
  if (auto refused = check(call)) return std::move(*refused);
  auto fields = take_fields(call, {"before"});
  if (!fields) return std::move(fields.error());
  const auto before = fields->number("before");
  if (!before) return invalid(before.error());
  if (!*before) return invalid("a truncation has \"before\": the first offset to keep");
  const auto start = call.service.log.truncate(call.names[0], Offset(**before), call.actor());
  if (!start) return problem(start.error(), Asked::changing);
  Response response;
  response.body = "{\"start\":" + std::to_string(start->value) + "}\n";
  return response;
}

// Those that who asks may read: `limit` of them, where there are as many.
std::vector<StreamInfo> visible_streams(const Call& call, const std::string& prefix,
                                        std::string after, size_t limit) {
  const Log& log = call.service.log;
  if (!call.principal.key()) return log.list(prefix, after, limit);
  std::vector<StreamInfo> visible;
  while (true) {
    auto page = log.list(prefix, after, limit);
    const bool last = page.size() < limit;
    if (!page.empty()) after = page.back().name;
    for (StreamInfo& stream : page) {
      if (visible.size() < limit && call.principal.may(Action::read, stream.name)) {
        visible.push_back(std::move(stream));
      }
    }
    if (last || visible.size() == limit) return visible;
  }
}

Response list(Call& call) {
  if (auto known = call.query.allow({"prefix", "after", "limit"}); !known) {
    return malformed(known.error());
  }
  const auto prefix = call.query.one("prefix");
  if (!prefix) return malformed(prefix.error());
  const auto after = call.query.one("after");
  if (!after) return malformed(after.error());
  const auto limit = call.query.number("limit");
  if (!limit) return malformed(limit.error());
  const uint64_t most = limit->value_or(kStreamsDefault);
  if (most == 0 || most > kStreamsMax) {
    return malformed("limit is from 1 to " + std::to_string(kStreamsMax));
  }
  // One more than asked for tells whether there is a next page.
  auto streams = visible_streams(call, prefix->value_or(""), after->value_or(""), most + 1);
  const bool more = streams.size() > most;
  if (more) streams.pop_back();
  Response response;
  response.body = "{\"streams\":[";
  for (const StreamInfo& stream : streams) {
    if (&stream != streams.data()) response.body += ',';
    render_stream(response.body, stream);
  }
  response.body += ']';
  if (more) {
    response.body += ",\"next_after\":";
    render_string(response.body, streams.back().name);
  }
  response.body += "}\n";
  return response;
}

void in_pool(Call call, Answer answer, Response (*run)(Call&)) {
  Service& service = call.service;
  answer.block(service, [run, call = std::move(call)]() mutable { return run(call); });
}

}  // namespace

void put_stream(Call call, Answer answer) { in_pool(std::move(call), std::move(answer), put); }
void get_stream(Call call, Answer answer) { in_pool(std::move(call), std::move(answer), get); }
void delete_stream(Call call, Answer answer) {
  in_pool(std::move(call), std::move(answer), remove);
}
void list_streams(Call call, Answer answer) { in_pool(std::move(call), std::move(answer), list); }
void truncate_stream(Call call, Answer answer) {
  in_pool(std::move(call), std::move(answer), truncate);
}

}  // namespace strandline::server
