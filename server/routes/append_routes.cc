// POST /v1/streams/{s}/events: a batch to one stream.
#include "server/connection/charges.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"
#include "server/routes/retry_headers.h"
#include "server/routes/stream_name.h"
#include "server/wire/appended_json.h"

namespace strandline::server {
namespace {

// The next offset that If-Match names. Its list may name it more than once; two different ones
// would be a condition that a retry cannot tell from a mistake, so they are refused.
Parsed<Expected> parse_match(std::string_view list) {
  std::optional<Offset> next;
  while (true) {
    const size_t comma = list.find(',');
    std::string_view tag = list.substr(0, comma);
    while (tag.starts_with(' ') || tag.starts_with('\t')) tag.remove_prefix(1);
    while (tag.ends_with(' ') || tag.ends_with('\t')) tag.remove_suffix(1);
    std::optional<uint64_t> number;
    if (tag.size() > 2 && tag.front() == '"' && tag.back() == '"') {
      number = parse_number(tag.substr(1, tag.size() - 2));
    }
    if (!number) {
      return std::unexpected(
          "If-Match is the stream's next offset in quotes, such as \"7\", or * (the stream must "
          "exist)");
    }
    if (next && next->value != *number) {
      return std::unexpected("If-Match names two offsets, and a stream has one next offset");
    }
    next = Offset(*number);
    if (comma == std::string_view::npos) return Expected(*next);
    list.remove_prefix(comma + 1);
  }
}

// RFC 9110, section 13.1: `If-Match: "n"` asks that the next offset is n, `If-Match: *` that there
// is such a stream, `If-None-Match: *` that there is none.
Parsed<Expected> parse_conditions(const Call& call) {
  const std::string_view match = call.header(Header::if_match);
  const std::string_view none = call.header(Header::if_none_match);
  const RequestHead& head = call.request.head;
  if ((head.has(Header::if_match) && match.empty()) ||
      (head.has(Header::if_none_match) && none.empty())) {
    return std::unexpected("If-Match and If-None-Match are not empty where they are there");
  }
  if (!match.empty() && !none.empty()) {
    return std::unexpected("If-Match and If-None-Match do not go together");
  }
  if (!none.empty()) {
    if (none == "*" || none == "*, *") return Expected::absent();
    return std::unexpected("If-None-Match is * (the stream must not exist)");
  }
  if (match == "*" || match == "*, *") return Expected::present();
  return match.empty() ? Expected() : parse_match(match);
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
  if (auto over = charge(call, *append)) return answer.now(std::move(*over));
  Service& service = call.service;
  service.log.append(std::move(*append), answer.owe<Appended>(service, print_appended));
}

}  // namespace strandline::server
