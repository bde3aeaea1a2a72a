// Opening a log of a million streams: how long, and how much memory each costs. Each opening is in
// a process of its own, which reports what it grew by; a log of one stream says what the rest of
// the engine takes.
#include <malloc.h>

#include <cstdio>
#include <sstream>

#include "bench/makers.h"
#include "bench/memory.h"
#include "bench/open.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

double heap_bytes() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

double peak_bytes() {
  const std::string status = read_file("/proc/self/status");
  const size_t at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::strtod(status.c_str() + at + 6, nullptr) * 1024;
}

Status make_streams(const std::filesystem::path& directory, uint64_t streams) {
  constexpr uint64_t kAtOnce = 10'000;
  auto log = Log::open(directory);
  if (!log) return std::unexpected(log.error());
  for (uint64_t made = 0; made < streams;) {
    AppendMany all;
    for (; made < streams && all.parts.size() < kAtOnce; ++made) {
      char name[32];
      std::snprintf(name, sizeof name, "customer-%07llu", static_cast<unsigned long long>(made));
      all.parts.push_back({.stream = name, .batch = batch_of(made, 1)});
    }
    if (auto done = (*log)->append(std::move(all)); !done) return std::unexpected(done.error());
  }
  return {};
}

class OpenStreams : public Workload {
 public:
  explicit OpenStreams(const Settings& settings)
      : Workload({Row{.name = "open-streams",
                      .unit = "s",
                      .what = "opening 1,000,000 streams",
                      .bar = Bar{.value = 3, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "open-streams-cold",
                      .unit = "s",
                      .what = "the same, files cold",
                      .bar = Bar{.value = 3, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "open-streams-memory",
                      .unit = "bytes",
                      .what = "memory a stream",
                      .bar = Bar{.value = 250, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}}}),
        scratch_(settings.directory, "streams"),
        streams_(settings.size<uint64_t>(1'000'000, 2'000)) {
    must(make_streams(one(), 1), "one stream");
    must(make_streams(many(), streams_), "many streams");
    // Whatever waits for the next opening (tables from the WAL, compactions) is done before.
    open(one());
    open(many());
  }

  void round(int) override {
    const Opened least = open(one());
    const Opened warm = open(many());
    drop_page_cache(many());
    const Opened cold = open(many());
    rows_[0].ours.push_back(warm.seconds);
    rows_[1].ours.push_back(cold.seconds);
    const auto each = [&](double bytes) { return bytes / static_cast<double>(streams_); };
    rows_[2].ours.push_back(each(warm.resident - least.resident));
    char note[200];
    std::snprintf(note, sizeof note,
                  "resident memory over that of a log of one stream (%.1f MB); on the heap %.0f; "
                  "resident at the most while opening %.0f; names of 16 bytes",
                  least.resident / 1e6, each(warm.heap - least.heap), each(warm.peak - least.peak));
    rows_[2].note = note;
  }

 private:
  struct Opened {
    double seconds, resident, heap, peak;
  };

  std::filesystem::path one() const { return scratch_.path() / "one"; }
  std::filesystem::path many() const { return scratch_.path() / "many"; }

  Opened open(const std::filesystem::path& log) {
    Process child({std::filesystem::read_symlink("/proc/self/exe").string(), "--open-and-report",
                   log.string()},
                  scratch_.path() / "errors.log");
    const auto said = child.line(600);
    if (!said) throw Failure("opening failed: " + child.complaint());
    child.wait(600);
    Opened opened{};
    std::istringstream(*said) >> opened.seconds >> opened.resident >> opened.heap >> opened.peak;
    return opened;
  }

  Scratch scratch_;
  const uint64_t streams_;
};

}  // namespace

int open_and_report(const std::filesystem::path& directory) {
  const double resident = resident_bytes(), heap = heap_bytes(), peak = peak_bytes();
  const double begin = now_s();
  const auto log = Log::open(directory);
  if (!log) {
    std::fprintf(stderr, "%s\n", log.error().message.c_str());
    return 1;
  }
  const double seconds = now_s() - begin;
  std::printf("%.6f %.0f %.0f %.0f\n", seconds, resident_bytes() - resident, heap_bytes() - heap,
              peak_bytes() - peak);
  std::fflush(stdout);
  return 0;
}

std::unique_ptr<Workload> open_streams(const Settings& settings) {
  return std::make_unique<OpenStreams>(settings);
}

}  // namespace strandline::bench
