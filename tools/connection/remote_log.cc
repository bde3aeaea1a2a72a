#include "tools/connection/remote_log.h"

#include <fmt/format.h>

#include "schemas/frame.h"
#include "server/json/json_writer.h"
#include "server/wire/cloudevents.h"
#include "tools/base/place.h"

namespace strandline::tools {
namespace {

using server::render_string;

StreamInfo stream_of(const rapidjson::Value& object) {
  return {.name = std::string(text_of(object, "stream")),
          .start = Offset(number_of(object, "start")),
          .tail = Offset(number_of(object, "tail")),
          .events = number_of(object, "events"),
          .bytes = number_of(object, "bytes"),
          .created = time_of(object, "created").value_or(Timestamp{}),
          .last_stored = time_of(object, "last_stored"),
          .settings = {.description = std::string(text_of(object, "description"))}};
}

// --- Appends as NDJSON: a line an event, each with its stream.

std::string render_parts(const std::vector<AppendMany::Part>& parts) {
  std::string body;
  for (const AppendMany::Part& part : parts) {
    for (const auto* raw : *part.batch.root().events()) {
      server::render_event(body, part.stream, Event(raw, Offset{}, Sequence{}, Timestamp{}),
                           {.positions = false, .derived = server::Derived::nothing});
      body += '\n';
    }
  }
  return body;
}

class RemoteFeed : public Feed {
 public:
  explicit RemoteFeed(HttpConnection connection) : connection_(std::move(connection)) {}

  Status send(const AppendMany& request) override {
    Query query;
    for (const Commit& commit : request.commits) {  // the API takes one
      query.add("commit_consumer", commit.consumer).add("commit_stream", commit.stream);
      if (commit.expected) query.add("commit_expected", std::to_string(*commit.expected));
      query.add("commit_next", std::to_string(commit.next));
      if (!commit.metadata.empty()) query.add("commit_metadata", commit.metadata);
    }
    return connection_.send({.method = "POST",
                             .target = "/v1/append" + query.text(),
                             .content_type = "application/x-ndjson",
                             .body = render_parts(request.parts)});
  }

  Status receive() override {
    auto answer = connection_.receive();
    if (!answer) return std::unexpected(answer.error());
    if (!answer->ok()) return std::unexpected(error_of(*answer));
    return {};
  }

