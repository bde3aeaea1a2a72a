// POST /v1/broadcast {"prefix","event","durability"}: one event to all streams, or to those with a
// prefix, all or nothing.
#include "server/connection/checked.h"
#include "server/json/json_fields.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"
#include "server/wire/appended_json.h"

namespace strandline::server {
namespace {

std::expected<Broadcast, Response> take_broadcast(Call& call) {
  const auto refused = [](std::string why) {
    return std::unexpected(
        problem({.code = Code::invalid, .message = std::move(why)}, Asked::appending));
  };
  if (auto known = call.query.allow({"durability"}); !known) {
    return std::unexpected(malformed(known.error()));
  }
  const auto durability = call.query.durability();
  if (!durability) return std::unexpected(malformed(durability.error()));
  Durability wanted = *durability;
  if (!is_json_body(call)) return std::unexpected(unsupported_type(call, "application/json"));
  JsonReader reader;
  if (const auto kind = reader.parse(call.body()); !kind) {
    return std::unexpected(malformed(kind.error()));
  }
  auto fields = JsonFields::parse(call.body(), {"prefix", "event", "durability"});
  if (!fields) return refused(fields.error());
  const auto said = fields->string("durability");
  if (!said) return refused(said.error());
  if (*said) {
    const auto parsed = parse_durability(**said);
    if (!parsed) return refused(parsed.error());
    wanted = *parsed;
  }
  const auto prefix = fields->string("prefix");
  if (!prefix) return refused(prefix.error());
  const JsonValue* event = fields->find("event");
  if (!event) return refused("a broadcast has an \"event\", and perhaps a \"prefix\"");

  BatchBuilder builder(call.service.log.options().limits);
  const auto read = parse_event(event->text, [&](std::string_view stream, const NewEvent& parsed) {
    if (stream.empty()) return builder.add(parsed);
    return Status(fail(Code::invalid, "an event for many streams cannot name one"));
  });
  if (!read) return std::unexpected(event_problem(read.error()));
  auto batch = builder.finish();
  if (!batch) return std::unexpected(problem(batch.error(), Asked::appending));
  return Broadcast{.prefix = std::string(prefix->value_or("")),
                   .batch = std::move(*batch),
                   .durability = wanted};
}

void perform_broadcast(Call call, Authorised<Broadcast> broadcast, Answer answer) {
  Service& service = call.service;
  service.log.broadcast(std::move(broadcast).take(),
                        answer.owe<std::vector<Appended>>(service, print_appended_many));
}

}  // namespace

BodyChecked broadcast(Call call, Answer answer) {
  return checked(std::move(call), std::move(answer), take_broadcast, perform_broadcast);
}

}  // namespace strandline::server
