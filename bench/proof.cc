// What an audit tree costs: appends of an audited stream beside one that is not; what both take of
// the disk, with data that does not compress; and a stream that is not audited, in a log where
// another is.
#include <atomic>
#include <random>
#include <semaphore>

#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr std::ptrdiff_t kProofsUnderWay = 512;

// 256 random bytes an event, in batches of 100.
std::vector<Batch> random_batches(size_t how_many) {
  std::mt19937_64 random(18);
  std::vector<Batch> out;
  for (size_t i = 0; i < how_many; ++i) {
    std::vector<std::string> data(kBatchEvents);
    std::vector<NewEvent> events;
    for (std::string& one : data) {
      for (size_t at = 0; at < kPayloadBytes; at += 8) {
        const uint64_t word = random();
        one.append(reinterpret_cast<const char*>(&word), sizeof word);
      }
      events.push_back({.type = "bench", .form = DataForm::binary, .data = one});
    }
    out.push_back(must(Batch::of(events), "a batch"));
  }
  return out;
}

double table_bytes(const std::filesystem::path& directory) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) bytes += static_cast<double>(entry.file_size());
  }
  return bytes;
}

class Proofs : public Workload {
 public:
  explicit Proofs(const Settings& settings)
      : Workload({Row{.name = "proof-append",
                      .unit = "events/s",
                      .what = "engine, durable appends to an audited stream, batches of 100",
                      .yardstick = "the same, not audited",
                      .bar = Bar{0.6}},
                  Row{.name = "proof-beside",
                      .unit = "events/s",
                      .what = "the same to another stream of that log",
                      .yardstick = "the same, in a log without an audited stream",
                      .bar = Bar{0.97}},
                  Row{.name = "proof-disk",
                      .unit = "bytes",
                      .what = "an audited stream on disk, data that does not compress",
                      .yardstick = "the same, not audited",
                      .bar = Bar{.value = 1.1, .kind = Bar::Kind::at_most}}}),
        settings_(settings),
        pool_(batches(settings.size<size_t>(64, 4), kBatchEvents)),
        random_(random_batches(settings.size<size_t>(512, 4))) {}

  void round(int number) override {
    alternate(
        number,
        [&] {
          rows_[0].ours.push_back(append(true, "audited"));
          rows_[1].ours.push_back(append(true, "plain"));
          rows_[2].ours.push_back(on_disk(true));
        },
        [&] {
          const double plain = append(false, "audited");
          rows_[0].theirs.push_back(plain);
          rows_[1].theirs.push_back(append(false, "plain"));
          rows_[2].theirs.push_back(on_disk(false));
        });
  }

 private:
  static Options options_of(bool audited) {
    Options options;
    options.checkpoint_interval_ms = 1'000;
    if (audited) options.audits = [](std::string_view stream) { return stream == "audited"; };
    return options;
  }

  double append(bool audited, const char* stream) {
    Scratch scratch(settings_.directory, "log");
    auto log = must(Log::open(scratch.path(), options_of(audited)), "open");
    settle(scratch.path());
    std::counting_semaphore<> slots(kProofsUnderWay);
    std::atomic<uint64_t> refused = 0;
    uint64_t n = 0;
    const double begin = now_s();
    for (; now_s() - begin < settings_.seconds; ++n) {
      slots.acquire();
      log->append({.stream = stream, .batch = pool_[n % pool_.size()]},
                  [&](const Result<Appended>& done) {
                    if (!done) ++refused;
                    slots.release();
                  });
    }
    for (std::ptrdiff_t i = 0; i < kProofsUnderWay; ++i) slots.acquire();
    if (refused > 0) throw Failure(std::to_string(refused) + " appends were refused");
    return static_cast<double>(n * kBatchEvents) / (now_s() - begin);
  }

  // Of so many batches, once the log is closed and all is in tables.
  double on_disk(bool audited) {
    Scratch scratch(settings_.directory, "log");
    {
      auto log = must(Log::open(scratch.path(), options_of(audited)), "open");
      for (const Batch& batch : random_) {
        must(log->append({.stream = "audited", .batch = batch}), "append");
      }
    }
    must(Log::open(scratch.path(), options_of(audited)), "open")->close();
    return table_bytes(scratch.path());
  }

  const Settings settings_;
  const std::vector<Batch> pool_;
  const std::vector<Batch> random_;
};

}  // namespace

std::unique_ptr<Workload> proof(const Settings& settings) {
  return std::make_unique<Proofs>(settings);
}

}  // namespace strandline::bench
