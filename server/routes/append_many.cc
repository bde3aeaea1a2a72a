// POST /v1/append: several streams and positions, all or nothing.
//
// As JSON: {"appends":[{"stream","events":[...],"expected":n|"absent",
//                      "producer":{"id","epoch","seq"}}...],
//           "commit":{"consumer","stream","expected","next","epoch","metadata"} or an array of
//           them, "settle":{"consumer","epoch","ack":[...],"nack":[...],"extend":[...],
//                     "return":[...]} or an array,
//           "once":{"consumer","id","ttl_s"} or an array of them, "durability"}.
// As NDJSON, the faster way for imports: each line names its `stream`, runs of lines with the same
// one become one append each, and a commit stands in the query.
#include "engine/api/media_type.h"
#include "server/connection/checked.h"
#include "server/json/json_fields.h"
#include "server/routes/append_body.h"
#include "server/routes/handlers.h"
#include "server/routes/retry_headers.h"
#include "server/wire/appended_json.h"
#include "server/wire/settle_json.h"

namespace strandline::server {
namespace {

// Collects events into the parts of an append, a new part whenever the stream changes.
class Runs {
 public:
  explicit Runs(const Limits& limits) : builder_(limits) {}

  Status add(std::string_view stream, const NewEvent& event) {
    if (stream.empty()) return fail(Code::invalid, "the event needs a \"stream\" member");
    if (stream != stream_ || builder_.count() == 0) {
      if (auto ok = end_run(); !ok) return ok;
      stream_ = stream;
    }
    auto added = builder_.add(event);
    if (!added && added.error().code == Code::too_large && builder_.count() > 0) {
      // A full batch: what follows it becomes a part of its own.
      if (auto ok = end_run(); !ok) return ok;
      added = builder_.add(event);
    }
    return added;
  }

  Result<std::vector<AppendMany::Part>> finish() {
    if (auto ok = end_run(); !ok) return std::unexpected(ok.error());
    return std::move(parts_);
  }

 private:
  Status end_run() {
    if (builder_.count() == 0) return {};
    auto batch = builder_.finish();
    if (!batch) return std::unexpected(batch.error());
    parts_.push_back({.stream = stream_, .batch = std::move(*batch)});
    return {};
  }

