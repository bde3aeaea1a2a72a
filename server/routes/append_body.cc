#include "server/routes/append_body.h"

#include <algorithm>
#include <array>

#include "engine/api/batch_verifier.h"
#include "engine/api/event_rules.h"
#include "engine/api/media_type.h"
#include "schemas/frame.h"
#include "server/wire/http_binding.h"

namespace strandline::server {
namespace {

using Parser = EventResult<> (*)(std::string_view text, const EventSink& sink);

std::expected<Batch, Response> parse_batch(const Call& call, std::string_view stream,
                                           Parser parse) {
  BatchBuilder builder(call.service.log.options().limits);
  const auto read = parse(call.body(), [&](std::string_view said, const NewEvent& event) -> Status {
    if (!said.empty() && said != stream) {
      return fail(Code::invalid, "the event says stream \"" + std::string(said) +
                                     "\" and the path says \"" + std::string(stream) +
                                     "\"; leave the member out, or send to /v1/append");
    }
    return builder.add(event);
  });
  if (!read) return std::unexpected(event_problem(read.error()));
  if (builder.count() == 0) {
    return std::unexpected(problem(
        {.code = Code::invalid, .message = "there is no event in the body"}, Asked::appending));
  }
  auto batch = builder.finish();
  if (!batch) return std::unexpected(problem(batch.error(), Asked::appending));
  return std::move(*batch);
}

// A batch as CloudEvents has it is an array, even of one.
EventResult<> parse_array(std::string_view json, const EventSink& sink) {
  const size_t begin = json.find_first_not_of(" \t\r\n");
  if (begin != std::string_view::npos && json[begin] == '{') {
    return std::unexpected(EventError{
        false, {Code::invalid, "application/cloudevents-batch+json is an array of events"}});
  }
  return parse_event_or_array(json, sink);
}

// Whatever the headers say, the body has the whole of its events.
struct WholeBody {
  std::string_view type;
  Parser parse;
};
constexpr std::array<WholeBody, 3> kWholeBodies = {
    {{kNdjson, parse_ndjson},
     {"application/cloudevents+json", parse_event},
     {"application/cloudevents-batch+json", parse_array}}};

constexpr char kTaken[] =
    "application/json, application/x-ndjson, application/cloudevents+json, "
    "application/cloudevents-batch+json, application/vnd.strandline.batch, and any type with "
    "ce-type and the other ce-* headers of CloudEvents' binary mode";

std::expected<Batch, Response> take_flatbuffer(Call& call) {
  const Limits& limits = call.service.log.options().limits;
  std::string& body = call.request.body;
  // What is too large is not looked at; and an event that breaks a rule stands in a batch.
  if (body.size() <= limits.batch_bytes_max && !is_batch(body, limits)) {
    return std::unexpected(
        problem(400, "bad-flatbuffer",
                "the Verifier refuses the body: it is not one Batch of schemas/batch.fbs (file "
                "identifier STRB)"));
  }
  auto batch = Batch::verified(std::move(body), limits);
  if (batch) return std::move(*batch);
  return std::unexpected(problem(batch.error(), Asked::appending));
}

}  // namespace

bool is_json_body(const Call& call) {
  const std::string_view said = call.header(Header::content_type);
  const MediaType type(said);
  if (type.is("application/json")) return type.is_utf8();
  const bool unsaid = said.empty() || type.is("application/x-www-form-urlencoded");
  return unsaid && call.header(Header::origin).empty();
}

bool is_binary_event(const Call& call) {
  const MediaType type(call.header(Header::content_type));
  const bool whole =
      type.is(schema::kBatchMediaType) ||
      std::ranges::any_of(kWholeBodies, [&](const WholeBody& one) { return type.is(one.type); });
  return !whole && is_binary_mode(call.request);
}

bool is_empty_batch(const Call& call) {
  const MediaType type(call.header(Header::content_type));
  const bool array = type.is("application/cloudevents-batch+json")
                         ? type.is_utf8()
                         : is_json_body(call) && !is_binary_event(call);
  if (!array) return false;
  const std::string_view body = without_json_space(call.body());
  return body.starts_with('[') && without_json_space(body.substr(1)) == "]";
}

Response event_problem(const EventError& error) {
  if (error.malformed) return malformed(error.error.message);
  return problem(error.error, Asked::appending);
}

Response unsupported_type(const Call& call, std::string_view allowed) {
  const std::string_view said = call.header(Header::content_type);
  const bool charset = !MediaType(said).is_utf8();
  return problem(415, "unsupported-type",
                 "the Content-Type \"" + std::string(said.substr(0, 100)) +
                     "\" is not taken here; these are" + (charset ? ", all in UTF-8: " : ": ") +
                     std::string(allowed));
}

std::expected<Batch, Response> take_batch(Call& call, std::string_view stream) {
  const MediaType type(call.header(Header::content_type));
  if (type.is(schema::kBatchMediaType)) return take_flatbuffer(call);
  for (const WholeBody& whole : kWholeBodies) {
    if (type.is(whole.type) && type.is_utf8()) return parse_batch(call, stream, whole.parse);
    if (type.is(whole.type)) return std::unexpected(unsupported_type(call, kTaken));
  }
  if (is_binary_event(call)) {
    BatchBuilder builder(call.service.log.options().limits);
    const auto read =
        read_binary_mode(call.request, [&](std::string_view said, const NewEvent& event) -> Status {
          if (!said.empty() && said != stream) {
            return fail(Code::invalid, "ce-stream and the path name different streams");
          }
          return builder.add(event);
        });
    if (!read) return std::unexpected(event_problem(read.error()));
    auto batch = builder.finish();
    if (!batch) return std::unexpected(problem(batch.error(), Asked::appending));
    return std::move(*batch);
  }
  if (is_json_body(call)) return parse_batch(call, stream, parse_event_or_array);
  return std::unexpected(unsupported_type(call, kTaken));
}

}  // namespace strandline::server
