// The SSE service's API, as its clients know it: /api/v1/events/stream/{id}, broadcast, streams,
// and start, stop, pause and resume of a stream's generator.
//
// A stream of the service is a stream of the log: what is broadcast there is durable, and a client
// that comes back with Last-Event-ID misses nothing. Answers are {"success","message","timestamp"},
// and mistakes {"success":false,"message"}, with the status that /v1 has for them.
#include "server/connection/checked.h"
#include "server/http/media_type.h"
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/routes/append_body.h"
#include "server/routes/following.h"
#include "server/routes/generator_turns.h"
#include "server/routes/handlers.h"
#include "server/routes/stream_name.h"

namespace strandline::server {
namespace {

constexpr size_t kStreamsTold = 1'000;
constexpr int64_t kSecondUs = 1'000'000;

Response mistake(unsigned status, std::string_view message) {
  Response response{.status = status};
  response.body = "{\"success\":false,\"message\":";
  render_string(response.body, message);
  response.body += "}\n";
  return response;
}

Response mistake(const Error& error, Asked asked) {
  return mistake(problem(error, asked).status, error.message);
}

void render_end_of(std::string& out, const Log& log) {
  out += ",\"timestamp\":";
  append_number(out, log.now().us / kSecondUs);
  out += "}\n";
}

Response success(const Log& log, std::string_view message) {
  Response response;
  response.body = "{\"success\":true,\"message\":";
  render_string(response.body, message);
  render_end_of(response.body, log);
  return response;
}

// The body as an object, said to be JSON, or said to be nothing.
std::expected<JsonFields, Response> take_fields_of(const Call& call,
                                                   std::initializer_list<std::string_view> known) {
  if (auto none = call.query.allow({}); !none) return std::unexpected(mistake(400, none.error()));
  const std::string_view body = call.body().empty() ? "{}" : call.body();
  if (!call.body().empty() && !is_json_body(call)) {
    return std::unexpected(mistake(415, "the body is application/json"));
  }
  JsonReader reader;
  if (const auto kind = reader.parse(body); !kind) {
    return std::unexpected(mistake(400, kind.error()));
  }
  auto fields = JsonFields::parse(body, known);
  if (!fields) return std::unexpected(mistake(422, fields.error()));
  return std::move(*fields);
}

std::expected<OneOrAll, Response> take_service_broadcast(Call& call) {
  auto fields = take_fields_of(call, {"stream_id", "type", "message", "data"});
  if (!fields) return std::unexpected(std::move(fields.error()));
  const auto stream = fields->string("stream_id"), type = fields->string("type"),
             message = fields->string("message");
  for (const auto* text : {&stream, &type, &message}) {
    if (!*text) return std::unexpected(mistake(422, text->error()));
  }
  if (!*type || !*message) {
    return std::unexpected(mistake(422, "a broadcast has \"type\" and \"message\", both texts"));
  }
  std::string data = "{\"message\":";
  render_string(data, **message);
  const JsonValue* given = fields->find("data");
  data += ",\"data\":";
  data += given ? given->text : std::string_view("null");
  data += '}';
  auto batch = Batch::of({NewEvent{.type = **type,
                                   .datacontenttype = "application/json",
                                   .form = schema::DataForm::json,
                                   .data = data}},
                         call.service.log.options().limits);
  if (!batch) return std::unexpected(mistake(batch.error(), Asked::appending));
  if (!*stream) return Broadcast{.prefix = {}, .batch = std::move(*batch)};
  if (auto ok = check_name(**stream, call.service.log.options().limits); !ok) {
    return std::unexpected(mistake(ok.error(), Asked::appending));
  }
  AppendMany many;
  many.parts.push_back({.stream = std::string(**stream), .batch = std::move(*batch)});
  return many;
}

void perform_service_broadcast(Call call, Authorised<OneOrAll> authorised, Answer answer) {
  OneOrAll request = std::move(authorised).take();
  Service& service = call.service;
  const auto print = [&service](Result<std::vector<Appended>> appended) {
    if (!appended) return mistake(appended.error(), Asked::appending);
    std::string where = std::to_string(appended->size()) + " streams";
    if (appended->size() == 1) where = "stream " + appended->front().stream;
    return success(service.log, "Event broadcast to " + where);
  };
  auto done = answer.owe<std::vector<Appended>>(service, print);
  if (auto* many = std::get_if<AppendMany>(&request)) {
    service.log.append(std::move(*many), std::move(done));
  } else {
    service.log.broadcast(std::move(std::get<Broadcast>(request)), std::move(done));
  }
}

// {name: {"clients","active","generator":{"running","paused"}}}, of those that may be read.
Response streams_of(Call& call) {
  if (auto none = call.query.allow({}); !none) return mistake(400, none.error());
  const Service& service = call.service;
  struct Told {
    uint64_t clients = 0;
    std::optional<GeneratorState> generator = {};
  };
  std::map<std::string, Told> all;
  const auto may = [&](std::string_view name) { return call.principal.may(Action::read, name); };
  for (const StreamInfo& stream : service.log.list("", "", kStreamsTold)) {
    if (stream.name != kGeneratorStream && may(stream.name)) all[stream.name];
  }
  for (const auto& [stream, clients] : service.stream_clients.counts()) {
    if (may(stream)) all[stream].clients = clients;
  }
  if (service.generators) {
    for (const GeneratorStatus& one : service.generators->list()) {
      if (may(one.generator.stream)) all[one.generator.stream].generator = one.generator.state;
    }
  }
  Response response;
  std::string& out = response.body;
  out = "{\"success\":true,\"data\":{";
  for (const auto& [name, told] : all) {
    if (name != all.begin()->first) out += ',';
    const bool running = told.generator && *told.generator != GeneratorState::stopped;
    const bool paused = told.generator == GeneratorState::paused;
    render_string(out, name);
    out += ":{\"clients\":";
    append_number(out, told.clients);
    out += ",\"active\":";
    out += told.clients > 0 || (running && !paused) ? "true" : "false";
    out += ",\"generator\":{\"running\":";
    out += running ? "true" : "false";
    out += ",\"paused\":";
    out += paused ? "true}}" : "false}}";
  }
  out += '}';
  render_end_of(out, service.log);
  return response;
}

// The stream's generator; where there is none, a start makes it.
Response turn_stream(Call& call) {
  auto fields = take_fields_of(call, {});
  if (!fields) return std::move(fields.error());
  const std::string& stream = call.names[0];
  if (auto ok = check_name(stream, call.service.log.options().limits); !ok) {
    return mistake(ok.error(), Asked::changing);
  }
  Generators* const generators = call.service.generators.get();
  if (!generators) return mistake(503, "the log is only read here");
  const Generators::Turn turn = turn_of(call.route);
  const auto there = generators->find_of(stream);
  const auto turned = [&]() -> Result<GeneratorStatus> {
    if (there) return generators->turn(there->generator.name, turn, call.actor());
    if (turn != Generators::Turn::start) {
      return fail(Code::not_found, "no generator fills the stream \"" + stream + "\"");
    }
    return generators->put({.name = stream,
                            .stream = stream,
                            .kind = find_generator_kind(stream).value_or(GeneratorKind::plain)},
                           call.actor());
  }();
  if (!turned) return mistake(turned.error(), Asked::changing);
  const std::string_view state = name_of(turned->generator.state);
  return success(call.service.log, "Stream " + stream + " is " + std::string(state));
}

void in_the_pool(Call call, Answer answer, Response (*run)(Call&)) {
  Service& service = call.service;
  answer.block(service, [run, call = std::move(call)]() mutable { return run(call); });
}

}  // namespace

void follow_service_stream(Call call, Answer answer) {
  if (auto known = call.query.allow({"from"}); !known)
    return answer.now(mistake(400, known.error()));
  const std::string stream = call.names[0];
  if (auto refused = check_read_name(call.service, stream)) {
    return answer.now(mistake(refused->status, "\"" + stream + "\" is no name of a stream"));
  }
  constexpr std::string_view kOffers[] = {kEventStream};
  if (!negotiate(call.header(Header::accept), kOffers)) {
    return answer.now(mistake(406, "the stream " + stream + " is sent as text/event-stream"));
  }
  // A client of the service begins with what comes, unless it has been here before.
  auto from = take_from(call, false, From::latest());
  if (!from) return answer.now(mistake(400, from.error()));
  Service& service = call.service;
  Following following{.read = {.select = Selection::stream(stream), .from = *from},
                      .principal = call.principal,
                      .wait = true,
                      .places = Places::offsets,
                      .form = service_form(stream, service.options.sse_retry_ms, service.log.now(),
                                           service.stream_clients.enter(stream))};
  follow(service, std::move(answer), std::move(following), service.blocking);
}

BodyChecked service_broadcast(Call call, Answer answer) {
  return checked(std::move(call), std::move(answer), take_service_broadcast,
                 perform_service_broadcast);
}
void list_service_streams(Call call, Answer answer) {
  in_the_pool(std::move(call), std::move(answer), streams_of);
}
void turn_service_stream(Call call, Answer answer) {
  in_the_pool(std::move(call), std::move(answer), turn_stream);
}

}  // namespace strandline::server
