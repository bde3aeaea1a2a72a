// GET and PUT /v1/consumers/{c}/positions/{s}: committed positions.
//
// `{s}` may be a stream, `$all` (the position is then a sequence) or `$import` (a count of bytes).
// "metadata" is text that its reader keeps beside a position; a PUT without it leaves none.
#include "server/json/json_fields.h"
#include "server/json/json_writer.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"

namespace strandline::server {
namespace {

Response print_position(std::string_view consumer, std::string_view stream, uint64_t next) {
  Response response;
  response.body = "{\"consumer\":";
  render_string(response.body, consumer);
  response.body += ",\"stream\":";
  render_string(response.body, stream);
  response.body += ",\"next\":";
  append_number(response.body, next);
  response.body += "}\n";
  return response;
}

Response invalid_position(std::string why) {
  return problem({.code = Code::invalid, .message = std::move(why)}, Asked::changing);
}

std::expected<Commit, Response> take_commit(Call& call) {
  if (auto known = call.query.allow({}); !known) return std::unexpected(malformed(known.error()));
  if (!is_json_body(call)) return std::unexpected(unsupported_type(call, "application/json"));
  JsonReader reader;
  if (const auto kind = reader.parse(call.body()); !kind) {
    return std::unexpected(malformed(kind.error()));
  }
  auto fields = JsonFields::parse(call.body(), {"next", "expected", "epoch", "metadata"});
  if (!fields) return std::unexpected(invalid_position(fields.error()));
  const auto next = fields->number("next");
  if (!next) return std::unexpected(invalid_position(next.error()));
  const auto expected = fields->number("expected");
  if (!expected) return std::unexpected(invalid_position(expected.error()));
  const auto epoch = fields->number("epoch");
  if (!epoch) return std::unexpected(invalid_position(epoch.error()));
  const auto metadata = fields->string("metadata");
  if (!metadata) return std::unexpected(invalid_position(metadata.error()));
  if (!*next)
    return std::unexpected(invalid_position("a position has \"next\": the first to be read"));
  return Commit{.consumer = call.names[0],
                .stream = call.names[1],
                .expected = *expected,
                .next = **next,
                .epoch = *epoch,
                .metadata = std::string(metadata->value_or(""))};
}

}  // namespace

void get_position(Call call, Answer answer) {
  if (auto known = call.query.allow({}); !known) return answer.now(malformed(known.error()));
  const auto next = call.service.log.position(call.names[0], call.names[1]);
  if (!next) return answer.now(problem(next.error(), Asked::reading));
  answer.now(print_position(call.names[0], call.names[1], *next));
}

void put_position(Call call, Answer answer) {
  auto commit = take_commit(call);
  if (!commit) return answer.now(std::move(commit.error()));
  Service& service = call.service;
  service.log.commit(std::move(*commit),
                     answer.owe<uint64_t>(service, [consumer = call.names[0],
                                                    stream = call.names[1]](Result<uint64_t> next) {
                       if (!next) return problem(next.error(), Asked::changing);
                       return print_position(consumer, stream, *next);
                     }));
}

}  // namespace strandline::server
