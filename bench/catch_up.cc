// A follower's catch-up over HTTP: history as fast as one connection takes it, beside JetStream's
// ordered consumer and Redis's XRANGE in pages of 1,000. The history's data is JSON, so that frames
// and NDJSON carry the same events.
#include "bench/filled_log.h"
#include "bench/follower.h"
#include "bench/jetstream.h"
#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/redis.h"
#include "bench/served.h"

namespace strandline::bench {
namespace {

constexpr size_t kReadBytes = 256 << 10;

std::vector<Row> catch_up_rows() {
  constexpr char kConsume[] = "JetStream, ordered push consumer";
  constexpr char kRange[] = "redis-server XRANGE, pages of 1,000";
  return {Row{.name = "server-catch-up-frames",
              .unit = "events/s",
              .what = "server, a follower's catch-up, FlatBuffers",
              .yardstick = kConsume,
              .bar = Bar{4}},
          Row{.name = "server-catch-up-ndjson",
              .unit = "events/s",
              .what = "server, a follower's catch-up, NDJSON",
              .yardstick = kConsume,
              .bar = Bar{1.5}},
          Row{.name = "server-catch-up-frames-redis", .unit = "events/s", .yardstick = kRange},
          Row{.name = "server-catch-up-ndjson-redis", .unit = "events/s", .yardstick = kRange}};
}

class CatchUp : public Workload {
 public:
  explicit CatchUp(const Settings& settings)
      : Workload(catch_up_rows()),
        settings_(settings),
        scratch_(settings.directory, "catch-up"),
        events_(settings.size<uint64_t>(5'000'000, 20'000)),
        lines_(settings.size<uint64_t>(2'000'000, 5'000)),
        buffer_(kReadBytes, '\0') {
    const auto data = scratch_.path() / "log";
    {
      auto log = must(Log::open(data), "open");
      fill(*log, {.stream_prefix = "history-", .events = events_, .form = DataForm::json});
      if (!settings.tiny) wait_until_still(data);
    }
    served_ = std::make_unique<Served>(data);
    make_jetstream();
    make_redis();
  }

  void round(int number) override {
    alternate(
        number,
        [&] {
          ours(0, follow("earliest", events_, Follower::Format::frames));
          const std::string from = std::to_string(events_ - lines_);
          ours(1, follow(from, lines_, Follower::Format::lines));
        },
        [&] {
          if (jetstream_)
            theirs(0, static_cast<double>(messages_) / jetstream_->consume(messages_));
          if (redis_) theirs(2, page_through());
        });
  }

 private:
  void make_jetstream() {
    if (const auto why = JetStream::absent(settings_)) {
      for (size_t i = 0; i < 2; ++i) rows_[i].yardstick = *why;
      return;
    }
    jetstream_ = std::make_unique<JetStream>(settings_);
    messages_ = jetstream_
                    ->publish({.connections = 1,
                               .streams = 1,
                               .under_way = 4000,
                               .events = settings_.size<uint64_t>(1'000'000, 5'000)})
                    .events;
  }

  void make_redis() {
    if (const auto why = Redis::absent(settings_)) {
      for (size_t i = 2; i < 4; ++i) rows_[i].yardstick = *why;
      return;
    }
    redis_ = std::make_unique<Redis>(settings_, "no");
    const std::string adds = redis_adds("history-0", 0, 100);
    const Load load{.port = redis_->port(),
                    .connections = 1,
                    .depth = 16,
                    .answers_per_request = 100,
                    .answer_bytes = redis_answer,
                    .request = [&](size_t, uint64_t) -> std::string_view { return adds; }};
    run(load, settings_.size(2.0, 0.05));
  }

  // Rows come in pairs of one yardstick: frames, lines.
  void ours(size_t format, double rate) {
    for (size_t i = format; i < rows_.size(); i += 2) rows_[i].ours.push_back(rate);
  }
  void theirs(size_t first, double rate) {
    for (size_t i = first; i < first + 2; ++i) rows_[i].theirs.push_back(rate);
  }

  double follow(const std::string& from, uint64_t events, Follower::Format format) {
    const double begin = now_s();
    Follower follower(served_->port(), "history-0", from, format);
    while (follower.events() < events) {
      const size_t got = follower.socket().read_some(buffer_.data(), buffer_.size());
      follower.take({buffer_.data(), got});
    }
    const double seconds = now_s() - begin;
    if (follower.events() != events) throw Failure("more events than there are");
    rows_[format == Follower::Format::frames ? 0 : 1].note =
        std::to_string(events) + " events, " + std::to_string(follower.bytes() / events) +
        " bytes each on the wire; the server has read " +
        std::to_string(served_->metric("strandline_store_batches_read_total")) +
        " batches from the store";
    return static_cast<double>(events) / seconds;
  }

  double page_through() {
    Socket socket(redis_->port());
    const double begin = now_s();
    uint64_t entries = 0;
    for (std::string from = "-";;) {
      socket.write_all(redis_command({"XRANGE", "history-0", from, "+", "COUNT", "1000"}));
      RedisRange page;
      while (!page.whole()) {
        page.take({buffer_.data(), socket.read_some(buffer_.data(), buffer_.size())});
      }
      if (page.entries() == 0) break;
      entries += page.entries();
      from = "(" + page.last_id();
    }
    return static_cast<double>(entries) / (now_s() - begin);
  }

  const Settings settings_;
  Scratch scratch_;
  const uint64_t events_;
  const uint64_t lines_;  // how many of them are read as NDJSON
  std::string buffer_;
  std::unique_ptr<Served> served_;
  std::unique_ptr<JetStream> jetstream_;
  uint64_t messages_ = 0;  // in it
  std::unique_ptr<Redis> redis_;
};

}  // namespace

std::unique_ptr<Workload> server_catch_up(const Settings& settings) {
  return std::make_unique<CatchUp>(settings);
}

}  // namespace strandline::bench
