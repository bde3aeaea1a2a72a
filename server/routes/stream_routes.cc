// PUT, GET, PATCH and DELETE /v1/streams/{s}, GET /v1/streams, POST /v1/streams/{s}/truncate.
#include "engine/api/rfc3339.h"
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/routes/stream_name.h"
#include "server/wire/policy_json.h"

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
  if (!info.settings.policy.empty()) {
    out += ",\"policy\":";
    render_policy(out, info.settings.policy);
  }
  if (!info.effective.empty()) {
    out += ",\"effective\":";
    render_effective(out, info.effective);
  }
  if (info.hold) {
    out += ",\"held_by\":";
    render_string(out, info.hold->name);
  }
  out += '}';
}

Response print_stream(unsigned status, const StreamInfo& info) {
  Response response{.status = status};
  render_stream(response.body, info);
  response.body += '\n';
  return response;
}

// What is common to the routes of one stream: no parameters, and a name that may be one.
std::optional<Response> check(const Call& call) {
  if (auto known = call.query.allow({}); !known) return malformed(known.error());
  return check_stream_name(call.service, call.names[0]);
}

Response put(Call& call) {
  if (auto refused = check(call)) return std::move(*refused);
  const auto text = take_json_text(call);
  if (!text) return std::move(text.error());
  auto request = read_policy(*text, {"description"});
  if (!request) return not_valid(request.error());
  const StreamSettings settings{.description = request->texts["description"],
                                .policy = changed({}, request->change)};

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
    if (there && there->settings == settings) return print_stream(200, *there);
  }
  return problem(created.error(), Asked::changing);
}

Response patch(Call& call) {
  if (auto refused = check(call)) return std::move(*refused);
  const auto text = take_json_text(call);
  if (!text) return std::move(text.error());
  auto request = read_policy(*text, {"description"});
  if (!request) return not_valid(request.error());
  StreamChange change{.policy = std::move(request->change)};
  const auto description = request->texts.find("description");
  if (description != request->texts.end()) change.description = description->second;
  const auto info = call.service.log.change_stream(call.names[0], std::move(change), call.actor());
  return info ? print_stream(200, *info) : problem(info.error(), Asked::changing);
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

// The first offset to keep, or the first of an event that was stored at or after a moment.
std::expected<Offset, Response> read_before(const Call& call, JsonFields& fields) {
  const auto before = fields.number("before");
  if (!before) return std::unexpected(not_valid(before.error()));
  const auto time = fields.string("before_time");
  if (!time) return std::unexpected(not_valid(time.error()));
  if (before->has_value() == time->has_value()) {
    return std::unexpected(
        not_valid("a truncation has \"before\", the first offset to keep, or \"before_time\""));
  }
  if (*before) return Offset(**before);
  const auto moment = parse_time(**time);
  if (!moment) {
    return std::unexpected(not_valid("\"before_time\": " + moment.error().message));
  }
  auto offset = call.service.log.offset_at(call.names[0], *moment);
  if (!offset) return std::unexpected(problem(offset.error(), Asked::changing));
  return *offset;
}

Response truncate(Call& call) {
  if (auto refused = check(call)) return std::move(*refused);
  auto fields = take_object(call, {"before", "before_time", "dry_run"});
  if (!fields) return std::move(fields.error());
  const auto dry_run = fields->boolean("dry_run");
  if (!dry_run) return not_valid(dry_run.error());
  const auto before = read_before(call, *fields);
  if (!before) return std::move(before.error());
  const auto taken =
      call.service.log.truncate(call.names[0], *before, dry_run->value_or(false), call.actor());
  if (!taken) return problem(taken.error(), Asked::changing);
  Response response;
  response.body = "{\"start\":" + std::to_string(taken->start.value) +
                  ",\"events\":" + std::to_string(taken->events) +
                  ",\"bytes\":" + std::to_string(taken->bytes) +
                  (dry_run->value_or(false) ? ",\"dry_run\":true}\n" : "}\n");
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
void patch_stream(Call call, Answer answer) { in_pool(std::move(call), std::move(answer), patch); }
void delete_stream(Call call, Answer answer) {
  in_pool(std::move(call), std::move(answer), remove);
}
void list_streams(Call call, Answer answer) { in_pool(std::move(call), std::move(answer), list); }
void truncate_stream(Call call, Answer answer) {
  in_pool(std::move(call), std::move(answer), truncate);
}

}  // namespace strandline::server
