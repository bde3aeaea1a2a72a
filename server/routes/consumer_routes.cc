// PUT, GET, PATCH and DELETE /v1/consumers/{c}, GET /v1/consumers, and POST .../join, /leave,
// /reset, /skip and /replay; GET .../dead-letters.
//
// All of it waits for the log, and so runs in the pool.
#include "server/connection/checked.h"
#include "server/json/json_writer.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/cloudevents.h"
#include "server/wire/consumer_json.h"

namespace strandline::server {
namespace {

constexpr size_t kConsumersDefault = 100;
constexpr size_t kConsumersMax = 10'000;
constexpr size_t kDeadLettersMax = 1'000;

Response print_consumer(unsigned status, const ConsumerInfo& info) {
  Response response{.status = status};
  render_consumer(response.body, info);
  response.body += '\n';
  return response;
}

Response print_number(std::string_view name, uint64_t number) {
  Response response;
  response.body = "{\"" + std::string(name) + "\":" + std::to_string(number) + "}\n";
  return response;
}

std::expected<NewConsumer, Response> take_consumer(Call& call) {
  if (auto none = call.query.allow({}); !none) return std::unexpected(malformed(none.error()));
  auto text = take_json_text(call);
  if (!text) return std::unexpected(std::move(text.error()));
  auto settings = read_consumer_settings(*text);
  if (!settings) return std::unexpected(not_valid(settings.error()));
  return NewConsumer{.name = call.names[0], .settings = std::move(*settings)};
}

Response create_consumer(Log& log, const NewConsumer& consumer, const Actor& by) {
  const auto created = log.create_consumer(consumer.name, consumer.settings, by);
  if (created) {
    Response response = print_consumer(201, *created);
    response.headers = location({"/v1/consumers/", consumer.name});
    return response;
  }
  if (created.error().code == Code::exists) {
    // A PUT that is sent again finds what it made.
    const auto there = log.describe_consumer(consumer.name);
    if (there && same_settings(consumer.settings, *there)) return print_consumer(200, *there);
    return problem({.code = Code::exists,
                    .message = created.error().message +
                               " with other settings: PATCH changes its bounds; what it reads "
                               "and how never changes: delete it, or take another name"},
                   Asked::changing);
  }
  return problem(created.error(), Asked::changing);
}

Response show_consumer(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const auto info = call.service.log.describe_consumer(call.names[0]);
  return info ? print_consumer(200, *info) : problem(info.error(), Asked::reading);
}

Response change_consumer(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  auto text = take_json_text(call);
  if (!text) return std::move(text.error());
  const auto change = read_consumer_change(*text);
  if (!change) return not_valid(change.error());
  const auto info = call.service.log.update_consumer(call.names[0], *change, call.actor());
  return info ? print_consumer(200, *info) : problem(info.error(), Asked::changing);
}

Response remove_consumer(Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const auto removed = call.service.log.delete_consumer(call.names[0], call.actor());
  if (!removed) return problem(removed.error(), Asked::changing);
  return Response{.status = 204, .content_type = {}};
}

void render_positions(std::string& out, const std::vector<ConsumerPosition>& positions) {
  out += "\"positions\":[";
  for (const auto& position : positions) {
    if (&position != positions.data()) out += ',';
    out += "{\"consumer\":";
    render_string(out, position.consumer);
    out += ",\"stream\":";
    render_string(out, position.stream);
    out += ",\"next\":";
    append_number(out, position.next);
    out += ",\"committed\":\"" + render_time(position.committed) + '"';
    if (!position.metadata.empty()) {
      out += ",\"metadata\":";
      render_string(out, position.metadata);
    }
    out += '}';
  }
  out += ']';
}

// Those that who asks may use: `limit` of them, where there are as many.
Result<std::vector<ConsumerInfo>> visible_consumers(const Call& call, const std::string& prefix,
                                                    std::string after, size_t limit) {
  const Log& log = call.service.log;
  if (!call.principal.key()) return log.consumers(prefix, after, limit);
  std::vector<ConsumerInfo> visible;
  while (true) {
    auto page = log.consumers(prefix, after, limit);
    if (!page) return page;
    const bool last = page->size() < limit;
    if (!page->empty()) after = page->back().name;
    for (ConsumerInfo& info : *page) {
      if (visible.size() < limit && may_use(call.principal, info.settings)) {
        visible.push_back(std::move(info));
      }
    }
    if (last || visible.size() == limit) return visible;
  }
}

std::vector<ConsumerPosition> visible_positions(const Call& call, const std::string& prefix,
                                                size_t limit) {
  const Log& log = call.service.log;
  const Principal& principal = call.principal;
  if (!principal.key()) return log.positions(prefix, limit);
  auto positions = log.positions(prefix, SIZE_MAX);
  std::erase_if(positions, [&](const ConsumerPosition& one) {
    if (const auto settings = log.consumer_settings(one.consumer)) {
      return !may_use(principal, *settings);
    }
    return !principal.may(Action::consume, one.stream);
  });
  if (positions.size() > limit) positions.resize(limit);
  return positions;
}

// Named consumers, and committed positions, those of exclusive consumers among them. Positions
// come with the first page.
Response list_all_consumers(Call& call) {
  if (auto known = call.query.allow({"prefix", "after", "limit"}); !known) {
    return malformed(known.error());
  }
  const auto prefix = call.query.one("prefix");
  if (!prefix) return malformed(prefix.error());
  const auto after = call.query.one("after");
  if (!after) return malformed(after.error());
  const auto limit = call.query.number("limit");
  if (!limit) return malformed(limit.error());
  const uint64_t most = limit->value_or(kConsumersDefault);
  if (most == 0 || most > kConsumersMax) {
    return malformed("limit is from 1 to " + std::to_string(kConsumersMax));
  }
  // One more than asked for tells whether there is a next page.
  auto consumers = visible_consumers(call, prefix->value_or(""), after->value_or(""), most + 1);
  if (!consumers) return problem(consumers.error(), Asked::reading);
  const bool more = consumers->size() > most;
  if (more) consumers->pop_back();
  Response response;
  response.body = "{\"consumers\":[";
  for (const ConsumerInfo& info : *consumers) {
    if (&info != consumers->data()) response.body += ',';
    render_consumer(response.body, info);
  }
  response.body += "],";
  render_positions(response.body, *after ? std::vector<ConsumerPosition>()
                                         : visible_positions(call, prefix->value_or(""), most));
  if (more) {
    response.body += ",\"next_after\":";
    render_string(response.body, consumers->back().name);
  }
  response.body += "}\n";
  return response;
}

Response join_as_member(Call& call) {
  auto fields = take_object(call, {});
  if (!fields) return std::move(fields.error());
  const auto joined = call.service.log.join(call.names[0]);
  if (!joined) return problem(joined.error(), Asked::changing);
  Response response;
  response.body = "{\"epoch\":" + std::to_string(joined->epoch) +
                  ",\"position\":" + std::to_string(joined->position) + "}\n";
  return response;
}

Response leave_as_member(Call& call) {
  auto fields = take_object(call, {"epoch", "untried"});
  if (!fields) return std::move(fields.error());
  const auto epoch = fields->number("epoch");
  if (!epoch) return not_valid(epoch.error());
  const auto untried = fields->boolean("untried");
  if (!untried) return not_valid(untried.error());
  if (!*epoch) return not_valid("\"epoch\" is missing: what joining answered");
  const auto left = call.service.log.leave(call.names[0], **epoch, untried->value_or(false));
  if (!left) return problem(left.error(), Asked::changing);
  return Response{.status = 204, .content_type = {}};
}

Response move_consumer(Call& call) {
  auto fields = take_object(call, {"from"});
  if (!fields) return std::move(fields.error());
  const JsonValue* value = fields->find("from");
  if (!value) {
    return not_valid("a reset has \"from\": a position, earliest, latest, -N or a time");
  }
  From from;
  if (const auto position = json_integer(*value)) {
    from = From::position(*position);
  } else {
    const auto text = fields->string("from");
    if (!text) return not_valid(text.error());
    const auto parsed = parse_from(std::string(**text));
    if (!parsed) return not_valid(parsed.error());
    from = *parsed;
  }
  const auto info = call.service.log.reset_consumer(call.names[0], from, call.actor());
  if (info) return print_consumer(200, *info);
  if (info.error().code != Code::not_found) return problem(info.error(), Asked::changing);
  // A reader that looks after its positions by itself.
  const auto positions = call.service.log.reset_positions(call.names[0], from, call.actor());
  if (!positions) return problem(positions.error(), Asked::changing);
  Response response;
  response.body = "{";
  render_positions(response.body, *positions);
  response.body += "}\n";
  return response;
}

Response skip_events(Call& call) {
  auto fields = take_object(call, {"position", "count", "reason"});
  if (!fields) return std::move(fields.error());
  const auto position = fields->number("position");
  if (!position) return not_valid(position.error());
  const auto count = fields->number("count");
  if (!count) return not_valid(count.error());
  const auto reason = fields->string("reason");
  if (!reason) return not_valid(reason.error());
  const auto skipped = call.service.log.skip({.consumer = call.names[0],
                                              .position = *position,
                                              .count = count->value_or(1),
                                              .reason = std::string(reason->value_or(""))},
                                             call.actor());
  if (!skipped) return problem(skipped.error(), Asked::changing);
  Response response;
  response.body = "{\"skipped\":" + std::to_string(skipped->skipped) +
                  ",\"position\":" + std::to_string(skipped->position) + "}\n";
  return response;
}

Response replay_dead_letters(Call& call) {
  auto fields = take_object(call, {"limit"});
  if (!fields) return std::move(fields.error());
  const auto limit = fields->number("limit");
  if (!limit) return not_valid(limit.error());
  const auto replayed =
      call.service.log.replay(call.names[0], limit->value_or(UINT64_MAX), call.actor());
  if (!replayed) return problem(replayed.error(), Asked::changing);
  return print_number("replayed", *replayed);
}

// The copy of one, from the dead-letter stream; null where it is gone from there.
void render_dead_letter(std::string& out, const Log& log, const std::string& stream,
                        const DeadLetter& letter) {
  out += "{\"position\":";
  append_number(out, letter.position);
  out += ",\"offset\":";
  append_number(out, letter.at.value);
  out += ",\"event\":";
  auto cursor = log.read(
      {.select = Selection::stream(stream), .from = From::offset(letter.at), .events_max = 1});
  if (cursor) {
    const auto delivery = (*cursor)->next();
    const auto* events = delivery && *delivery ? std::get_if<Events>(&**delivery) : nullptr;
    if (events && events->first() == letter.at) {
      render_event(out, stream, (*events)[0]);
      out += '}';
      return;
    }
  }
  out += "null}";
}

Response show_dead_letters(Call& call) {
  if (auto known = call.query.allow({"from", "limit"}); !known) return malformed(known.error());
  const auto from = call.query.number("from");
  if (!from) return malformed(from.error());
  const auto limit = call.query.number("limit");
  if (!limit) return malformed(limit.error());
  const uint64_t most = limit->value_or(kConsumersDefault);
  if (most == 0 || most > kDeadLettersMax) {
    return malformed("limit is from 1 to " + std::to_string(kDeadLettersMax));
  }
  const Log& log = call.service.log;
  const auto settings = log.consumer_settings(call.names[0]);
  if (!settings) return problem(settings.error(), Asked::reading);
  auto letters = log.dead_letters(call.names[0], from->value_or(0), most + 1);
  if (!letters) return problem(letters.error(), Asked::reading);
  std::optional<uint64_t> next;
  if (letters->size() > most) {
    next = letters->back().position;
    letters->pop_back();
  }
  Response response;
  response.body = "{\"stream\":";
  render_string(response.body, settings->dead_letters);
  response.body += ",\"dead_letters\":[";
  for (const DeadLetter& letter : *letters) {
    if (&letter != letters->data()) response.body += ',';
    render_dead_letter(response.body, log, settings->dead_letters, letter);
  }
  response.body += ']';
  if (next) {
    response.body += ",\"next\":";
    append_number(response.body, *next);
  }
  response.body += "}\n";
  return response;
}

void blocking(Call call, Answer answer, Response (*act)(Call&)) {
  Service& service = call.service;
  answer.block(service, [act, call = std::move(call)]() mutable { return act(call); });
}

// Where one of certain types begins with the last N of them is searched for.
void searching(Call call, Answer answer, Response (*act)(Call&)) {
  Service& service = call.service;
  answer.block_in(service.searching, [act, call = std::move(call)]() mutable { return act(call); });
}

}  // namespace

BodyChecked put_consumer(Call call, Answer answer) {
  return checked(std::move(call), std::move(answer), take_consumer,
                 [](const Call& taken, Authorised<NewConsumer> consumer, Answer later) {
                   later.block(taken.service,
                               [&log = taken.service.log, consumer = std::move(consumer).take(),
                                by = taken.actor()] { return create_consumer(log, consumer, by); });
                 });
}
void get_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), show_consumer);
}
void patch_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), change_consumer);
}
void skip_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), skip_events);
}
void delete_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), remove_consumer);
}
void list_consumers(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), list_all_consumers);
}
void join_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), join_as_member);
}
void leave_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), leave_as_member);
}
void reset_consumer(Call call, Answer answer) {
  searching(std::move(call), std::move(answer), move_consumer);
}
void replay_consumer(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), replay_dead_letters);
}
void list_dead_letters(Call call, Answer answer) {
  blocking(std::move(call), std::move(answer), show_dead_letters);
}

}  // namespace strandline::server
