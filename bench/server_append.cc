// Durable appends over the network, beside redis-server with `appendfsync always`. One client
// serves both (load.h); each connection has a stream, or a key, of its own.
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

std::string stream_of(size_t connection) { return "load-" + std::to_string(connection); }

Load load_of(uint16_t port, const Requests& requests, size_t depth, AnswerBytes answer_bytes) {
  return {.port = port,
          .connections = requests.size(),
          .depth = depth,
          .answer_bytes = answer_bytes,
          .request = [&](size_t connection, uint64_t n) -> std::string_view {
            const auto& own = requests[connection];
            return own[n % own.size()];
          }};
}

class ServerAppend : public Workload {
 public:
  struct Side {
    Requests requests;
    size_t depth;        // requests under way on each connection
    uint32_t events;     // in a request
    size_t answers = 1;  // to a request
  };

  ServerAppend(const Settings& settings, Row row, Side http, Side redis)
      : Workload({std::move(row)}),
        settings_(settings),
        http_(std::move(http)),
        redis_(std::move(redis)) {
    if (!Redis::installed()) rows_[0].yardstick = Redis::kAbsent;
  }

  void round(int number) override {
    alternate(
        number, [&] { ours(); }, [&] { theirs(); });
  }

 private:
  void ours() {
    Scratch scratch(settings_.directory, "served");
    Served served(scratch.path() / "log");
    settle(scratch.path());
    rows_[0].ours.push_back(rate(served.port(), http_, http_answer));
  }

  void theirs() {
    if (!Redis::installed()) return;
    Redis redis(settings_, "always");
    settle(settings_.directory);
    rows_[0].theirs.push_back(rate(redis.port(), redis_, redis_answer));
  }

  double rate(uint16_t port, const Side& side, AnswerBytes answer_bytes) {
    Load load = load_of(port, side.requests, side.depth, answer_bytes);
    load.answers_per_request = side.answers;
    const LoadResult result = run(load, settings_.seconds);
    return static_cast<double>(result.requests * side.events) / result.seconds;
  }

  const Settings settings_;
  const Side http_;
  const Side redis_;
};

}  // namespace

std::unique_ptr<Workload> server_append_flatbuffer(const Settings& settings) {
  constexpr size_t kConnections = 4;
  const std::vector<Batch> pool = batches(settings.size<size_t>(64, 4), kBatchEvents);
  Requests http(kConnections), redis(kConnections);
  for (size_t c = 0; c < kConnections; ++c) {
    for (size_t i = 0; i < pool.size(); ++i) {
      http[c].push_back(post_events(stream_of(c), schema::kBatchMediaType, pool[i].bytes()));
      redis[c].push_back(redis_adds(stream_of(c), i * kBatchEvents, kBatchEvents));
    }
  }
  return std::make_unique<ServerAppend>(
      settings,
      Row{.name = "server-append-flatbuffer",
          .unit = "events/s",
          .yardstick = "redis-server XADD, appendfsync always, pipelines of 100",
          .bar = Bar{2.5}},
      ServerAppend::Side{.requests = std::move(http), .depth = 16, .events = kBatchEvents},
      // Several pipelines under way: waiting for each costs Redis (README.md has the numbers).
      ServerAppend::Side{.requests = std::move(redis),
                         .depth = 4,
                         .events = kBatchEvents,
                         .answers = kBatchEvents});
}

std::unique_ptr<Workload> server_append_json_50(const Settings& settings) {
  const size_t connections = settings.size<size_t>(50, 5);
  Requests http(connections), redis(connections);
  for (size_t c = 0; c < connections; ++c) {
    for (uint64_t i = 0; i < 20; ++i) {
      const uint64_t number = c * 20 + i;
      const std::string event =
          std::string(R"({"type":")") + event_type(number) + R"(","data":)" + payload(number) + "}";
      http[c].push_back(post_events(stream_of(c), "application/json", event));
      redis[c].push_back(redis_adds(stream_of(c), number, 1));
    }
  }
  return std::make_unique<ServerAppend>(
      settings,
      Row{.name = "server-append-json-50",
          .unit = "events/s",
          .yardstick = "redis-server XADD, appendfsync always, unpipelined"},
      ServerAppend::Side{.requests = std::move(http), .depth = 1, .events = 1},
      ServerAppend::Side{.requests = std::move(redis), .depth = 1, .events = 1});
}

}  // namespace strandline::bench
