// What a filter costs that finds little among very many events, and what one short stream among
// them does, from a log that was just opened.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr uint32_t kFilledAtOnce = 1'000;
constexpr uint64_t kMatches = 30;
constexpr uint64_t kStreamsWritten = 10'000;
// And streams of ten events each among them, of which one is loaded.
constexpr uint64_t kShortStreams = 100;

uint64_t bytes_read(const Log& log) {
  const Counters counters = log.counters();
  return counters.store_bytes_read + counters.stripe_bytes_read + counters.index_bytes_read;
}

class Filter : public Workload {
 public:
  explicit Filter(const Settings& settings)
      : Workload({Row{.name = "many-streams-filter",
                      .unit = "ms",
                      .what = "engine, 30 events of a type among 3 million over 10,000 streams, "
                              "from a log just opened",
                      .bar = Bar{100, Bar::Of::ours, Bar::Kind::at_most}},
                  Row{.name = "many-streams-filter-read",
                      .unit = "ratio",
                      .what = "bytes read for these to the log's bytes",
                      .bar = Bar{0.02, Bar::Of::ours, Bar::Kind::at_most}},
                  Row{.name = "many-streams-cold-load",
                      .unit = "ms",
                      .what = "engine, one stream of 10 events among them, p99",
                      .bar = Bar{5, Bar::Of::ours, Bar::Kind::at_most}}}),
        settings_(settings),
        events_(settings.size<uint64_t>(3'000'000, 20'000)),
        scratch_(settings.directory, "filter") {
    auto log = must(Log::open(scratch_.path()), "open");
    const double begin = now_s();
    for (uint64_t n = 0; n < events_; n += kFilledAtOnce) {
      AppendMany request;
      for (uint64_t i = n; i < n + kFilledAtOnce; ++i) request.parts.push_back(part(i));
      slots_.acquire();
      log->append(std::move(request), [this](const Result<std::vector<Appended>>& done) {
        if (!done) ++refused_;
        slots_.release();
      });
    }
    for (int i = 0; i < kUnderWay; ++i) slots_.acquire();
    if (refused_ > 0) throw Failure(std::to_string(refused_) + " appends were refused");
    filled_s_ = now_s() - begin;
    while (log->counters().index_backlog > 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    indexed_s_ = now_s() - begin;
    for (const SegmentInfo& segment : log->segments()) log_bytes_ += segment.bytes;
    log->close();
    log.reset();
    log = must(Log::open(scratch_.path()), "open");
    if (!settings.tiny) wait_until_still(scratch_.path());
  }

  void round(int) override {
    auto log = must(Log::open(scratch_.path()), "open");
    double begin = now_s();
    const uint64_t found = read_through(*log, {.types = {{"order.rare"}}});
    rows_[0].ours.push_back((now_s() - begin) * 1'000);
    if (found != kMatches) throw Failure(std::to_string(found) + " matches");
    const uint64_t read = bytes_read(*log);
    rows_[1].ours.push_back(static_cast<double>(read) / static_cast<double>(log_bytes_));
    rows_[1].note = std::to_string(read) + " of " + std::to_string(log_bytes_) +
                    " bytes; filled in " + std::to_string(filled_s_) + " s, indexed after " +
                    std::to_string(indexed_s_);
    std::vector<double> loads;
    for (uint64_t i = 0; i < kShortStreams; ++i) {
      begin = now_s();
      read_through(*log, {.select = Selection::stream("short-" + std::to_string(i))});
      loads.push_back((now_s() - begin) * 1'000);
    }
    std::ranges::sort(loads);
    rows_[2].ours.push_back(loads[loads.size() * 99 / 100]);
  }

 private:
  static constexpr int kUnderWay = 8;

  // Each event has a subject of its own.
  AppendMany::Part part(uint64_t n) const {
    const std::string data = payload(n), subject = "o-" + std::to_string(mixed(n));
    const bool rare = n % (events_ / kMatches) == events_ / kMatches / 2;
    const uint64_t random = mixed(n);
    // A thousandth of them, up to ten each.
    const bool is_short = n % (events_ / (kShortStreams * 10)) == 0;
    const std::string stream =
        is_short ? "short-" + std::to_string(n / (events_ / (kShortStreams * 10)) % kShortStreams)
                 : "stream-" + std::to_string(random % kStreamsWritten);
    return {.stream = stream,
            .batch = must(Batch::of({{.type = rare ? "order.rare" : event_type(n),
                                      .subject = subject,
                                      .form = DataForm::json,
                                      .data = data}}),
                          "batch")};
  }

  static uint64_t read_through(const Log& log, ReadOptions options) {
    auto cursor = must(log.read(std::move(options)), "read");
    uint64_t events = 0;
    while (const auto delivery = must(cursor->next(), "read")) {
      if (const auto* run = std::get_if<Events>(&*delivery)) events += run->count();
    }
    return events;
  }

  const Settings settings_;
  const uint64_t events_;
  Scratch scratch_;
  std::counting_semaphore<> slots_{kUnderWay};
  std::atomic<uint64_t> refused_ = 0;
  uint64_t log_bytes_ = 0;
  double filled_s_ = 0, indexed_s_ = 0;
};

}  // namespace

std::unique_ptr<Workload> filter(const Settings& settings) {
  return std::make_unique<Filter>(settings);
}

}  // namespace strandline::bench
