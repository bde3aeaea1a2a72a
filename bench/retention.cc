// Half of the streams of a log expire: how soon the disk has their bytes back, and what appends
// notice of it.
#include <algorithm>
#include <atomic>
#include <semaphore>
#include <thread>

#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr uint32_t kRetentionStreams = 100;
constexpr std::ptrdiff_t kFillingUnderWay = 16;
constexpr double kPatienceS = 600;
constexpr double kBarOverKept = 1.25;
constexpr double kAppendEveryS = 0.002;

// Every other stream's name begins so.
std::string named(uint64_t n) {
  return (n % 2 == 0 ? "short." : "long.") + std::to_string(n % kRetentionStreams);
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[std::min(values.size() - 1,
                         static_cast<size_t>(share * static_cast<double>(values.size())))];
}

class RetentionBench : public Workload {
 public:
  explicit RetentionBench(const Settings& settings)
      : Workload(
            {Row{.name = "retention-disk",
                 .unit = "x",
                 .what = "half of the streams expired: bytes on disk to those that are kept",
                 .bar =
                     Bar{.value = kBarOverKept, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
             Row{.name = "retention-seconds",
                 .unit = "s",
                 .what = "the same: until the disk is there",
                 .bar = Bar{.value = kPatienceS, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
             Row{.name = "retention-append-p99",
                 .unit = "x",
                 .what = "the same: p99 of an append meanwhile, to what it was before",
                 .bar = Bar{.value = 2, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}}}),
        settings_(settings),
        pool_(batches(settings.size<size_t>(256, 4), kBatchEvents)),
        bytes_(settings.tiny ? 4e6 : settings.gigabytes * 1e9) {
    const auto free = static_cast<double>(std::filesystem::space(settings.directory).available);
    if (free < 2 * bytes_) throw Failure("needs twice --gigabytes of free disk");
  }

  void round(int) override {
    Scratch scratch(settings_.directory, "retention");
    Options options;
    options.retention_interval_ms = 1'000;
    if (settings_.tiny) options.segment_bytes_max = 1 << 20;
    auto log = must(Log::open(scratch.path(), options), "open");
    fill(*log);
    (void)must(log->roll(), "roll");
    if (!settings_.tiny) wait_until_still(scratch.path());
    const double full = static_cast<double>(log->retention().disk_bytes);
    std::vector<double> before, meanwhile;
    const double quiet_s = settings_.size(20.0, 0.1);
    append_steadily(*log, before, [end = now_s() + quiet_s] { return now_s() >= end; });
    must(log->change_policy("short.", {{PolicyField::events_max, uint64_t{1}}}), "policy");
    const double begin = now_s();
    double took = kPatienceS, disk = full;
    // What is kept, as the disk had it: half of all that was there.
    const double kept = full / 2;
    append_steadily(*log, meanwhile, [&] {
      disk = static_cast<double>(log->retention().disk_bytes);
      took = now_s() - begin;
      return disk <= kBarOverKept * kept || took >= (settings_.tiny ? 2 : kPatienceS);
    });
    rows_[0].ours.push_back(disk / kept);
    rows_[1].ours.push_back(took);
    rows_[2].ours.push_back(percentile(meanwhile, 0.99) / percentile(before, 0.99));
    const RetentionInfo info = log->retention();
    char note[300];
    std::snprintf(note, sizeof note,
                  "%.2f GB on disk before, %.2f GB behind; %llu segments rewritten, %llu dropped, "
                  "%.2f GB reclaimed; dead by the log's account %.2f GB",
                  full / 1e9, disk / 1e9, static_cast<unsigned long long>(info.segments_rewritten),
                  static_cast<unsigned long long>(info.segments_dropped),
                  static_cast<double>(info.reclaimed_bytes) / 1e9,
                  static_cast<double>(info.dead_bytes) / 1e9);
    rows_[0].note = note;
    std::snprintf(note, sizeof note, "p99 %.2f ms before (%zu appends), %.2f ms meanwhile (%zu)",
                  percentile(before, 0.99) * 1e3, before.size(), percentile(meanwhile, 0.99) * 1e3,
                  meanwhile.size());
    rows_[2].note = note;
  }

 private:
  void fill(Log& log) {
    std::counting_semaphore<> slots(kFillingUnderWay);
    std::atomic<uint64_t> refused = 0;
    double appended = 0;
    for (uint64_t n = 0; appended < bytes_; ++n) {
      const Batch& batch = pool_[mixed(n) % pool_.size()];
      appended += static_cast<double>(batch.bytes().size());
      slots.acquire();
      log.append({.stream = named(n), .batch = batch}, [&](const Result<Appended>& done) {
        if (!done) ++refused;
        slots.release();
      });
    }
    for (std::ptrdiff_t i = 0; i < kFillingUnderWay; ++i) slots.acquire();
    if (refused > 0) throw Failure("an append was refused");
  }

  // One durable event at a time, into a stream that stays, until `over`; how long each took.
  template <class Over>
  void append_steadily(Log& log, std::vector<double>& took, Over over) {
    const Batch one = batch_of(7, 1);
    double looked = 0;
    for (double next = now_s();; next += kAppendEveryS) {
      if (now_s() - looked > settings_.size(0.5, 0.01)) {
        if (over()) return;
        looked = now_s();
      }
      const double wait = next - now_s();
      if (wait > 0) std::this_thread::sleep_for(std::chrono::duration<double>(wait));
      const double begin = now_s();
      (void)must(log.append(Append{.stream = "long.1", .batch = one}), "append");
      took.push_back(now_s() - begin);
      next = std::max(next, begin);
    }
  }

  const Settings settings_;
  const std::vector<Batch> pool_;
  const double bytes_;
};

}  // namespace

std::unique_ptr<Workload> retention(const Settings& settings) {
  return std::make_unique<RetentionBench>(settings);
}

}  // namespace strandline::bench
