// PUT and GET /v1/consumers/{c}/once/{id}: ids that a consumer has processed, for effects that are
// not in the log. PUT {"ttl_s"} marks an id as processed, and says whether it is the first to do
// so: 201 {"first":true}, or 200 {"first":false}. GET finds it, or not: 200, 404.
#include "server/json/json_fields.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"

namespace strandline::server {
namespace {

std::expected<ProcessedId, Response> take_processed_id(const Call& call) {
  if (auto known = call.query.allow({}); !known) return std::unexpected(malformed(known.error()));
  ProcessedId mark{.consumer = call.names[0], .id = call.names[1]};
  if (call.body().empty()) return mark;
  if (!is_json_body(call)) return std::unexpected(unsupported_type(call, "application/json"));
  JsonReader reader;
  if (const auto kind = reader.parse(call.body()); !kind) {
    return std::unexpected(malformed(kind.error()));
  }
  auto fields = JsonFields::parse(call.body(), {"ttl_s"});
  const auto ttl_s = fields ? fields->number("ttl_s") : std::unexpected(fields.error());
  if (!ttl_s) {
    return std::unexpected(
        problem({.code = Code::invalid, .message = ttl_s.error()}, Asked::changing));
  }
  mark.ttl_s = ttl_s->value_or(mark.ttl_s);
  return mark;
}

Response print_first(bool first, const std::string& location) {
  if (!first) return {.body = "{\"first\":false}\n"};
  return {.status = 201, .body = "{\"first\":true}\n", .headers = location};
}

Response find_processed_id(const Call& call) {
  if (auto known = call.query.allow({}); !known) return malformed(known.error());
  const auto processed = call.service.log.was_processed(call.names[0], call.names[1]);
  if (!processed) return problem(processed.error(), Asked::reading);
  if (!*processed) {
    return problem({.code = Code::not_found,
                    .message = "consumer \"" + call.names[0] + "\" has not processed \"" +
                               call.names[1] + "\", or its mark has expired"},
                   Asked::reading);
  }
  return {.body = "{\"first\":false}\n"};
}

}  // namespace

void put_once(Call call, Answer answer) {
  auto mark = take_processed_id(call);
  if (!mark) return answer.now(std::move(mark.error()));
  AppendMany append;
  append.once.push_back(std::move(*mark));
  Service& service = call.service;
  const std::string where = location({"/v1/consumers/", call.names[0], "/once/", call.names[1]});
  service.log.append(std::move(append),
                     answer.owe<std::vector<Appended>>(
                         service, [where](const Result<std::vector<Appended>>& marked) {
                           if (marked || marked.error().code == Code::exists) {
                             return print_first(marked.has_value(), where);
                           }
                           return problem(marked.error(), Asked::changing);
                         }));
}

void get_once(Call call, Answer answer) {
  Service& service = call.service;
  answer.block(service, [call = std::move(call)] { return find_processed_id(call); });
}

}  // namespace strandline::server
