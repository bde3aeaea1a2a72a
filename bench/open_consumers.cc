// Opening a log of many named consumers, and of a group with very many unacked events: how long,
// and how much memory each costs, beside a log with neither. Each opening is in a process of its
// own, which reports what it grew by.
#include <cstdio>
#include <sstream>
#include <thread>
#include <vector>

#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr char kWork[] = "work";

Status make_consumers(Log& log, uint64_t consumers) {
  // Each waits for its own fsync, so many at once.
  constexpr uint64_t kThreads = 32;
  std::vector<Status> results(kThreads);
  {
    std::vector<std::jthread> threads;
    for (uint64_t t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (uint64_t n = t; n < consumers && results[t]; n += kThreads) {
          char name[32];
          std::snprintf(name, sizeof name, "consumer-%07llu", static_cast<unsigned long long>(n));
          auto made = log.create_consumer(
              name, {.mode = ConsumerSettings::Mode::shared, .select = Selection::stream(kWork)});
          if (!made) results[t] = std::unexpected(made.error());
        }
      });
    }
  }
  for (Status& result : results) {
    if (!result) return result;
  }
  return {};
}

// Gives all the events out, and acks none.
Status make_unacked(Log& log, uint64_t events) {
  constexpr uint32_t kAtOnce = 10'000;
  for (uint64_t made = 0; made < events; made += kAtOnce) {
    auto done = log.append(Append{.stream = kWork, .batch = batch_of(made, kAtOnce)});
    if (!done) return std::unexpected(done.error());
  }
  auto made = log.create_consumer("pending", {.mode = ConsumerSettings::Mode::shared,
                                              .select = Selection::stream(kWork),
                                              .unacked_max = events});
  if (!made) return std::unexpected(made.error());
  Fetch fetch{.consumer = "pending", .events_max = kAtOnce, .bytes_max = 32 << 20};
  for (uint64_t given = 0; given < events;) {
    auto fetched = log.fetch(fetch);
    if (!fetched) return std::unexpected(fetched.error());
    fetch.epoch = fetched->epoch;
    given += fetched->given.size();
  }
  return {};
}

class OpenConsumers : public Workload {
 public:
  explicit OpenConsumers(const Settings& settings)
      : Workload(
            {Row{.name = "open-consumers",
                 .unit = "s",
                 .what = "opening 100,000 consumers and 1,000,000 unacked events",
                 .bar = Bar{.value = 2, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
             Row{.name = "open-consumers-memory", .unit = "bytes", .what = "memory a consumer"},
             Row{.name = "open-unacked-memory",
                 .unit = "bytes",
                 .what = "memory an unacked event"}}),
        scratch_(settings.directory, "consumers"),
        consumers_(settings.size<uint64_t>(100'000, 100)),
        unacked_(settings.size<uint64_t>(1'000'000, 10'000)) {
    for (const bool many : {false, true}) {
      auto log =
          must(Log::open(many ? scratch_.path() / "many" : scratch_.path() / "named"), "open");
      must(log->append(Append{.stream = kWork, .batch = batch_of(0, 1)}), "append");
      must(make_consumers(*log, consumers_), "consumers");
      if (many) must(make_unacked(*log, unacked_), "unacked events");
    }
    {
      auto log = must(Log::open(scratch_.path() / "none"), "open");
      must(log->append(Append{.stream = kWork, .batch = batch_of(0, 1)}), "append");
    }
    for (const char* name : {"none", "named", "many"}) open(name);
  }

  void round(int) override {
    const Opened none = open("none"), named = open("named"), many = open("many");
    rows_[0].ours.push_back(many.seconds);
    rows_[1].ours.push_back((named.resident - none.resident) / static_cast<double>(consumers_));
    rows_[2].ours.push_back((many.resident - named.resident) / static_cast<double>(unacked_));
  }

 private:
  struct Opened {
    double seconds = 0, resident = 0;
  };

  Opened open(const char* name) {
    Process child({std::filesystem::read_symlink("/proc/self/exe").string(), "--open-and-report",
                   (scratch_.path() / name).string()},
                  scratch_.path() / "errors.log");
    const auto said = child.line(600);
    if (!said) throw Failure("opening failed: " + child.complaint());
    child.wait(600);
    Opened opened;
    std::istringstream(*said) >> opened.seconds >> opened.resident;
    return opened;
  }

  Scratch scratch_;
  const uint64_t consumers_, unacked_;
};

}  // namespace

std::unique_ptr<Workload> open_consumers(const Settings& settings) {
  return std::make_unique<OpenConsumers>(settings);
}

}  // namespace strandline::bench
