// POST /v1/consumers/{c}/ack, /nack, /extend and /settle: what became of a group's events; and
// /commit: how far an exclusive consumer has come.
#include "server/routes/handlers.h"
#include "server/routes/json_body.h"
#include "server/wire/cloudevents.h"
#include "server/wire/settle_json.h"

namespace strandline::server {
namespace {

Response print_settled(Result<Settled> settled) {
  if (!settled) return problem(settled.error(), Asked::changing);
  Response response;
  render_settled(response.body, *settled);
  response.body += '\n';
  return response;
}

// What is common to all: an epoch, and something to say in it.
void settle_as(Call call, Answer answer, std::initializer_list<std::string_view> known,
               Parsed<> (*read)(JsonFields& fields, Settle& settle)) {
  auto fields = take_object(call, known);
  if (!fields) return answer.now(std::move(fields.error()));
  const auto epoch = fields->number("epoch");
  if (!epoch) return answer.now(not_valid(epoch.error()));
  if (!*epoch) {
    return answer.now(not_valid("\"epoch\" is missing: what joining, or fetching, answered"));
  }
  Settle settle{.consumer = call.names[0], .epoch = **epoch};
  if (auto ok = read(*fields, settle); !ok) return answer.now(not_valid(ok.error()));
  if (settle.acks.empty() && settle.nacks.empty() && settle.extends.empty() &&
      settle.returns.empty()) {
    return answer.now(not_valid("there is no position in the request"));
  }
  Service& service = call.service;
  service.log.settle(std::move(settle), answer.owe<Settled>(service, print_settled));
}

}  // namespace

void ack_consumer(Call call, Answer answer) {
  settle_as(std::move(call), std::move(answer), {"epoch", "positions"},
            [](JsonFields& fields, Settle& settle) -> Parsed<> {
              auto spans = read_spans(fields, "positions");
              if (!spans) return std::unexpected(spans.error());
              settle.acks = std::move(*spans);
              return {};
            });
}

void nack_consumer(Call call, Answer answer) {
  settle_as(std::move(call), std::move(answer), {"epoch", "positions", "delay_ms", "reason"},
            [](JsonFields& fields, Settle& settle) { return read_nack(fields, settle.nacks); });
}

void extend_consumer(Call call, Answer answer) {
  settle_as(std::move(call), std::move(answer), {"epoch", "positions"},
            [](JsonFields& fields, Settle& settle) -> Parsed<> {
              auto spans = read_spans(fields, "positions");
              if (!spans) return std::unexpected(spans.error());
              settle.extends = std::move(*spans);
              return {};
            });
}

void settle_consumer(Call call, Answer answer) {
  settle_as(std::move(call), std::move(answer), {"epoch", "ack", "nack", "extend", "return"},
            read_settle);
}

void commit_consumer(Call call, Answer answer) {
  auto fields = take_object(call, {"epoch", "expected", "next"});
  if (!fields) return answer.now(std::move(fields.error()));
  const auto epoch = fields->number("epoch");
  if (!epoch) return answer.now(not_valid(epoch.error()));
  const auto expected = fields->number("expected");
  if (!expected) return answer.now(not_valid(expected.error()));
  const auto next = fields->number("next");
  if (!next) return answer.now(not_valid(next.error()));
  Service& service = call.service;
  auto settings = service.log.consumer_settings(call.names[0]);
  if (!settings) return answer.now(problem(settings.error(), Asked::changing));
  if (!*epoch || !*next) {
    return answer.now(not_valid("a commit has \"epoch\", and \"next\": the first to be read"));
  }
  const bool one = settings->select.kind == Selection::Kind::stream;
  std::string stream = one ? settings->select.names.at(0) : std::string(kAllName);
  service.log.commit({.consumer = call.names[0],
                      .stream = std::move(stream),
                      .expected = *expected,
                      .next = **next,
                      .epoch = **epoch},
                     answer.owe<uint64_t>(service, [](Result<uint64_t> position) {
                       if (!position) return problem(position.error(), Asked::changing);
                       Response response;
                       response.body = "{\"position\":" + std::to_string(*position) + "}\n";
                       return response;
                     }));
}

}  // namespace strandline::server
