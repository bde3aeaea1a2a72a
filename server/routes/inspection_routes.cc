// GET /v1/stats, /v1/inspect and /v1/doctor: looking inside. All of it reads the disk.
#include "server/connection/checkup.h"
#include "server/routes/handlers.h"
#include "server/routes/stream_name.h"
#include "server/wire/figures_json.h"

namespace strandline::server {
namespace {

constexpr size_t kKeysMax = 1'000;

Response json_of(Result<std::string> json) {
  if (!json) return problem(json.error(), Asked::reading);
  return {.body = std::move(*json)};
}

Response stats(const Call& call) {
  if (auto known = call.query.allow({"stream", "prefix", "after", "limit"}); !known) {
    return malformed(known.error());
  }
  const auto stream = call.query.one("stream"), prefix = call.query.one("prefix"),
             after = call.query.one("after");
  for (const auto* text : {&stream, &prefix, &after}) {
    if (!*text) return malformed(text->error());
  }
  const auto limit = call.query.number("limit");
  if (!limit) return malformed(limit.error());
  const uint64_t most = limit->value_or(kStatsStreamsDefault);
  if (most > kStatsStreamsMax) {
    return malformed("limit is from 0 to " + std::to_string(kStatsStreamsMax));
  }
  if (*stream) {
    if (auto refused = check_read_name(call.service, **stream)) return std::move(*refused);
  }
  return json_of(render_stats(call.service.log, {.stream = stream->value_or(""),
                                                 .prefix = prefix->value_or(""),
                                                 .after = after->value_or(""),
                                                 .limit = *stream ? 1 : most}));
}

Response inspect(const Call& call) {
  if (auto known =
          call.query.allow({"segment", "stream", "offset", "family", "key", "from", "limit"});
      !known) {
    return malformed(known.error());
  }
  const auto segment = call.query.number("segment"), offset = call.query.number("offset"),
             limit = call.query.number("limit");
  for (const auto* number : {&segment, &offset, &limit}) {
    if (!*number) return malformed(number->error());
  }
  const auto stream = call.query.one("stream"), family = call.query.one("family"),
             key = call.query.one("key"), from = call.query.one("from");
  for (const auto* text : {&stream, &family, &key, &from}) {
    if (!*text) return malformed(text->error());
  }
  const int named = segment->has_value() + stream->has_value() + family->has_value();
  if (named != 1 || stream->has_value() != offset->has_value() ||
      (!*family && (*key || *from || *limit)) || (*key && (*from || *limit))) {
    return malformed(
        "what to look at is segment=N, or stream=NAME&offset=N, or family=NAME with key=HEX, or "
        "with from=HEX and limit=N for its keys");
  }
  if (*limit && (**limit == 0 || **limit > kKeysMax)) {
    return malformed("limit is from 1 to " + std::to_string(kKeysMax));
  }
  if (*stream) {
    if (auto refused = check_read_name(call.service, **stream)) return std::move(*refused);
  }
  InspectionOf of{.segment = *segment,
                  .stream = stream->value_or(""),
                  .offset = offset->value_or(0),
                  .family = family->value_or(""),
                  .key = *key,
                  .from = from->value_or("")};
  if (*limit) of.limit = **limit;
  return json_of(render_inspection(call.service.log, of));
}

Response doctor(const Call& call) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const Service& service = call.service;
  return {.body = render_checks(
              check_up({.log = &service.log,
                        .directory = service.log.figures().directory,
                        .connections_max = service.options.connections_max,
                        .serves = true,
                        .guarded = service.is_guarded(),
                        .open_to_others = service.options.insecure ? "the server" : ""}))};
}

void look_inside(Call call, Answer answer, Response (*look)(const Call&)) {
  Service& service = call.service;
  answer.block(service, [look, call = std::move(call)] { return look(call); });
}

}  // namespace

void get_stats(Call call, Answer answer) { look_inside(std::move(call), std::move(answer), stats); }
void get_inspection(Call call, Answer answer) {
  look_inside(std::move(call), std::move(answer), inspect);
}
void get_doctor(Call call, Answer answer) {
  look_inside(std::move(call), std::move(answer), doctor);
}

}  // namespace strandline::server
