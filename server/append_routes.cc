// POST /v1/streams/{s}/events: a batch to one stream.
#include "server/append_body.h"
#include "server/appended_json.h"
#include "server/retry_headers.h"
#include "server/stream_name.h"

namespace strandline::server {
namespace {

// RFC 9110, section 13.1: `If-Match: "n"` asks that the next offset is n, `If-None-Match: *` that
// there is no such stream.
Parsed<Expected> parse_conditions(const Call& call) {
  const std::string_view match = call.header("If-Match");
  const std::string_view none = call.header("If-None-Match");
  if (!match.empty() && !none.empty()) {
    return std::unexpected("If-Match and If-None-Match do not go together");
  }
  if (!none.empty()) {
    if (none == "*") return Expected::absent();
    return std::unexpected("If-None-Match is * (the stream must not exist)");
  }
  if (match.empty()) return Expected();
  if (match.size() > 2 && match.front() == '"' && match.back() == '"') {
    if (const auto next = parse_number(match.substr(1, match.size() - 2))) {
      return Expected(Offset(*next));
    }
  }
  return std::unexpected("If-Match is the stream's next offset in quotes, such as \"7\"");
}

std::expected<Append, Response> take_append(Call& call) {
  if (auto known = call.query.allow({"durability"}); !known) {
    return std::unexpected(malformed(known.error()));
  }
  const auto durability = call.query.durability();
  if (!durability) return std::unexpected(malformed(durability.error()));
  const auto expected = parse_conditions(call);
  if (!expected) return std::unexpected(malformed(expected.error()));
  auto producer = parse_producer(call);
  if (!producer) return std::unexpected(malformed(producer.error()));
  auto idempotency = parse_idempotency(call);
  if (!idempotency) return std::unexpected(malformed(idempotency.error()));
  std::string& stream = call.names[0];
  if (auto refused = check_stream_name(call.service, stream)) {
    return std::unexpected(std::move(*refused));
  }
  if (is_empty_batch(call)) {
    if (expected->kind != Expected::Kind::any || *producer || *idempotency) {
      return std::unexpected(
          problem({.code = Code::invalid,
                   .message = "a condition, a producer or an idempotency key needs an event, and "
                              "there is none in the array"},
                  Asked::appending));
    }
    return std::unexpected(print_nothing_appended(stream));
  }
  auto batch = take_batch(call, stream);
  if (!batch) return std::unexpected(std::move(batch.error()));
  return Append{.stream = std::move(stream),
                .batch = std::move(*batch),
                .expected = *expected,
                .durability = *durability,
                .producer = std::move(*producer),
                .idempotency = std::move(*idempotency)};
}

}  // namespace

void append_events(Call call, Answer answer) {
  auto append = take_append(call);
  if (!append) return answer.now(std::move(append.error()));
  Service& service = call.service;
  service.log.append(std::move(*append), answer.owe<Appended>(service, print_appended));
}

}  // namespace strandline::server
