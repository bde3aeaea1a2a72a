#include "bench/open.h"

#include <signal.h>

#include <cstdio>
#include <cstdlib>
#include <semaphore>
#include <thread>

#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr uint64_t kStreams = 1000;

class OpenAfterKill : public Workload {
 public:
  explicit OpenAfterKill(const Settings& settings)
      : Workload({Row{.name = "open-10gb",
                      .unit = "s",
                      .what = "reopening 10 GB in 1,000 streams after `kill -9`",
                      .bar = Bar{.value = 1, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "open-10gb-cold",
                      .unit = "s",
                      .what = "the same, files cold",
                      .bar = Bar{.value = 1, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}}}),
        settings_(settings),
        scratch_(settings.directory, "open"),
        bytes_(static_cast<uint64_t>((settings.tiny ? 0.02 : settings.gigabytes) * 1e9)) {
    const double needed = 2.0 * static_cast<double>(bytes_);
    if (static_cast<double>(std::filesystem::space(scratch_.path()).available) < needed) {
      throw Failure("needs " + std::to_string(static_cast<uint64_t>(needed / 1e9)) +
                    " GB of free disk in " + settings.directory.string());
    }
  }

  void round(int number) override {
    // Killed twice: once it finds its files in the operating system's cache, once on the disk only.
    for (Row& row : rows_) {
      kill_while_appending(number);
      if (&row == &rows_[1]) drop_page_cache(scratch_.path());
      const double begin = now_s();
      const auto log = must(Log::open(scratch_.path() / "log"), "open");
      row.ours.push_back(now_s() - begin);
      const RecoveryReport& report = log->recovery();
      row.note = std::to_string(report.durable_next.value) + " events; " +
                 std::to_string(report.wal_bytes_replayed >> 20) + " MiB of WAL replayed, " +
                 std::to_string(report.torn_bytes_dropped) + " torn bytes dropped, head mark " +
                 std::to_string(report.head_mark.value) + ", the log says " +
                 std::to_string(report.milliseconds) + " ms";
    }
  }

 private:
  void kill_while_appending(int number) {
    Process child(
        {std::filesystem::read_symlink("/proc/self/exe").string(), "--append-until-killed",
         (scratch_.path() / "log").string(), std::to_string(bytes_)},
        scratch_.path() / "errors.log");
    const auto said = child.line(3600);
    if (said != "full") throw Failure("the appending process ended: " + child.complaint());
    // Somewhere in the middle of things, elsewhere each time.
    std::this_thread::sleep_for(std::chrono::milliseconds(settings_.size(900 + 137 * number, 50)));
    child.stop(SIGKILL);
  }

  const Settings settings_;
  Scratch scratch_;
  const uint64_t bytes_;
};

}  // namespace

void append_until_killed(const std::filesystem::path& directory, uint64_t bytes) {
  auto log = Log::open(directory);
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().message.c_str());
    std::exit(1);
  }
  constexpr std::ptrdiff_t kUnderWay = 512;
  const std::vector<Batch> pool = batches(64, kBatchEvents);
  std::counting_semaphore<> slots(kUnderWay);
  // How far an earlier child came.
  uint64_t written = (*log)->durable_next().value / kBatchEvents * pool[0].bytes().size();
  bool full = false;
  for (uint64_t n = 0;; ++n) {
    if (!full && written >= bytes) {
      full = true;
      std::puts("full");
      std::fflush(stdout);
    }
    const Batch& batch = pool[n % pool.size()];
    written += batch.bytes().size();
    slots.acquire();
    (*log)->append({.stream = "stream-" + std::to_string(n % kStreams), .batch = batch},
                   [&](const Result<Appended>& done) {
                     if (!done) {
                       std::fprintf(stderr, "%s\n", done.error().message.c_str());
                       std::exit(1);
                     }
                     slots.release();
                   });
  }
}

std::unique_ptr<Workload> open_10gb(const Settings& settings) {
  return std::make_unique<OpenAfterKill>(settings);
}

}  // namespace strandline::bench
