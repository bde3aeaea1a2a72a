// Reading from the engine: history from its tables beside a bare iterator, and the window.
#include "bench/bare_rocksdb.h"
#include "bench/filled_log.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr char kPrefix[] = "stream-";

struct Read {
  uint64_t events = 0;
  uint64_t bytes = 0;  // of the FlatBuffers
  uint64_t sum = 0;    // of the words of the events' data
};

// Reads a stream from its start, and touches each event's data.
void read_stream(const Log& log, const std::string& stream, Read& read) {
  auto cursor = must(log.read({.select = Selection::stream(stream)}), "read");
  while (true) {
    const std::optional<Delivery> delivery = must(cursor->next(), "read");
    if (!delivery) return;
    const auto* events = std::get_if<Events>(&*delivery);
    if (events == nullptr) throw Failure("a gap where nothing was removed");
    read.events += events->count();
    read.bytes += events->flatbuffer().size();
    for (const Event& event : *events) read.sum += sum_words(event.data());
  }
}

class ReadHistory : public Workload {
 public:
  explicit ReadHistory(const Settings& settings)
      : Workload({Row{.name = "engine-read-history-cold",
                      .unit = "bytes/s",
                      .what = "engine, reading history, 1 stream of 100 interleaved, files cold",
                      .yardstick = "a bare RocksDB iterator over the same tables, files not cached",
                      .bar = Bar{0.8}},
                  Row{.name = "engine-read-history-warm",
                      .unit = "bytes/s",
                      .what = "the same, files cached",
                      .yardstick = "the same, files cached by the operating system",
                      .bar = Bar{0.8}}}),
        settings_(settings),
        scratch_(settings.directory, "history") {
    auto log = must(Log::open(scratch_.path()), "open");
    filled_ = fill(*log, {.stream_prefix = kPrefix,
                          .streams = kStreams,
                          .events = settings.size<uint64_t>(4'000'000, 40'000)});
    log->close();
    log.reset();
    // What the WAL still holds becomes tables, and those of sealed segments are compacted, before
    // anything is measured.
    log = must(Log::open(scratch_.path()), "open");
    if (!settings.tiny) wait_until_still(scratch_.path());
  }

  void round(int number) override {
    alternate(
        number, [&] { ours(); }, [&] { theirs(); });
  }

 private:
  static constexpr uint32_t kStreams = 100;

  void ours() {
    drop_page_cache(scratch_.path());
    // A small window: nearly everything is read from tables. After opening it is empty anyway.
    auto log = must(Log::open(scratch_.path(), {.batch_cache_bytes = 1 << 20}), "open");
    for (Row& row : rows_) {
      Read read;
      const double begin = now_s();
      for (uint32_t i = 0; i < kStreams; ++i) {
        read_stream(*log, kPrefix + std::to_string(i), read);
      }
      row.ours.push_back(static_cast<double>(read.bytes) / (now_s() - begin));
      if (read.events != filled_.events || read.sum != filled_.sum) {
        throw Failure("read " + std::to_string(read.events) + " events of " +
                      std::to_string(filled_.events) + ", or other bytes");
      }
    }
    const Counters counters = log->counters();
    rows_[1].note = std::to_string(filled_.events) +
                    " events, both passes: " + std::to_string(counters.store_batches_read) +
                    " batches from the store, " + std::to_string(counters.cached_batches_read) +
                    " from the window";
  }

  void theirs() {
    drop_page_cache(scratch_.path());
    BareReader bare(scratch_.path());
    for (Row& row : rows_) {
      BareReader::Scanned all;
      const double begin = now_s();
      for (uint64_t stream = 1; stream <= kStreams; ++stream) {
        const BareReader::Scanned one = bare.scan(stream);
        all.events += one.events;
        all.bytes += one.bytes;
        all.sum += one.sum;
      }
      row.theirs.push_back(static_cast<double>(all.bytes) / (now_s() - begin));
      if (all.events != filled_.events) {
        throw Failure("the bare iterator found " + std::to_string(all.events) + " events of " +
                      std::to_string(filled_.events));
      }
    }
  }

  const Settings settings_;
  Scratch scratch_;
  Filled filled_;
};

class ReadWindow : public Workload {
 public:
  explicit ReadWindow(const Settings& settings)
      : Workload({Row{.name = "engine-read-window",
                      .unit = "events/s",
                      .what = "engine, reading the newest from memory",
                      .bar = Bar{.value = 5e6, .of = Bar::Of::ours}}}),
        settings_(settings),
        scratch_(settings.directory, "window"),
        log_(must(Log::open(scratch_.path()), "open")),
        filled_(fill(*log_, {.stream_prefix = kPrefix,
                             .events = settings.size<uint64_t>(100'000, 10'000)})) {}

  void round(int) override {
    Read read;
    const double begin = now_s();
    uint64_t passes = 0;
    for (; now_s() - begin < settings_.seconds; ++passes) {
      read_stream(*log_, kPrefix + std::string("0"), read);
    }
    rows_[0].ours.push_back(static_cast<double>(read.events) / (now_s() - begin));
    if (read.sum != passes * filled_.sum) throw Failure("other bytes came back");
    rows_[0].note =
        std::to_string(log_->counters().store_batches_read) + " batches came from the store";
  }

 private:
  const Settings settings_;
  Scratch scratch_;
  std::unique_ptr<Log> log_;
  Filled filled_;
};

}  // namespace

std::unique_ptr<Workload> engine_read_history(const Settings& settings) {
  return std::make_unique<ReadHistory>(settings);
}

std::unique_ptr<Workload> engine_read_window(const Settings& settings) {
  return std::make_unique<ReadWindow>(settings);
}

}  // namespace strandline::bench
