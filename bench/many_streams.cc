// The shape that event sourcing has: very many streams, and one small event at a time. Appended
// many to a commit, read back in the log's order, and stream by stream.
#include <atomic>
#include <semaphore>

#include "bench/bare_rocksdb.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr uint32_t kAppendEvents = 1'000;  // in an append, each into a stream of its own
constexpr std::ptrdiff_t kAppendsUnderWay = 8;
uint64_t bytes_of_files(const std::filesystem::path& directory) {
  uint64_t bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file()) bytes += entry.file_size();
  }
  return bytes;
}

constexpr size_t kSingles = 4'096;  // different events

std::string numbered(uint64_t n) { return "stream-" + std::to_string(n); }

// Appends one event at a time, each into one of the streams, chosen at random; 1,000 to a request.
class ManyStreamsAppender {
 public:
  ManyStreamsAppender(Log& log, uint32_t streams) : log_(log), streams_(streams) {}

  void append(std::span<const Batch> pool) {
    AppendMany request;
    for (uint32_t i = 0; i < kAppendEvents; ++i, ++appended_) {
      request.parts.push_back({.stream = numbered(mixed(appended_) % streams_),
                               .batch = pool[appended_ % pool.size()]});
    }
    slots_.acquire();
    log_.append(std::move(request), [this](const Result<std::vector<Appended>>& done) {
      if (!done) ++refused_;
      slots_.release();
    });
  }
  uint64_t finish() {
    for (std::ptrdiff_t i = 0; i < kAppendsUnderWay; ++i) slots_.acquire();
    for (std::ptrdiff_t i = 0; i < kAppendsUnderWay; ++i) slots_.release();
    if (refused_ > 0) throw Failure(std::to_string(refused_) + " appends were refused");
    return appended_;
  }

 private:
  Log& log_;
  const uint32_t streams_;
  std::counting_semaphore<> slots_{kAppendsUnderWay};
  std::atomic<uint64_t> refused_ = 0;
  uint64_t appended_ = 0;
};

class ManyStreams : public Workload {
 public:
  ManyStreams(const Settings& settings, const std::string& name, uint32_t streams)
      : Workload({Row{.name = name + "-append",
                      .unit = "events/s",
                      .what = "engine, durable appends of 1,000 single events over " +
                              std::to_string(streams) + " streams",
                      .yardstick = "bare RocksDB, a key an event, synced by 1,000",
                      .bar = Bar{0.6}},
                  Row{.name = name + "-all",
                      .unit = "events/s",
                      .what = "engine, all of these in the log's order, from history",
                      .yardstick = "a bare iterator over the same tables, in their order",
                      .bar = Bar{streams > 10'000 ? 0.3 : 0.6}},
                  Row{.name = name + "-stream",
                      .unit = "events/s",
                      .what = "engine, one of these streams after the other, from history",
                      .bar = Bar{150'000, Bar::Of::ours}},
                  Row{.name = name + "-disk",
                      .unit = "ratio",
                      .what = "bytes on disk to bytes of data, once compacted",
                      .bar = Bar{0.45, Bar::Of::ours, Bar::Kind::at_most}}}),
        settings_(settings),
        streams_(streams),
        pool_(batches(settings.size(kSingles, size_t{64}), 1)),
        scratch_(settings.directory, "many-streams") {
    const uint64_t events = settings.size<uint64_t>(3'000'000, 20'000);
    auto log = must(Log::open(scratch_.path()), "open");
    ManyStreamsAppender appender(*log, streams_);
    for (uint64_t n = 0; n < events; n += kAppendEvents) appender.append(pool_);
    filled_ = appender.finish();
    must(log->roll(), "roll");
    log->close();
    log.reset();
    log = must(Log::open(scratch_.path()), "open");
    if (!settings.tiny) wait_until_still(scratch_.path());
  }

  void round(int number) override {
    alternate(
        number, [&] { append(); }, [&] { append_bare(); });
    alternate(
        number, [&] { read(); }, [&] { read_bare(); });
  }

 private:
  void append() {
    Scratch scratch(settings_.directory, "log");
    auto log = must(Log::open(scratch.path()), "open");
    settle(scratch.path());
    ManyStreamsAppender appender(*log, streams_);
    const double begin = now_s();
    while (now_s() - begin < settings_.seconds) appender.append(pool_);
    const uint64_t events = appender.finish();
    rows_[0].ours.push_back(static_cast<double>(events) / (now_s() - begin));
  }

  void append_bare() {
    Scratch scratch(settings_.directory, "bare");
    BareWriter bare(scratch.path());
    settle(scratch.path());
    rows_[0].theirs.push_back(bare.append(pool_, streams_, kAppendEvents, settings_.seconds));
  }

  void read() {
    auto log = must(Log::open(scratch_.path(), {.batch_cache_bytes = 1 << 20}), "open");
    double begin = now_s();
    uint64_t events = read_through(*log, {});
    rows_[1].ours.push_back(static_cast<double>(events) / (now_s() - begin));
    if (events != filled_) throw Failure("$all has " + std::to_string(events) + " events");
    rows_[1].note = std::to_string(log->counters().stripes_read) + " stripes read at once";
    const uint32_t some = settings_.size(200u, 5u);
    begin = now_s();
    events = 0;
    for (uint32_t i = 0; i < some; ++i) {
      // One that something was appended to.
      const uint64_t stream = mixed(i) % streams_;
      events += read_through(*log, {.select = Selection::stream(numbered(stream))});
    }
    rows_[2].ours.push_back(static_cast<double>(events) / (now_s() - begin));
    const uint64_t data = filled_ * kPayloadBytes;
    rows_[3].ours.push_back(static_cast<double>(bytes_of_files(scratch_.path())) /
                            static_cast<double>(data));
  }

  // Touches every event's data.
  static uint64_t read_through(const Log& log, ReadOptions options) {
    auto cursor = must(log.read(std::move(options)), "read");
    uint64_t events = 0, sum = 0;
    while (const auto delivery = must(cursor->next(), "read")) {
      const auto* run = std::get_if<Events>(&*delivery);
      if (run == nullptr) throw Failure("a gap where nothing was removed");
      events += run->count();
      for (const Event& event : *run) sum += sum_words(event.data());
    }
    if (events > 0 && sum == 0) throw Failure("nothing but zeros was read");
    return events;
  }

  void read_bare() {
    BareReader bare(scratch_.path());
    const double begin = now_s();
    const BareReader::Scanned all = bare.scan_all();
    rows_[1].theirs.push_back(static_cast<double>(all.events) / (now_s() - begin));
    if (all.events != filled_) {
      throw Failure("the bare iterator found " + std::to_string(all.events) + " events");
    }
  }

  const Settings settings_;
  const uint32_t streams_;
  const std::vector<Batch> pool_;
  Scratch scratch_;
  uint64_t filled_ = 0;
};

}  // namespace

std::unique_ptr<Workload> many_streams(const Settings& settings) {
  return std::make_unique<ManyStreams>(settings, "many-streams", 10'000);
}

std::unique_ptr<Workload> very_many_streams(const Settings& settings) {
  return std::make_unique<ManyStreams>(settings, "very-many-streams", 200'000);
}

}  // namespace strandline::bench