 private:
  HttpConnection connection_;
};

std::string stream_path(std::string_view name) { return "/v1/streams/" + encode(name); }

std::string position_path(std::string_view consumer, std::string_view stream) {
  return "/v1/consumers/" + encode(consumer) + "/positions/" + encode(stream);
}

Result<StreamInfo> stream_in(const Result<rapidjson::Document>& answer) {
  if (!answer) return std::unexpected(answer.error());
  return stream_of(*answer);
}

Result<std::vector<ConsumerPosition>> positions_in(const Result<rapidjson::Document>& answer) {
  if (!answer) return std::unexpected(answer.error());
  std::vector<ConsumerPosition> positions;
  for (const rapidjson::Value& object : array_of(*answer, "positions")) {
    positions.push_back({.consumer = std::string(text_of(object, "consumer")),
                         .stream = std::string(text_of(object, "stream")),
                         .next = number_of(object, "next"),
                         .committed = time_of(object, "committed").value_or(Timestamp{}),
                         .metadata = std::string(text_of(object, "metadata"))});
  }
  return positions;
}

std::string unreached(Purpose purpose) {
  if (purpose != Purpose::write && purpose != Purpose::create) return {};
  return "; nothing was appended or changed. Is the server running? `strandline serve` starts one; "
         "--server names another";
}

}  // namespace

RemoteLog::RemoteLog(Url url, Purpose purpose)
    : url_(std::move(url)), exchange_(url_, unreached(purpose)) {}

Result<rapidjson::Document> RemoteLog::get(std::string target) {
  return exchange_.ask({.target = std::move(target)});
}

Result<rapidjson::Document> RemoteLog::ask(const char* method, std::string target,
                                           std::string body) {
  return exchange_.ask({.method = method,
                        .target = std::move(target),
                        .content_type = "application/json",
                        .body = std::move(body)});
}

Result<Appended> RemoteLog::append(Append request) {
  HttpRequest http{.method = "POST",
                   .target = stream_path(request.stream) + "/events",
                   .content_type = schema::kBatchMediaType,
                   .body = std::string(request.batch.bytes())};
  if (request.durability == Durability::accepted) http.target += "?durability=accepted";
  if (request.expected.kind == Expected::Kind::absent) {
    http.headers.emplace_back("If-None-Match", "*");
  } else if (request.expected.kind == Expected::Kind::present) {
    http.headers.emplace_back("If-Match", "*");
  } else if (request.expected.kind == Expected::Kind::next) {
    http.headers.emplace_back("If-Match", fmt::format("\"{}\"", request.expected.offset.value));
  }
  if (request.producer) {
    http.headers.emplace_back("Producer-Id", request.producer->id);
    http.headers.emplace_back("Producer-Epoch", std::to_string(request.producer->epoch));
    http.headers.emplace_back("Producer-Seq", std::to_string(request.producer->sequence));
  }
  auto answer = exchange_.ask(http);
  if (!answer) return std::unexpected(answer.error());
  return Appended{.stream = std::move(request.stream),
                  .first = Offset(number_of(*answer, "first")),
                  .next = Offset(number_of(*answer, "next")),
                  .sequence = Sequence(number_of(*answer, "sequence")),
                  .stored = time_of(*answer, "stored").value_or(Timestamp{}),
                  .durability = request.durability,
                  .retried = answer->HasMember("retried")};
}

Result<std::unique_ptr<Feed>> RemoteLog::feed() {
  auto connection = HttpConnection::open(url_);
  if (!connection) return std::unexpected(connection.error());
  return std::make_unique<RemoteFeed>(std::move(*connection));
}

Result<std::unique_ptr<Reader>> RemoteLog::read(const ReadRequest& request) {
  return read_remote(url_, request);
}

Result<StreamInfo> RemoteLog::create_stream(std::string name, StreamSettings settings) {
  std::string body = "{\"description\":";
  render_string(body, settings.description);
  return stream_in(ask("PUT", stream_path(name), body + "}"));
}

Status RemoteLog::delete_stream(std::string name) {
  auto answer = exchange_.ask({.method = "DELETE", .target = stream_path(name)});
  if (!answer) return std::unexpected(answer.error());
  return {};
}

Result<Offset> RemoteLog::truncate(std::string name, Offset before) {
  auto answer =
      ask("POST", stream_path(name) + "/truncate", fmt::format("{{\"before\":{}}}", before.value));
  if (!answer) return std::unexpected(answer.error());
  return Offset(number_of(*answer, "start"));
}

Result<StreamInfo> RemoteLog::describe(std::string_view name) {
  return stream_in(get(stream_path(name)));
}

Result<std::vector<StreamInfo>> RemoteLog::list(std::string_view prefix, std::string_view after,
                                                size_t limit) {
  Query query;
  query.add("prefix", prefix).add("after", after).add("limit", std::to_string(limit));
  auto answer = get("/v1/streams" + query.text());
  if (!answer) return std::unexpected(answer.error());
  std::vector<StreamInfo> streams;
  for (const rapidjson::Value& object : array_of(*answer, "streams")) {
    streams.push_back(stream_of(object));
  }
  return streams;
}

Result<uint64_t> RemoteLog::position(std::string_view consumer, std::string_view stream) {
  auto answer = get(position_path(consumer, stream));
  if (!answer) return std::unexpected(answer.error());
  return number_of(*answer, "next");
}

Result<std::vector<ConsumerPosition>> RemoteLog::positions(std::string_view consumer_prefix,
                                                           size_t limit) {
  Query query;
  query.add("prefix", consumer_prefix).add("limit", std::to_string(limit));
  return positions_in(get("/v1/consumers" + query.text()));
}

Result<std::vector<ConsumerPosition>> RemoteLog::reset_positions(std::string consumer, From from) {
  return positions_in(ask("POST", "/v1/consumers/" + encode(consumer) + "/reset",
                          "{\"from\":\"" + render_from(from) + "\"}"));
}

Result<uint64_t> RemoteLog::commit(Commit request) {
  std::string body = fmt::format("{{\"next\":{}", request.next);
  if (request.expected) body += fmt::format(",\"expected\":{}", *request.expected);
  if (request.epoch) body += fmt::format(",\"epoch\":{}", *request.epoch);
  if (!request.metadata.empty()) {
    body += ",\"metadata\":";
    render_string(body, request.metadata);
  }
  auto answer = ask("PUT", position_path(request.consumer, request.stream), body + "}");
  if (!answer) return std::unexpected(answer.error());
  return number_of(*answer, "next");
}

Result<std::string> RemoteLog::info() {
  auto answer = exchange_.send({.target = "/v1/info"});
  if (!answer) return std::unexpected(answer.error());
  return std::move(answer->body);
}

Result<std::unique_ptr<LogHandle>> open_remote(const std::string& url, Credentials credentials,
                                               Purpose purpose) {
  auto parsed = Url::parse(url);
  if (!parsed) return std::unexpected(parsed.error());
  parsed->trust = std::move(credentials.trust);
  parsed->token = std::move(credentials.token);
  return std::make_unique<RemoteLog>(std::move(*parsed), purpose);
}

}  // namespace strandline::tools
