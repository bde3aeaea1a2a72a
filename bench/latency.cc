// From the call of append to the event in a follower's hands, at 1,000 events a second, beside the
// disk's own fdatasync of as many bytes: the least that a durable delivery can take. The two take
// turns every quarter of a second, for disks drift.
#include <poll.h>

#include <atomic>
#include <thread>

#include "bench/disk.h"
#include "bench/follower.h"
#include "bench/load.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/redis.h"
#include "bench/served.h"
#include "bench/stopwatch.h"
#include "bench/table.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr char kFollowed[] = "latency";
constexpr int kSliceEvents = 250;
constexpr char kDisk[] = "p50 of fdatasync, turn by turn";

// Slices in a round.
int slices(const Settings& settings) {
  return std::max(1, static_cast<int>(settings.seconds * kEventsPerSecond / kSliceEvents));
}
int slice_events(const Settings& settings) { return settings.size(kSliceEvents, 20); }

struct DiskTimes {
  std::vector<double> us;        // one after the other: the yardstick
  std::vector<double> paced_us;  // as many a second as there are events
};

// Runs the slices: the disk's and then `deliver`'s, with the first event's number.
template <class Deliver>
DiskTimes beside_disk(const Settings& settings, Deliver deliver) {
  SyncedFile file(settings.directory);
  DiskTimes disk;
  for (int slice = 0; slice < slices(settings); ++slice) {
    file.run(slice_events(settings), 0, disk.us);
    deliver(static_cast<size_t>(slice * slice_events(settings)));
  }
  file.run(slice_events(settings), kEventsPerSecond, disk.paced_us);
  return disk;
}

std::string microseconds(double us) { return std::to_string(static_cast<int>(us)) + " us"; }

class Latency : public Workload {
 public:
  Latency(const Settings& settings, const std::string& name, const std::string& what,
          double p50_bar, double p99_bar)
      : Workload({Row{.name = name + "-p50",
                      .unit = "us",
                      .what = what + ", p50",
                      .yardstick = kDisk,
                      .bar = Bar{.value = p50_bar, .kind = Bar::Kind::at_most}},
                  Row{.name = name + "-p99",
                      .unit = "us",
                      .what = what + ", p99",
                      .yardstick = kDisk,
                      .bar = Bar{.value = p99_bar, .kind = Bar::Kind::at_most}}}),
        settings_(settings) {}

 protected:
  size_t events() const { return static_cast<size_t>(slices(settings_) * slice_events(settings_)); }
  void record(const Stopwatch& stopwatch, const DiskTimes& disk) {
    const double sync_us = percentile(disk.us, 0.50);
    rows_[0].ours.push_back(percentile(stopwatch.took_us(), 0.50));
    rows_[1].ours.push_back(percentile(stopwatch.took_us(), 0.99));
    for (size_t i = 0; i < 2; ++i) rows_[i].theirs.push_back(sync_us);
    rows_[1].note = "fdatasync in the last round: p99 " + microseconds(percentile(disk.us, 0.99)) +
                    "; 1,000 a second: p50 " + microseconds(percentile(disk.paced_us, 0.50)) +
                    ", p99 " + microseconds(percentile(disk.paced_us, 0.99));
  }

  const Settings settings_;
};

class LatencyEngine : public Latency {
 public:
  explicit LatencyEngine(const Settings& settings)
      : Latency(settings, "latency-engine", "append to delivery, embedded", 2, 10),
        pool_(batches(100, 1)) {}

  void round(int) override {
    Scratch scratch(settings_.directory, "latency");
    auto log = must(Log::open(scratch.path()), "open");
    must(log->create_stream(kFollowed), "create");
    auto follower = must(log->subscribe({.select = Selection::stream(kFollowed)}), "follow");
    Stopwatch stopwatch(events());
    const DiskTimes disk = beside_disk(settings_, [&](size_t first) {
      const size_t end = first + static_cast<size_t>(slice_events(settings_));
      std::jthread producer([&] {
        stopwatch.pace(first, end, [&](size_t i) {
          log->append({.stream = kFollowed, .batch = pool_[i % pool_.size()]},
                      [](const Result<Appended>&) {});
        });
      });
      while (stopwatch.arrivals() < end) {
        const auto delivery = must(follower.next_for(std::chrono::seconds(30)), "follow");
        if (!delivery) throw Failure("nothing was delivered for 30 seconds");
        if (const auto* events = std::get_if<Events>(&*delivery)) {
          for (const Event& event : *events) stopwatch.arrived(event.offset.value);
        }
      }
    });
    record(stopwatch, disk);
    const Counters counters = log->counters();
    rows_[0].note = "the log's own syncs took " +
                    std::to_string(counters.sync_us_total / std::max<uint64_t>(counters.syncs, 1)) +
                    " us on average in the last round";
  }