  BatchBuilder builder_;
  std::string stream_;
  std::vector<AppendMany::Part> parts_;
};

using TakenMany = std::expected<AppendMany, Response>;

TakenMany refuse_many(std::string message) {
  return std::unexpected(
      problem({.code = Code::invalid, .message = std::move(message)}, Asked::appending));
}

Parsed<std::optional<Commit>> commit_in_query(const Query& query) {
  const auto consumer = query.one("commit_consumer");
  const auto stream = query.one("commit_stream");
  const auto expected = query.number("commit_expected");
  const auto next = query.number("commit_next");
  if (!consumer) return std::unexpected(consumer.error());
  if (!stream) return std::unexpected(stream.error());
  if (!expected) return std::unexpected(expected.error());
  if (!next) return std::unexpected(next.error());
  auto metadata = query.one("commit_metadata");
  if (!metadata) return std::unexpected(metadata.error());
  if (!*consumer && !*stream && !*expected && !*next && !*metadata) return std::nullopt;
  if (!*consumer || !*stream || !*next) {
    return std::unexpected(
        "a commit in the query has commit_consumer, commit_stream and commit_next, and perhaps "
        "commit_expected and commit_metadata");
  }
  return Commit{.consumer = **consumer,
                .stream = **stream,
                .expected = *expected,
                .next = **next,
                .metadata = metadata->value_or("")};
}

TakenMany take_ndjson(const Call& call, AppendMany append) {
  Runs runs(call.service.log.options().limits);
  const auto read = parse_ndjson(call.body(), [&](std::string_view stream, const NewEvent& event) {
    return runs.add(stream, event);
  });
  if (!read) return std::unexpected(event_problem(read.error()));
  auto parts = runs.finish();
  if (!parts) return std::unexpected(problem(parts.error(), Asked::appending));
  append.parts = std::move(*parts);
  return append;
}

Parsed<Commit> read_commit(std::string_view json) {
  auto fields =
      JsonFields::parse(json, {"consumer", "stream", "expected", "next", "epoch", "metadata"});
  if (!fields) return std::unexpected(fields.error());
  const auto consumer = fields->string("consumer");
  const auto stream = fields->string("stream");
  const auto expected = fields->number("expected");
  const auto next = fields->number("next");
  if (!consumer) return std::unexpected(consumer.error());
  if (!stream) return std::unexpected(stream.error());
  if (!expected) return std::unexpected(expected.error());
  if (!next) return std::unexpected(next.error());
  const auto epoch = fields->number("epoch");
  if (!epoch) return std::unexpected(epoch.error());
  const auto metadata = fields->string("metadata");
  if (!metadata) return std::unexpected(metadata.error());
  if (!*consumer || !*stream || !*next) {
    return std::unexpected("a commit has \"consumer\", \"stream\" and \"next\"");
  }
  return Commit{.consumer = std::string(**consumer),
                .stream = std::string(**stream),
                .expected = *expected,
                .next = **next,
                .epoch = *epoch,
                .metadata = std::string(metadata->value_or(""))};
}

Parsed<Expected> read_expected(const JsonValue* value, JsonFields& fields) {
  if (!value) return Expected();
  if (const auto next = json_integer(*value)) return Expected(Offset(*next));
  if (value->kind == JsonKind::string && *fields.string("expected") == "absent") {
    return Expected::absent();
  }
  return std::unexpected("\"expected\" is the next offset, or \"absent\"");
}

Parsed<std::optional<Producer>> read_producer(const JsonValue* value) {
  if (!value) return std::nullopt;
  auto fields = JsonFields::parse(value->text, {"id", "epoch", "seq"});
  if (!fields) return std::unexpected("producer: " + fields.error());
  const auto id = fields->string("id");
  if (!id) return std::unexpected("producer: " + id.error());
  const auto epoch = fields->number("epoch");
  if (!epoch) return std::unexpected("producer: " + epoch.error());
  const auto sequence = fields->number("seq");
  if (!sequence) return std::unexpected("producer: " + sequence.error());
  if (!*id || !*epoch || !*sequence) {
    return std::unexpected("a producer has \"id\", \"epoch\" and \"seq\"");
  }
  return Producer{.id = std::string(**id), .epoch = **epoch, .sequence = **sequence};
}

Parsed<ProcessedId> read_processed_id(std::string_view json) {
  auto fields = JsonFields::parse(json, {"consumer", "id", "ttl_s"});
  if (!fields) return std::unexpected(fields.error());
  const auto consumer = fields->string("consumer");
  if (!consumer) return std::unexpected(consumer.error());
  const auto id = fields->string("id");
  if (!id) return std::unexpected(id.error());
  const auto ttl_s = fields->number("ttl_s");
  if (!ttl_s) return std::unexpected(ttl_s.error());
  if (!*consumer || !*id) return std::unexpected("it has \"consumer\" and \"id\"");
  ProcessedId mark{.consumer = std::string(**consumer), .id = std::string(**id)};
  mark.ttl_s = ttl_s->value_or(mark.ttl_s);
  return mark;
}

std::expected<AppendMany::Part, Response> read_part(const Call& call, const JsonValue& value,
                                                    const std::string& place) {
  const auto refused = [&](const std::string& why) {
    return std::unexpected(
        problem({.code = Code::invalid, .message = place + why}, Asked::appending));
  };
  auto fields = JsonFields::parse(value.text, {"stream", "events", "expected", "producer"});
  if (!fields) return refused(fields.error());
  const auto stream = fields->string("stream");
  if (!stream) return refused(stream.error());
  const JsonValue* events = fields->find("events");
  if (!*stream || !events) return refused("it has \"stream\" and \"events\"");
  const auto expected = read_expected(fields->find("expected"), *fields);
  if (!expected) return refused(expected.error());
  auto producer = read_producer(fields->find("producer"));
  if (!producer) return refused(producer.error());

  BatchBuilder builder(call.service.log.options().limits);
  auto read = parse_event_or_array(
      events->text, [&](std::string_view said, const NewEvent& event) -> Status {
        if (!said.empty() && said != **stream) {
          return fail(Code::invalid, "the event names another stream than its append");
        }
        return builder.add(event);
      });
  if (!read) {
    read.error().error.message = place + read.error().error.message;
    return std::unexpected(event_problem(read.error()));
  }
  if (builder.count() == 0) return refused("\"events\" is empty");
  auto batch = builder.finish();
  if (!batch) return std::unexpected(problem(batch.error(), Asked::appending));
  return AppendMany::Part{.stream = std::string(**stream),
                          .batch = std::move(*batch),
                          .expected = *expected,
                          .producer = std::move(*producer)};
}

// One of them, or an array; `read` makes a T of its text.
template <class T, class Read>
Parsed<> take_some(const std::string& name, const JsonValue& value, Read read,
                   std::vector<T>& taken) {
  if (value.kind != JsonKind::array) {
    auto one = read(value.text);
    if (!one) return std::unexpected(name + ": " + one.error());
    taken.push_back(std::move(*one));
    return {};
  }
  JsonReader elements;
  if (const auto kind = elements.parse(value.text); !kind) return std::unexpected(kind.error());
  for (const JsonMember& element : elements.members()) {
    auto one = read(element.value.text);
    if (!one) {
      return std::unexpected(name + "[" + std::to_string(taken.size()) + "]: " + one.error());
    }
    taken.push_back(std::move(*one));
  }
  return {};
}

TakenMany take_json(const Call& call, AppendMany append) {
  JsonReader reader;
  if (const auto kind = reader.parse(call.body()); !kind) {
    return std::unexpected(malformed(kind.error()));
  }
  auto fields =
      JsonFields::parse(call.body(), {"appends", "commit", "settle", "once", "durability"});
  if (!fields) return refuse_many(fields.error());
  const auto durability = fields->string("durability");
  if (!durability) return refuse_many(durability.error());
  if (*durability) {
    const auto wanted = parse_durability(**durability);
    if (!wanted) return refuse_many(wanted.error());
    append.durability = *wanted;
  }
  if (const JsonValue* commit = fields->find("commit")) {
    auto ok = take_some("commit", *commit, read_commit, append.commits);
    if (!ok) return refuse_many(ok.error());
  }
  if (const JsonValue* settle = fields->find("settle")) {
    auto ok = take_some("settle", *settle, read_settle_of, append.settles);
    if (!ok) return refuse_many(ok.error());
  }
  if (const JsonValue* once = fields->find("once")) {
    auto ok = take_some("once", *once, read_processed_id, append.once);
    if (!ok) return refuse_many(ok.error());
  }
  if (const JsonValue* appends = fields->find("appends")) {
    if (appends->kind != JsonKind::array) return refuse_many("\"appends\" is an array");
    JsonReader elements;
    if (const auto kind = elements.parse(appends->text); !kind) return refuse_many(kind.error());
    for (const JsonMember& element : elements.members()) {
      const std::string place = "appends[" + std::to_string(append.parts.size()) + "]: ";
      auto part = read_part(call, element.value, place);
      if (!part) return std::unexpected(std::move(part.error()));
      append.parts.push_back(std::move(*part));
    }
  }
  return append;
}

TakenMany take_many(Call& call) {
  if (auto known = call.query.allow({"durability", "commit_consumer", "commit_stream",
                                     "commit_expected", "commit_next", "commit_metadata"});
      !known) {
    return std::unexpected(malformed(known.error()));
  }
  const auto durability = call.query.durability();
  if (!durability) return std::unexpected(malformed(durability.error()));
  auto idempotency = parse_idempotency(call);
  if (!idempotency) return std::unexpected(malformed(idempotency.error()));
  AppendMany append{.durability = *durability, .idempotency = std::move(*idempotency)};
  auto commit = commit_in_query(call.query);
  if (!commit) return std::unexpected(malformed(commit.error()));
  if (*commit) append.commits.push_back(std::move(**commit));

  const MediaType type(call.header(Header::content_type));
  const bool ndjson = type.is(kNdjson) && type.is_utf8();
  if (!ndjson && !is_json_body(call)) {
    return std::unexpected(unsupported_type(call, "application/json, application/x-ndjson"));
  }
  auto taken = ndjson ? take_ndjson(call, std::move(append)) : take_json(call, std::move(append));
  if (taken && taken->parts.empty() && taken->commits.empty() && taken->settles.empty() &&
      taken->once.empty()) {
    return refuse_many("there is nothing to append and nothing to commit in the request");
  }
  return taken;
}

void perform_many(Call call, Authorised<AppendMany> append, Answer answer) {
  Service& service = call.service;
  service.log.append(std::move(append).take(),
                     answer.owe<std::vector<Appended>>(service, print_appended_many));
}

}  // namespace

BodyChecked append_many(Call call, Answer answer) {
  return checked(std::move(call), std::move(answer), take_many, perform_many);
}

}  // namespace strandline::server
