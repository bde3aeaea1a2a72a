// Named consumers behind a server: the second half of RemoteLog.
#include <fmt/format.h>

#include "engine/api/event_rules.h"
#include "schemas/frame.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "server/wire/consumer_json.h"
#include "server/wire/settle_json.h"
#include "tools/base/place.h"
#include "tools/connection/remote_log.h"

namespace strandline::tools {
namespace {

std::vector<std::string> texts_of(const rapidjson::Value& object, const char* name) {
  std::vector<std::string> texts;
  for (const rapidjson::Value& text : array_of(object, name)) {
    if (text.IsString()) texts.emplace_back(text.GetString(), text.GetStringLength());
  }
  return texts;
}

ConsumerSettings settings_of(const rapidjson::Value& object) {
  ConsumerSettings settings;
  settings.mode = server::parse_consumer_mode(text_of(object, "mode")).value_or(settings.mode);
  const std::string_view stream = text_of(object, "stream");
  if (object.HasMember("streams")) {
    settings.select = Selection::list(texts_of(object, "streams"));
  } else if (object.HasMember("prefix")) {
    settings.select = Selection::prefix(std::string(text_of(object, "prefix")));
  } else if (stream != kAllName) {
    settings.select = Selection::stream(std::string(stream));
  }
  if (auto start = parse_from(std::string(text_of(object, "from")))) settings.start = *start;
  settings.types = texts_of(object, "types");
  settings.subjects = texts_of(object, "subjects");
  const auto retain = object.FindMember("retain");
  settings.retain = retain != object.MemberEnd() && retain->value.IsTrue();
  settings.attempts_max = static_cast<uint32_t>(number_of(object, "max_attempts"));
  settings.dead_letters = text_of(object, "dead_letters");
  if (!settings.is_consumer_group()) return settings;
  settings.key = text_of(object, "key");
  settings.ack_deadline_ms = number_of(object, "ack_deadline_ms");
  settings.unacked_max = number_of(object, "unacked_max");
  return settings;
}

ConsumerInfo consumer_of(const rapidjson::Value& object) {
  return {.name = std::string(text_of(object, "consumer")),
          .settings = settings_of(object),
          .created = time_of(object, "created").value_or(Timestamp{}),
          .epoch = number_of(object, "epoch"),
          .position = number_of(object, "position"),
          .next = number_of(object, "next"),
          .available = {number_of(object, "start"), number_of(object, "tail")},
          .lag = number_of(object, "lag"),
          .unacked = number_of(object, "unacked"),
          .pending = number_of(object, "pending"),
          .in_flight = number_of(object, "in_flight"),
          .redelivered = number_of(object, "redelivered"),
          .dead_lettered = number_of(object, "dead_lettered"),
          .members = number_of(object, "members"),
          .oldest_unacked = time_of(object, "oldest_unacked")};
}

std::string consumer_path(std::string_view name) { return "/v1/consumers/" + encode(name); }

Result<ConsumerInfo> consumer_in(const Result<rapidjson::Document>& answer) {
  if (!answer) return std::unexpected(answer.error());
  return consumer_of(*answer);
}

Status add_frame(const schema::Frame& frame, bool by_offset, Fetched& fetched) {
  const schema::FrameHead& head = frame.head;
  if (head.kind == schema::FrameKind::gap) {
    fetched.gaps.push_back({.stream = std::string(frame.name),
                            .from = head.first,
                            .to = head.sequence,
                            .reason = static_cast<GapReason>(head.reason),
                            .detail = std::string(frame.payload)});
  }
  if (head.kind != schema::FrameKind::batch) return {};
  const auto batch = Batch::verified(std::string(frame.payload), limits_of_stored());
  if (!batch) return std::unexpected(batch.error());
  if (batch->count() != head.count) return fail(Code::io, "a frame's count is wrong");
  const std::string& stream = fetched.bytes.emplace_back(frame.name);
  const std::string& flatbuffer = fetched.bytes.emplace_back(frame.payload);
  fetched.runs.emplace_back(stream, flatbuffer, head.count, 0, head.count, Offset(head.first),
                            Sequence(head.sequence), Timestamp{head.stored_us}, false);
  const uint64_t first = by_offset ? head.first : head.sequence;
  for (uint32_t i = 0; i < head.count; ++i) fetched.given.push_back({first + i, head.reason});
  return {};
}

}  // namespace

Result<ConsumerInfo> RemoteLog::create_consumer(std::string name, ConsumerSettings settings) {
  std::string body;
  server::render_consumer_settings(body, settings);
  return consumer_in(ask("PUT", consumer_path(name), std::move(body)));
}

Status RemoteLog::delete_consumer(std::string name) {
  auto answer = exchange_.ask({.method = "DELETE", .target = consumer_path(name)});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<ConsumerInfo> RemoteLog::reset_consumer(std::string name, From from) {
  return consumer_in(
      ask("POST", consumer_path(name) + "/reset", "{\"from\":\"" + render_from(from) + "\"}"));
}

Result<ConsumerInfo> RemoteLog::describe_consumer(std::string name) {
  return consumer_in(get(consumer_path(name)));
}

Result<ConsumerInfo> RemoteLog::update_consumer(std::string name, ConsumerChange change) {
  std::string body;
  server::render_consumer_change(body, change);
  return consumer_in(ask("PATCH", consumer_path(name), std::move(body)));
}

Result<std::vector<ConsumerInfo>> RemoteLog::consumers(std::string prefix, std::string after,
                                                       size_t limit) {
  Query query;
  query.add("prefix", prefix).add("after", after).add("limit", std::to_string(limit));
  auto answer = get("/v1/consumers" + query.text());
  if (!answer) return std::unexpected(answer.error());
  std::vector<ConsumerInfo> consumers;
  for (const rapidjson::Value& object : array_of(*answer, "consumers")) {
    consumers.push_back(consumer_of(object));
  }
  return consumers;
}

Result<Joined> RemoteLog::join(std::string consumer) {
  auto answer = ask("POST", consumer_path(consumer) + "/join", "{}");
  if (!answer) return std::unexpected(answer.error());
  return Joined{number_of(*answer, "epoch"), number_of(*answer, "position")};
}

Status RemoteLog::leave(std::string consumer, uint64_t epoch, bool untried) {
  auto answer = ask("POST", consumer_path(consumer) + "/leave",
                    fmt::format("{{\"epoch\":{},\"untried\":{}}}", epoch, untried));
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<bool> RemoteLog::reads_one_stream(const std::string& consumer) {
  if (counted_of_ == consumer) return by_offset_;
  auto there = describe_consumer(consumer);
  if (!there) return std::unexpected(there.error());
  counted_of_ = consumer;
  by_offset_ = there->settings.select.kind == Selection::Kind::stream;
  return by_offset_;
}

Result<Fetched> RemoteLog::fetch(Fetch request) {
  auto by_offset = reads_one_stream(request.consumer);
  if (!by_offset) return std::unexpected(by_offset.error());
  std::string body = fmt::format("{{\"max\":{},\"bytes\":{},\"wait_ms\":{}", request.events_max,
                                 request.bytes_max, request.wait.count());
  if (request.epoch != 0) body += fmt::format(",\"epoch\":{}", request.epoch);
  if (request.settle) server::render_settle(body, *request.settle);
  auto answer = exchange_.send({.method = "POST",
                                .target = consumer_path(request.consumer) + "/fetch",
                                .content_type = "application/json",
                                .accept = schema::kBatchMediaType,
                                .body = body + "}"});
  if (!answer) return std::unexpected(answer.error());
  Fetched fetched{.epoch = answer->number("Strandline-Epoch").value_or(request.epoch)};
  std::string_view rest = answer->body;
  while (const auto frame = schema::parse_frame(rest)) {
    rest.remove_prefix(frame->head.bytes);
    if (auto ok = add_frame(*frame, *by_offset, fetched); !ok) return std::unexpected(ok.error());
  }
  if (!rest.empty()) return fail(Code::io, "an answer ends within a frame");
  return fetched;
}

Result<Settled> RemoteLog::settle(Settle request) {
  std::string body = fmt::format("{{\"epoch\":{}", request.epoch);
  server::render_settle(body, request);
  auto answer = ask("POST", consumer_path(request.consumer) + "/settle", body + "}");
  if (!answer) return std::unexpected(answer.error());
  return Settled{.acked = number_of(*answer, "acked"),
                 .already = number_of(*answer, "already"),
                 .nacked = number_of(*answer, "nacked"),
                 .extended = number_of(*answer, "extended"),
                 .exhausted = number_of(*answer, "exhausted")};
}

Result<Skipped> RemoteLog::skip(Skip request) {
  std::string body = fmt::format("{{\"count\":{}", request.count);
  if (request.position) body += fmt::format(",\"position\":{}", *request.position);
  body += ",\"reason\":";
  server::render_string(body, request.reason);
  auto answer = ask("POST", consumer_path(request.consumer) + "/skip", body + "}");
  if (!answer) return std::unexpected(answer.error());
  return Skipped{number_of(*answer, "skipped"), number_of(*answer, "position")};
}

Result<uint64_t> RemoteLog::replay(std::string consumer, uint64_t limit) {
  auto answer =
      ask("POST", consumer_path(consumer) + "/replay", fmt::format("{{\"limit\":{}}}", limit));
  if (!answer) return std::unexpected(answer.error());
  return number_of(*answer, "replayed");
}

Result<std::vector<DeadLetter>> RemoteLog::dead_letters(std::string consumer, uint64_t from,
                                                        size_t limit) {
  constexpr size_t kPage = 1'000;
  std::vector<DeadLetter> letters;
  while (letters.size() < limit) {
    Query query;
    query.add("from", std::to_string(from));
    query.add("limit", std::to_string(std::min(kPage, limit - letters.size())));
    auto answer = get(consumer_path(consumer) + "/dead-letters" + query.text());
    if (!answer) return std::unexpected(answer.error());
    for (const rapidjson::Value& object : array_of(*answer, "dead_letters")) {
      letters.push_back(
          {.position = number_of(object, "position"), .at = Offset(number_of(object, "offset"))});
    }
    if (!answer->HasMember("next")) break;
    from = number_of(*answer, "next");
  }
  return letters;
}

}  // namespace strandline::tools