 private:
  const std::vector<Batch> pool_;
};

class LatencyServer : public Latency {
 public:
  explicit LatencyServer(const Settings& settings)
      : Latency(settings, "latency-server", "append to delivery, over the server", 5, 20) {
    for (const char* percentile : {"p50", "p99"}) {
      rows_.push_back({.name = std::string("latency-server-") + percentile + "-redis",
                       .unit = "us",
                       .yardstick = "redis-server XADD to XREAD BLOCK, appendfsync always"});
    }
    if (const auto why = Redis::absent(settings)) {
      for (size_t i = 2; i < 4; ++i) rows_[i].yardstick = *why;
    }
    for (size_t i = 0; i < 100; ++i) {
      const Batch batch = batch_of(i, 1);
      requests_.push_back(post_events(kFollowed, schema::kBatchMediaType, batch.bytes()));
      adds_.push_back(redis_adds(kFollowed, i, 1));
    }
  }

  void round(int number) override {
    alternate(
        number, [&] { ours(); },
        [&] {
          if (!Redis::absent(settings_)) theirs();
        });
  }

 private:
  void ours() {
    Scratch scratch(settings_.directory, "latency");
    {
      auto log = must(Log::open(scratch.path() / "log"), "open");
      must(log->create_stream(kFollowed), "create");
    }
    Served served(scratch.path() / "log");
    Follower follower(served.port(), kFollowed, "earliest", Follower::Format::frames);
    Socket producing(served.port());
    Stopwatch stopwatch(events());
    const DiskTimes disk = beside_disk(settings_, [&](size_t first) {
      deliver(
          stopwatch, first, producing, requests_, follower.socket(),
          [&](std::string_view bytes) { follower.take(bytes); }, [&] { return follower.events(); });
    });
    record(stopwatch, disk);
    for (size_t i = 0; i < 2; ++i) rows_[2 + i].ours.push_back(rows_[i].ours.back());
  }

  void theirs() {
    Redis redis(settings_, "always");
    Socket reading(redis.port());
    Socket producing(redis.port());
    Stopwatch stopwatch(events());
    uint64_t entries = 0;
    std::string last = "0";
    RedisRange answer(RedisRange::Of::streams);
    const auto ask = [&] {
      answer = RedisRange(RedisRange::Of::streams);
      reading.write_all(
          redis_command({"XREAD", "COUNT", "100", "BLOCK", "0", "STREAMS", kFollowed, last}));
    };
    ask();
    const auto take = [&](std::string_view bytes) {
      answer.take(bytes);
      if (!answer.whole()) return;
      entries += answer.entries();
      last = answer.last_id();
      ask();
    };
    for (int slice = 0; slice < slices(settings_); ++slice) {
      deliver(stopwatch, static_cast<size_t>(slice * slice_events(settings_)), producing, adds_,
              reading, take, [&] { return entries; });
    }
    rows_[2].theirs.push_back(percentile(stopwatch.took_us(), 0.50));
    rows_[3].theirs.push_back(percentile(stopwatch.took_us(), 0.99));
  }

  // One slice: requests out on one connection, on time; what arrives on the other is counted.
  template <class Take, class Count>
  void deliver(Stopwatch& stopwatch, size_t first, Socket& producing,
               const std::vector<std::string>& requests, Socket& reading, Take take, Count count) {
    const size_t end = first + static_cast<size_t>(slice_events(settings_));
    std::jthread producer([&] {
      stopwatch.pace(first, end,
                     [&](size_t i) { producing.write_all(requests[i % requests.size()]); });
    });
    char bytes[64 << 10];
    while (stopwatch.arrivals() < end) {
      pollfd sockets[] = {{.fd = reading.fd(), .events = POLLIN, .revents = 0},
                          {.fd = producing.fd(), .events = POLLIN, .revents = 0}};
      if (poll(sockets, 2, 30'000) <= 0) throw Failure("nothing was delivered for 30 seconds");
      // The answers to the appends are not what is measured, but must be taken.
      if (sockets[1].revents) producing.read_some(bytes, sizeof bytes);
      if (!sockets[0].revents) continue;
      take(std::string_view(bytes, reading.read_some(bytes, sizeof bytes)));
      while (stopwatch.arrivals() < count()) stopwatch.arrived(stopwatch.arrivals());
    }
  }

  std::vector<std::string> requests_;
  std::vector<std::string> adds_;
};

}  // namespace

std::unique_ptr<Workload> latency_engine(const Settings& settings) {
  return std::make_unique<LatencyEngine>(settings);
}

std::unique_ptr<Workload> latency_server(const Settings& settings) {
  return std::make_unique<LatencyServer>(settings);
}

}  // namespace strandline::bench
