// Durable appends over the network, beside redis-server with `appendfsync always`, beside
// JetStream, and beside HTTP with nothing behind it. One client (load.h) serves all but JetStream,
// whose own library is its client; each connection has a stream, or a key, of its own.
#include <functional>

#include "bench/bare_http.h"
#include "bench/jetstream.h"
#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/redis.h"
#include "bench/served.h"
#include "schemas/frame.h"

namespace strandline::bench {
namespace {

using Requests = std::vector<std::vector<std::string>>;  // of each connection, taken in turn

std::string target_of(size_t connection) { return "load-" + std::to_string(connection); }

// What one side is sent.
struct Side {
  Requests requests;
  size_t depth;        // requests under way on each connection
  uint32_t events;     // in a request
  size_t answers = 1;  // to a request
  AnswerBytes answer_bytes;
};

class ServerAppend : public Workload {
 public:
  ServerAppend(const Settings& settings, std::vector<Row> rows, Side http)
      : Workload(std::move(rows)), settings_(settings), http_(std::move(http)) {}

  void round(int number) override {
    alternate(
        number, [&] { ours(); },
        [&] {
          for (size_t i = 0; i < besides_.size(); ++i) {
            std::string cores;
            if (besides_[i]) rows_[i].theirs.push_back(besides_[i](cores));
            rows_[i].note = cores_ + (cores.empty() ? "" : "; ") + cores;
          }
        });
  }

 protected:
  // What the next row is measured beside; why not, if it is not there.
  using Beside = std::function<double(std::string& cores)>;
  void beside(const std::optional<std::string>& absent, Beside measure) {
    if (absent) rows_[besides_.size()].yardstick = *absent;
    besides_.push_back(absent ? nullptr : std::move(measure));
  }

  // Events a second; `cores` says who took the processors meanwhile.
  template <class Peer>
  double rate(const Peer& peer, const Side& side, const char* name, std::string& cores) {
    settle(settings_.directory);
    const double own = own_cpu_s(), theirs = peer.cpu_s();
    const Load load{.port = peer.port(),
                    .connections = side.requests.size(),
                    .depth = side.depth,
                    .answers_per_request = side.answers,
                    .answer_bytes = side.answer_bytes,
                    .request = [&](size_t connection, uint64_t n) -> std::string_view {
                      const auto& of_connection = side.requests[connection];
                      return of_connection[n % of_connection.size()];
                    }};
    const LoadResult result = run(load, settings_.seconds);
    cores = cores_taken(name, (peer.cpu_s() - theirs) / result.seconds,
                        (own_cpu_s() - own) / result.seconds);
    return static_cast<double>(result.requests * side.events) / result.seconds;
  }

  static std::string cores_taken(const char* name, double server, double client) {
    char text[100];
    std::snprintf(text, sizeof text, "%s took %.2f cores, its client %.2f", name, server, client);
    return text;
  }

  const Settings settings_;

 private:
  void ours() {
    Scratch scratch(settings_.directory, "served");
    Served served(scratch.path() / "log");
    const double events_per_s = rate(served, http_, "strandline", cores_);
    for (Row& row : rows_) row.ours.push_back(events_per_s);
  }

  const Side http_;
  std::vector<Beside> besides_;  // of each row
  std::string cores_;            // that Strandline took, in the last round
};

class AppendFlatBuffers : public ServerAppend {
 public:
  static constexpr size_t kConnections = 4;

