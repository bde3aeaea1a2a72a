// Eight hours' worth of appends at full rate, in --minutes: segments are as much smaller than they
// would be as the run is shorter, so that as many are rolled and dropped as in eight hours; the
// newest gigabyte is kept. Memory must stay flat, and commits quick.

#include <array>
#include <atomic>
#include <bit>
#include <semaphore>
#include <thread>

#include "bench/makers.h"
#include "bench/memory.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/table.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr double kMinutesMeant = 8 * 60;
constexpr uint64_t kSoakStreams = 1000;
// Two groups of the log's: one that is being fsynced while the next is filled.
constexpr std::ptrdiff_t kSoaking = 64;

// Counts of how often something took how long, to 3 %. *Threads*: any add.
class Durations {
 public:
  void add(uint64_t us) { ++counts_[place(us)]; }
  // The time that this part of all took at most.
  double percentile_us(double part) const {
    uint64_t all = 0, seen = 0;
    for (const auto& count : counts_) all += count;
    for (size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (static_cast<double>(seen) >= part * static_cast<double>(all)) return upper_us(i);
    }
    return 0;
  }

 private:
  static constexpr size_t kParts = 32;  // of each power of two

  static size_t place(uint64_t us) {
    if (us < kParts) return us;
    const size_t shift = static_cast<size_t>(std::bit_width(us)) - 6;
    return std::min(kParts * (shift + 1) + (us >> shift) - kParts, size_t{kParts * 40 - 1});
  }
  static double upper_us(size_t place) {
    if (place < kParts) return static_cast<double>(place);
    const size_t shift = place / kParts - 1;
    return static_cast<double>((place % kParts + kParts + 1) << shift);
  }

  std::array<std::atomic<uint64_t>, kParts * 40> counts_{};
};

class Soak : public Workload {
 public:
  explicit Soak(const Settings& settings)
      : Workload({Row{.name = "soak-memory",
                      .unit = "x",
                      .what = "8 hours' worth of segments rolled and dropped: memory at the end to "
                              "memory after a quarter",
                      .bar = Bar{.value = 1.1, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "soak-commit-p999",
                      .unit = "ms",
                      .what = "the same: p99.9 from append to acknowledgement",
                      .bar = Bar{.value = 50, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "soak-append", .unit = "events/s"}}),
        settings_(settings),
        pool_(batches(settings.size<size_t>(64, 4), kBatchEvents)) {}

  void round(int) override {
    Scratch scratch(settings_.directory, "soak");
    const double seconds = settings_.tiny ? 0.3 : settings_.minutes * 60;
    Options options;
    options.segment_bytes_max = std::max<size_t>(
        1 << 20, static_cast<size_t>(static_cast<double>(options.segment_bytes_max) *
                                     std::min(1.0, seconds / 60 / kMinutesMeant)));
    const size_t kept = (size_t{1} << 30) / options.segment_bytes_max + 1;
    auto log = must(Log::open(scratch.path(), options), "open");
    std::string broken;
    uint64_t dropped = 0;
    std::jthread dropping([&](std::stop_token stop) {
      while (!stop.stop_requested() && broken.empty()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        const std::vector<SegmentInfo> segments = log->segments();
        for (size_t i = 0; i + settings_.size(kept, size_t{2}) < segments.size(); ++i) {
          if (const Status done = log->drop_segment(segments[i].id); !done) {
            broken = done.error().message;
          }
          ++dropped;
        }
      }
    });
    std::vector<double> resident;  // ten times a second, or oftener
    const double begin = now_s();
    std::jthread watching([&](std::stop_token stop) {
      while (!stop.stop_requested()) {
        resident.push_back(resident_bytes());
        std::this_thread::sleep_for(std::chrono::milliseconds(settings_.size(100, 10)));
      }
    });
    const uint64_t events = append(*log, begin + seconds);
    const double took = now_s() - begin;
    watching.request_stop();
    watching.join();
    dropping.request_stop();
    dropping.join();
    if (!broken.empty()) throw Failure("dropping: " + broken);
    record(resident, static_cast<double>(events) / took);
    char note[300];
    std::snprintf(note, sizeof note,
                  "%.0f s, %.1f G events, %llu segments of %.1f MB dropped, %zu left; resident "
                  "%.0f MB at the end, %.0f MB at the most",
                  took, static_cast<double>(events) / 1e9, static_cast<unsigned long long>(dropped),
                  static_cast<double>(options.segment_bytes_max) / 1e6, log->segments().size(),
                  around(resident, 1) / 1e6, *std::ranges::max_element(resident) / 1e6);
    rows_[0].note = note;
    std::snprintf(note, sizeof note,
                  "p50 %.1f ms, p99 %.1f ms, at the most %.1f ms; %d batches "
                  "under way",
                  durations_->percentile_us(0.5) / 1e3, durations_->percentile_us(0.99) / 1e3,
                  durations_->percentile_us(1) / 1e3, static_cast<int>(kSoaking));
    rows_[1].note = note;
  }

 private:
  // Until `end`; answers how many events.
  uint64_t append(Log& log, double end) {
    durations_ = std::make_unique<Durations>();
    std::counting_semaphore<> slots(kSoaking);
    std::atomic<bool> refused = false;
    uint64_t n = 0;
    for (double now = now_s(); now < end && !refused; now = now_s(), ++n) {
      slots.acquire();
      log.append({.stream = "stream-" + std::to_string(n % kSoakStreams),
                  .batch = pool_[n % pool_.size()]},
                 [&, sent = now_s()](const Result<Appended>& done) {
                   if (!done) refused = true;
                   durations_->add(static_cast<uint64_t>((now_s() - sent) * 1e6));
                   slots.release();
                 });
    }
    for (std::ptrdiff_t i = 0; i < kSoaking; ++i) slots.acquire();
    if (refused) throw Failure("an append was refused");
    return n * kBatchEvents;
  }

  // The median of a twentieth of the run that ends at this part of it.
  static double around(const std::vector<double>& resident, double part) {
    const auto end = static_cast<size_t>(part * static_cast<double>(resident.size()));
    const size_t begin = end - std::min(end, std::max<size_t>(1, resident.size() / 20));
    return median({resident.begin() + static_cast<std::ptrdiff_t>(begin),
                   resident.begin() + static_cast<std::ptrdiff_t>(end)});
  }

  void record(const std::vector<double>& resident, double events_per_s) {
    const double early = around(resident, 0.25);
    rows_[0].ours.push_back(early > 0 ? around(resident, 1) / early : 0);
    rows_[1].ours.push_back(durations_->percentile_us(0.999) / 1e3);
    rows_[2].ours.push_back(events_per_s);
  }

  const Settings settings_;
  const std::vector<Batch> pool_;
  std::unique_ptr<Durations> durations_;  // of the last round
};

}  // namespace

std::unique_ptr<Workload> soak(const Settings& settings) {
  return std::make_unique<Soak>(settings);
}

}  // namespace strandline::bench
