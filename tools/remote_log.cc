#include "tools/remote_log.h"

#include <fmt/format.h>

#include "schemas/frame.h"
#include "server/cloudevents.h"
#include "server/json_writer.h"
#include "tools/exchange.h"
#include "tools/place.h"

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

class RemoteLog : public Connection {
 public:
  RemoteLog(Url url, Purpose purpose)
      : url_(std::move(url)),
        exchange_(url_, purpose),
        consumers_(remote_consumers(url_, purpose)) {}

  bool is_server() const override { return true; }
  Result<Appended> append(Append request) override {
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
    auto answer = ask(std::move(http));
    if (!answer) return std::unexpected(answer.error());
    return Appended{.stream = request.stream,
                    .first = Offset(number_of(*answer, "first")),
                    .next = Offset(number_of(*answer, "next")),
                    .sequence = Sequence(number_of(*answer, "sequence")),
                    .stored = time_of(*answer, "stored").value_or(Timestamp{}),
                    .durability = request.durability,
                    .retried = answer->HasMember("retried")};
  }

  Result<std::unique_ptr<Feed>> feed() override {
    auto connection = HttpConnection::open(url_);
    if (!connection) return std::unexpected(connection.error());
    return std::make_unique<RemoteFeed>(std::move(*connection));
  }

  Result<std::unique_ptr<Reader>> read(const ReadRequest& request) override {
    return read_remote(url_, request);
  }

  Result<StreamInfo> create_stream(const std::string& name,
                                   const StreamSettings& settings) override {
    std::string body = "{\"description\":";
    render_string(body, settings.description);
    return stream(ask({.method = "PUT",
                       .target = stream_path(name),
                       .content_type = "application/json",
                       .body = body + "}"}));
  }

  Status delete_stream(const std::string& name) override {
    return done(ask({.method = "DELETE", .target = stream_path(name)}));
  }

  Result<Offset> truncate(const std::string& name, Offset before) override {
    auto answer = ask({.method = "POST",
                       .target = stream_path(name) + "/truncate",
                       .content_type = "application/json",
                       .body = fmt::format("{{\"before\":{}}}", before.value)});
    if (!answer) return std::unexpected(answer.error());
    return Offset(number_of(*answer, "start"));
  }

  Result<StreamInfo> describe(const std::string& name) override {
    return stream(ask({.target = stream_path(name)}));
  }

  Result<std::vector<StreamInfo>> list(const std::string& prefix, const std::string& after,
                                       size_t limit) override {
    Query query;
    query.add("prefix", prefix).add("after", after).add("limit", std::to_string(limit));
    auto answer = ask({.target = "/v1/streams" + query.text()});
    if (!answer) return std::unexpected(answer.error());
    std::vector<StreamInfo> streams;
    for (const rapidjson::Value& object : array_of(*answer, "streams")) {
      streams.push_back(stream_of(object));
    }
    return streams;
  }

  Result<uint64_t> position(const std::string& consumer, const std::string& stream) override {
    auto answer = ask({.target = position_path(consumer, stream)});
    if (!answer) return std::unexpected(answer.error());
    return number_of(*answer, "next");
  }

  Result<std::vector<ConsumerPosition>> positions(const std::string& prefix,
                                                       size_t limit) override {
    Query query;
    query.add("prefix", prefix).add("limit", std::to_string(limit));
    return positions_in(ask({.target = "/v1/consumers" + query.text()}));
  }

  Result<std::vector<ConsumerPosition>> reset_positions(const std::string& consumer,
                                                             const From& from) override {
    return positions_in(ask({.method = "POST",
                             .target = "/v1/consumers/" + encode(consumer) + "/reset",
                             .content_type = "application/json",
                             .body = "{\"from\":\"" + render_from(from) + "\"}"}));
  }

  static Result<std::vector<ConsumerPosition>> positions_in(
      Result<rapidjson::Document> answer) {
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

  Result<uint64_t> commit(Commit request) override {
    std::string body = fmt::format("{{\"next\":{}", request.next);
    if (request.expected) body += fmt::format(",\"expected\":{}", *request.expected);
    if (!request.metadata.empty()) {
      body += ",\"metadata\":";
      render_string(body, request.metadata);
    }
    auto answer = ask({.method = "PUT",
                       .target = position_path(request.consumer, request.stream),
                       .content_type = "application/json",
                       .body = body + "}"});
    if (!answer) return std::unexpected(answer.error());
    return number_of(*answer, "next");
  }

  NamedConsumers& consumers() override { return *consumers_; }

  Result<std::string> info() override {
    auto answer = exchange({.target = "/v1/info"});
    if (!answer) return std::unexpected(answer.error());
    return std::move(answer->body);
  }

 private:
  static std::string stream_path(const std::string& name) { return "/v1/streams/" + encode(name); }
  static std::string position_path(const std::string& consumer, const std::string& stream) {
    return "/v1/consumers/" + encode(consumer) + "/positions/" + encode(stream);
  }

  static Result<StreamInfo> stream(Result<rapidjson::Document> answer) {
    if (!answer) return std::unexpected(answer.error());
    return stream_of(*answer);
  }
  static Status done(Result<rapidjson::Document> answer) {
    if (!answer) return std::unexpected(answer.error());
    return {};
  }

  Result<HttpAnswer> exchange(const HttpRequest& request) { return exchange_.send(request); }
  Result<rapidjson::Document> ask(const HttpRequest& request) { return exchange_.ask(request); }

  const Url url_;
  Exchange exchange_;
  std::unique_ptr<NamedConsumers> consumers_;
};

}  // namespace

Result<std::unique_ptr<Connection>> open_remote(const std::string& url, Purpose purpose) {
  auto parsed = Url::parse(url);
  if (!parsed) return std::unexpected(parsed.error());
  return std::make_unique<RemoteLog>(std::move(*parsed), purpose);
}

}  // namespace strandline::tools
