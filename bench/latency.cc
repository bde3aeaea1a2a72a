// From the call of append to the event in a follower's hands, at 1,000 events a second, beside the
// disk's own fdatasync in the same round: the least that a durable delivery can take.
#include <poll.h>

#include <atomic>
#include <thread>

#include "bench/follower.h"
#include "bench/load.h"
#include "bench/machine.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/served.h"
#include "bench/table.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr char kStream[] = "latency";
constexpr double kEventsPerSecond = 1000;

std::vector<Row> rows_named(const std::string& name, double p50_bar, double p99_bar) {
  return {Row{.name = name + "-p50",
              .unit = "us",
              .yardstick = "p50 of fdatasync",
              .bar = Bar{.value = p50_bar, .kind = Bar::Kind::at_most}},
          Row{.name = name + "-p99",
              .unit = "us",
              .yardstick = "p50 of fdatasync",
              .bar = Bar{.value = p99_bar, .kind = Bar::Kind::at_most}}};
}

// When each event was sent, by its offset, and how long each took.
class Stopwatch {
 public:
  explicit Stopwatch(double seconds)
      : sent_(static_cast<size_t>(std::max(20.0, seconds * kEventsPerSecond))) {}

  size_t count() const { return sent_.size(); }
  // Calls `send` once an event, on time: a late one does not make those after it later.
  template <class Send>
  void pace(Send send) {
    const auto begin = std::chrono::steady_clock::now();
    for (size_t i = 0; i < sent_.size(); ++i) {
      std::this_thread::sleep_until(begin + std::chrono::duration<double>(i / kEventsPerSecond));
      sent_[i].store(now_s(), std::memory_order_release);
      send(i);
    }
  }
  void arrived(size_t offset) {
    took_us_.push_back((now_s() - sent_[offset].load(std::memory_order_acquire)) * 1e6);
  }
  bool over() const { return took_us_.size() == sent_.size(); }
  const std::vector<double>& took_us() const { return took_us_; }

 private:
  std::vector<std::atomic<double>> sent_;
  std::vector<double> took_us_;
};

class Latency : public Workload {
 public:
  using Workload::Workload;

 protected:
  void record(const Stopwatch& stopwatch, const SyncTimes& sync) {
    rows_[0].ours.push_back(percentile(stopwatch.took_us(), 0.50));
    rows_[1].ours.push_back(percentile(stopwatch.took_us(), 0.99));
    for (Row& row : rows_) row.theirs.push_back(sync.p50_us);
    rows_[1].note =
        "p99 of fdatasync in the last round: " + std::to_string(static_cast<int>(sync.p99_us)) +
        " us";
  }
};

class LatencyEngine : public Latency {
 public:
  explicit LatencyEngine(const Settings& settings)
      : Latency(rows_named("latency-engine", 2, 10)), settings_(settings), pool_(batches(100, 1)) {}

  void round(int) override {
    const SyncTimes sync = sync_times(settings_.directory, settings_.size(500, 20));
    Scratch scratch(settings_.directory, "latency");
    auto log = must(Log::open(scratch.path()), "open");
    must(log->create_stream(kStream), "create");
    auto follower = must(log->subscribe({.select = Selection::stream(kStream)}), "follow");
    Stopwatch stopwatch(settings_.seconds);
    std::jthread producer([&] {
      stopwatch.pace([&](size_t i) {
        log->append({.stream = kStream, .batch = pool_[i % pool_.size()]},
                    [](const Result<Appended>&) {});
      });
    });
    while (!stopwatch.over()) {
      const auto delivery = must(follower.next_for(std::chrono::seconds(30)), "follow");
      if (!delivery) throw Failure("nothing was delivered for 30 seconds");
      if (const auto* events = std::get_if<Events>(&*delivery)) {
        for (const Event& event : *events) stopwatch.arrived(event.offset.value);
      }
    }
    producer.join();
    record(stopwatch, sync);
    const Counters counters = log->counters();
    rows_[0].note = "the log's own syncs took " +
                    std::to_string(counters.sync_us_total / std::max<uint64_t>(counters.syncs, 1)) +
                    " us on average in the last round";
  }

 private:
  const Settings settings_;
  const std::vector<Batch> pool_;
};

class LatencyServer : public Latency {
 public:
  explicit LatencyServer(const Settings& settings)
      : Latency(rows_named("latency-server", 5, 20)), settings_(settings) {
    for (const Batch& batch : batches(100, 1)) {
      requests_.push_back(post_events(kStream, schema::kBatchMediaType, batch.bytes()));
    }
  }

  void round(int) override {
    const SyncTimes sync = sync_times(settings_.directory, settings_.size(500, 20));
    Scratch scratch(settings_.directory, "latency");
    {
      auto log = must(Log::open(scratch.path() / "log"), "open");
      must(log->create_stream(kStream), "create");
    }
    Served served(scratch.path() / "log");
    Follower follower(served.port(), kStream, "earliest", Follower::Format::frames);
    Socket producing(served.port());
    Stopwatch stopwatch(settings_.seconds);
    std::jthread producer([&] {
      stopwatch.pace([&](size_t i) { producing.write_all(requests_[i % requests_.size()]); });
    });
    char bytes[64 << 10];
    while (!stopwatch.over()) {
      pollfd sockets[] = {{.fd = follower.socket().fd(), .events = POLLIN, .revents = 0},
                          {.fd = producing.fd(), .events = POLLIN, .revents = 0}};
      if (poll(sockets, 2, 30'000) <= 0) throw Failure("nothing was delivered for 30 seconds");
      // The answers to the appends are not what is measured, but must be taken.
      if (sockets[1].revents) producing.read_some(bytes, sizeof bytes);
      if (!sockets[0].revents) continue;
      const uint64_t before = follower.events();
      follower.take({bytes, follower.socket().read_some(bytes, sizeof bytes)});
      for (uint64_t offset = before; offset < follower.events(); ++offset) {
        stopwatch.arrived(offset);
      }
    }
    producer.join();
    record(stopwatch, sync);
  }

 private:
  const Settings settings_;
  std::vector<std::string> requests_;
};

}  // namespace

std::unique_ptr<Workload> latency_engine(const Settings& settings) {
  return std::make_unique<LatencyEngine>(settings);
}

std::unique_ptr<Workload> latency_server(const Settings& settings) {
  return std::make_unique<LatencyServer>(settings);
}

}  // namespace strandline::bench
