// Durable appends to the engine beside bare RocksDB, and beside what the disk takes.
#include <atomic>
#include <cmath>
#include <semaphore>
#include <thread>

#include "bench/bare_rocksdb.h"
#include "bench/fio.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

// Appends under way: 16 MiB of batches of 100, so that the writer fills a group while the one
// before it is being fsynced, and more wait behind.
constexpr std::ptrdiff_t kUnderWay = 512;
constexpr size_t kPool = 64;  // different batches

std::string stream_name(uint64_t n) { return "stream-" + std::to_string(n); }

class AppendBatches : public Workload {
 public:
  AppendBatches(const Settings& settings, const std::string& name, uint32_t streams)
      : Workload({Row{.name = name,
                      .unit = "events/s",
                      .what = "engine, durable appends, batches of 100, " +
                              std::to_string(streams) + (streams == 1 ? " stream" : " streams"),
                      .yardstick = "bare RocksDB, sync=true, groups of 1,000 events",
                      .bar = Bar{1.3}},
                  Row{.name = name + "-alike",
                      .unit = "events/s",
                      .yardstick = "bare RocksDB, sync=true, groups as large as the log made them"},
                  Row{.name = name + "-fio",
                      .unit = "bytes/s",
                      .yardstick = "fio, writes as large as the log's groups, --fdatasync=1"}}),
        settings_(settings),
        streams_(streams),
        pool_(batches(settings.size(kPool, size_t{4}), kBatchEvents)) {
    if (const auto why = Fio::absent(settings)) rows_[2].yardstick = *why;
  }

  void round(int number) override {
    // The second row's group size is what the log did in this round, or in the one before.
    alternate(
        number, [&] { ours(); },
        [&] {
          theirs(rows_[0], kGroupBatches);
          theirs(rows_[1], group_batches_);
          if (!Fio::absent(settings_)) fio();
        });
    rows_[1].note = "the log's groups held " + std::to_string(group_batches_ * kBatchEvents) +
                    " events on average";
  }

 private:
  void ours() {
    Scratch scratch(settings_.directory, "log");
    auto log = must(Log::open(scratch.path()), "open");
    settle(scratch.path());
    std::counting_semaphore<> slots(kUnderWay);
    std::atomic<uint64_t> refused = 0;
    uint64_t n = 0;
    const double begin = now_s();
    for (; now_s() - begin < settings_.seconds; ++n) {
      slots.acquire();
      log->append({.stream = stream_name(n % streams_), .batch = pool_[n % pool_.size()]},
                  [&](const Result<Appended>& done) {
                    if (!done) ++refused;
                    slots.release();
                  });
    }
    for (std::ptrdiff_t i = 0; i < kUnderWay; ++i) slots.acquire();
    const double seconds = now_s() - begin;
    if (refused > 0) throw Failure(std::to_string(refused) + " appends were refused");
    const auto events = static_cast<double>(n * kBatchEvents);
    rows_[0].ours.push_back(events / seconds);
    rows_[1].ours.push_back(events / seconds);
    rows_[2].ours.push_back(static_cast<double>(n * pool_[0].bytes().size()) / seconds);
    const double groups = static_cast<double>(std::max<uint64_t>(log->counters().groups, 1));
    group_batches_ = std::max(1u, static_cast<uint32_t>(std::lround(n / groups)));
  }

  void theirs(Row& row, uint32_t group_batches) {
    Scratch scratch(settings_.directory, "bare");
    BareWriter bare(scratch.path());
    settle(scratch.path());
    row.theirs.push_back(bare.append(pool_, streams_, group_batches, settings_.seconds));
  }

  void fio() {
    const uint64_t group_bytes = group_batches_ * pool_[0].bytes().size();
    settle(settings_.directory);
    rows_[2].theirs.push_back(
        Fio::synced_writes(settings_, group_bytes / 4096 * 4096, settings_.seconds).bytes_per_s);
  }

  const Settings settings_;
  const uint32_t streams_;
  const std::vector<Batch> pool_;
  uint32_t group_batches_ = kGroupBatches;
};

class AppendSingles : public Workload {
 public:
  explicit AppendSingles(const Settings& settings)
      : Workload({Row{.name = "engine-append-single-64",
                      .unit = "events/s",
                      .what = "engine, durable single events, 64 threads to one stream",
                      .yardstick = "bare RocksDB, sync=true, one event a write",
                      .bar = Bar{10}}}),
        settings_(settings),
        pool_(batches(1000, 1)) {}

  void round(int number) override {
    alternate(
        number, [&] { ours(); },
        [&] {
          Scratch scratch(settings_.directory, "bare");
          BareWriter bare(scratch.path());
          settle(scratch.path());
          rows_[0].theirs.push_back(bare.append(pool_, 1, 1, settings_.seconds));
        });
  }

 private:
  void ours() {
    Scratch scratch(settings_.directory, "log");
    auto log = must(Log::open(scratch.path()), "open");
    settle(scratch.path());
    std::atomic<uint64_t> acknowledged = 0, refused = 0;
    const double begin = now_s();
    {
      std::vector<std::jthread> threads;
      for (size_t t = 0; t < settings_.size<size_t>(64, 8); ++t) {
        threads.emplace_back([&, t] {
          for (size_t n = t; now_s() - begin < settings_.seconds; ++n) {
            const auto done = log->append({.stream = "singles", .batch = pool_[n % pool_.size()]});
            ++(done ? acknowledged : refused);
          }
        });
      }
    }
    const double seconds = now_s() - begin;
    if (refused > 0) throw Failure(std::to_string(refused) + " appends were refused");
    rows_[0].ours.push_back(static_cast<double>(acknowledged) / seconds);
  }

  const Settings settings_;
  const std::vector<Batch> pool_;
};

}  // namespace

std::unique_ptr<Workload> engine_append_1(const Settings& settings) {
  return std::make_unique<AppendBatches>(settings, "engine-append-1", 1);
}

std::unique_ptr<Workload> engine_append_100(const Settings& settings) {
  return std::make_unique<AppendBatches>(settings, "engine-append-100", 100);
}

std::unique_ptr<Workload> engine_append_single_64(const Settings& settings) {
  return std::make_unique<AppendSingles>(settings);
}

}  // namespace strandline::bench
