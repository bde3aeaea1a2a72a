// GET /v1/generators, GET, PUT and DELETE /v1/generators/{g}, POST /v1/generators/{g}/start, stop,
// pause and resume. All of it waits for the log, and so runs in the pool.
#include "server/routes/generator_turns.h"
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"

namespace strandline::server {
namespace {

Response no_such_generator(const std::string& name) {
  return problem({.code = Code::not_found, .message = "no generator \"" + name + "\""},
                 Asked::reading);
}

Response print(unsigned status, const GeneratorStatus& generator) {
  Response response{.status = status};
  render(response.body, generator);
  response.body += '\n';
  return response;
}

Response put(Call& call, Generators& generators) {
  auto fields = take_object(call, {"stream", "kind", "rate", "template", "state"});
  if (!fields) return std::move(fields.error());
  Generator generator{.name = call.names[0], .stream = call.names[0]};
  const auto before = generators.find(generator.name);
  if (before) generator = before->generator;
  const auto stream = fields->string("stream"), kind = fields->string("kind"),
             rate = fields->string("rate"), state = fields->string("state");
  for (const auto* text : {&stream, &kind, &rate, &state}) {
    if (!*text) return not_valid(text->error());
  }
  if (*stream) generator.stream = **stream;
  if (*kind) {
    const auto found = find_generator_kind(**kind);
    if (!found) {
      return not_valid("\"kind\" is default, system, user-activity, notifications or template");
    }
    generator.kind = *found;
    if (generator.kind != GeneratorKind::pattern) generator.pattern.clear();
  }
  if (*rate) {
    const auto parsed = parse_rhythm(**rate);
    if (!parsed) return not_valid(parsed.error());
    generator.rate = *parsed;
  }
  if (*state) {
    const auto found = find_generator_state(**state);
    if (!found) return not_valid("\"state\" is running, paused or stopped");
    generator.state = *found;
  }
  if (const JsonValue* pattern = fields->find("template")) {
    if (pattern->kind != JsonKind::object) return not_valid("\"template\" is an object");
    generator.pattern = std::string(pattern->text);
  }
  auto put = generators.put(std::move(generator), call.actor());
  if (!put) return problem(put.error(), Asked::changing);
  Response response = print(before ? 200 : 201, *put);
  if (!before) response.headers = location({"/v1/generators/", call.names[0]});
  return response;
}

Response get(Call& call, Generators& generators) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  const auto found = generators.find(call.names[0]);
  return found ? print(200, *found) : no_such_generator(call.names[0]);
}

Response list(Call& call, Generators& generators) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  Response response;
  response.body = "{\"generators\":[";
  bool first = true;
  for (const GeneratorStatus& one : generators.list()) {
    if (!std::exchange(first, false)) response.body += ',';
    render(response.body, one);
  }
  response.body += "]}\n";
  return response;
}

Response remove(Call& call, Generators& generators) {
  if (auto none = call.query.allow({}); !none) return malformed(none.error());
  if (auto removed = generators.remove(call.names[0], call.actor()); !removed) {
    return problem(removed.error(), Asked::changing);
  }
  return {.status = 204, .content_type = {}};
}

Response turn(Call& call, Generators& generators) {
  auto fields = take_object(call, {});
  if (!fields) return std::move(fields.error());
  const auto turned = generators.turn(call.names[0], turn_of(call.route), call.actor());
  return turned ? print(200, *turned) : problem(turned.error(), Asked::changing);
}

void on_generators(Call call, Answer answer, Response (*act)(Call&, Generators&)) {
  Service& service = call.service;
  answer.block(service, [act, call = std::move(call)]() mutable {
    if (!call.service.generators) {
      return problem({.code = Code::read_only, .message = "the log is only read here"},
                     Asked::changing);
    }
    return act(call, *call.service.generators);
  });
}

}  // namespace

Generators::Turn turn_of(const Route& route) {
  const std::string_view verb = route.path.substr(route.path.rfind('/') + 1);
  if (verb == "start") return Generators::Turn::start;
  if (verb == "stop") return Generators::Turn::stop;
  return verb == "pause" ? Generators::Turn::pause : Generators::Turn::resume;
}

void put_generator(Call call, Answer answer) {
  on_generators(std::move(call), std::move(answer), put);
}
void get_generator(Call call, Answer answer) {
  on_generators(std::move(call), std::move(answer), get);
}
void list_generators(Call call, Answer answer) {
  on_generators(std::move(call), std::move(answer), list);
}
void delete_generator(Call call, Answer answer) {
  on_generators(std::move(call), std::move(answer), remove);
}
void turn_generator(Call call, Answer answer) {
  on_generators(std::move(call), std::move(answer), turn);
}

}  // namespace strandline::server