  AppendFlatBuffers(const Settings& settings, Side http, Side redis)
      : ServerAppend(settings,
                     {Row{.name = "server-append-flatbuffer",
                          .unit = "events/s",
                          .what = "server, durable FlatBuffer batches of 100, 4 connections",
                          .yardstick = "redis-server XADD, pipelined, appendfsync always",
                          .bar = Bar{3}},
                      Row{.name = "server-append-flatbuffer-jetstream",
                          .unit = "events/s",
                          .what = "the same",
                          .yardstick = "JetStream, asynchronous publish, files not fsynced",
                          .bar = Bar{3.5}}},
                     std::move(http)),
        redis_(std::move(redis)) {
    beside(Redis::absent(settings), [this](std::string& cores) {
      Redis redis(settings_, "always");
      return rate(redis, redis_, "redis-server", cores);
    });
    beside(JetStream::absent(settings), [this](std::string& cores) {
      JetStream jetstream(settings_);
      settle(settings_.directory);
      const double own = own_cpu_s(), theirs = jetstream.cpu_s();
      const auto published = jetstream.publish({.connections = kConnections,
                                                .streams = kConnections,
                                                .under_way = 1600,
                                                .seconds = settings_.seconds});
      cores = cores_taken("nats-server", (jetstream.cpu_s() - theirs) / published.seconds,
                          (own_cpu_s() - own) / published.seconds);
      return static_cast<double>(published.events) / published.seconds;
    });
  }

 private:
  const Side redis_;
};

class AppendJson : public ServerAppend {
 public:
  AppendJson(const Settings& settings, Side http, Side redis)
      : ServerAppend(settings,
                     {Row{.name = "server-append-json-50",
                          .unit = "events/s",
                          .what = "server, durable, one JSON event a request, 50 connections",
                          .yardstick = "redis-server XADD, unpipelined, appendfsync always"},
                      Row{.name = "server-append-json-50-http",
                          .unit = "events/s",
                          .what = "the same",
                          .yardstick = "Asio and Beast that answer and do nothing else"}},
                     http),
        http_(std::move(http)),
        redis_(std::move(redis)) {
    beside(Redis::absent(settings), [this](std::string& cores) {
      Redis redis(settings_, "always");
      return rate(redis, redis_, "redis-server", cores);
    });
    beside(std::nullopt, [this](std::string& cores) {
      BareHttp bare(settings_);
      return rate(bare, http_, "bare HTTP", cores);
    });
  }

 private:
  const Side http_;
  const Side redis_;
};

}  // namespace

std::unique_ptr<Workload> server_append_flatbuffer(const Settings& settings) {
  constexpr size_t kConnections = AppendFlatBuffers::kConnections;
  const std::vector<Batch> pool = batches(settings.size<size_t>(64, 4), kBatchEvents);
  Requests http(kConnections), redis(kConnections);
  for (size_t c = 0; c < kConnections; ++c) {
    for (size_t i = 0; i < pool.size(); ++i) {
      http[c].push_back(post_events(target_of(c), schema::kBatchMediaType, pool[i].bytes()));
      redis[c].push_back(redis_adds(target_of(c), i * kBatchEvents, kBatchEvents));
    }
  }
  return std::make_unique<AppendFlatBuffers>(
      settings,
      Side{.requests = std::move(http),
           .depth = 16,
           .events = kBatchEvents,
           .answer_bytes = http_answer},
      // Several pipelines under way: waiting for each costs Redis (README.md has the numbers).
      Side{.requests = std::move(redis),
           .depth = 4,
           .events = kBatchEvents,
           .answers = kBatchEvents,
           .answer_bytes = redis_answer});
}

std::unique_ptr<Workload> server_append_json_50(const Settings& settings) {
  const size_t connections = settings.size<size_t>(50, 5);
  Requests http(connections), redis(connections);
  for (size_t c = 0; c < connections; ++c) {
    for (uint64_t i = 0; i < 20; ++i) {
      const uint64_t number = c * 20 + i;
      const std::string event =
          std::string(R"({"type":")") + event_type(number) + R"(","data":)" + payload(number) + "}";
      http[c].push_back(post_events(target_of(c), "application/json", event));
      redis[c].push_back(redis_adds(target_of(c), number, 1));
    }
  }
  return std::make_unique<AppendJson>(
      settings,
      Side{.requests = std::move(http), .depth = 1, .events = 1, .answer_bytes = http_answer},
      Side{.requests = std::move(redis), .depth = 1, .events = 1, .answer_bytes = redis_answer});
}

}  // namespace strandline::bench
