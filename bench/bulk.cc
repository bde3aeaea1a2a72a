// History in bulk: exported and imported by the command line, and saved in a backup.
//
// The events are of 256 bytes, in batches of 100. An export reads tables, cold or not as the cache
// has them; a file that is written is fsynced. The yardstick of frames is a plain sequential write
// of as many bytes with its fsync; that of an import is the engine, which is handed the same events
// in batches of the same size.
#include <fcntl.h>
#include <unistd.h>

#include "bench/filled_log.h"
#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/stopwatch.h"
#include "bench/workload.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr double kPatienceS = 600;

class Bulk : public Workload {
 public:
  explicit Bulk(const Settings& settings)
      : Workload({Row{.name = "export-ndjson",
                      .unit = "events/s",
                      .bar = Bar{.value = 1'500'000, .of = Bar::Of::ours},
                      .note = "to a file that is fsynced, on one core"},
                  Row{.name = "export-frames",
                      .unit = "MB/s",
                      .yardstick = "a sequential write of as many bytes, and its fsync",
                      .bar = Bar{.value = 0.5}},
                  Row{.name = "import-ndjson",
                      .unit = "events/s",
                      .bar = Bar{.value = 400'000, .of = Bar::Of::ours}},
                  Row{.name = "import-frames",
                      .unit = "events/s",
                      .yardstick = "the engine's appends of the same events",
                      .bar = Bar{.value = 0.6}},
                  Row{.name = "backup-again",
                      .unit = "of what is new",
                      .bar = Bar{.value = 1.2, .of = Bar::Of::ours, .kind = Bar::Kind::at_most},
                      .note = "bytes that a second backup writes, after 1% more data, to bytes on "
                              "disk that are new"}}),
        settings_(settings),
        scratch_(settings.directory, "bulk"),
        events_(settings.size<uint64_t>(2'000'000, 2'000)) {
    auto log = must(Log::open(data()), "opening a log");
    fill(*log, {.stream_prefix = "bulk-", .streams = 100, .events = events_});
    log->close();
  }

  void round(int number) override {
    const auto file = [&](const char* name) { return (scratch_.path() / name).string(); };
    rows_[0].ours.push_back(rate(exported("bare", file("out.ndjson"))));
    double frames_s = 0;
    const auto ours = [&] { frames_s = exported("frames", file("out.frames")); };
    double write_s = 0;
    uint64_t bytes = 0;
    ours();
    bytes = std::filesystem::file_size(file("out.frames"));
    write_s = written(file("plain"), bytes);
    rows_[1].ours.push_back(static_cast<double>(bytes) / 1e6 / frames_s);
    rows_[1].theirs.push_back(static_cast<double>(bytes) / 1e6 / write_s);
    rows_[2].ours.push_back(rate(imported(file("out.ndjson"), "--events")));
    alternate(
        number, [&] { rows_[3].ours.push_back(rate(imported(file("out.frames"), "--frames"))); },
        [&] { rows_[3].theirs.push_back(rate(appended())); });
    rows_[4].ours.push_back(backed_up());
  }

 private:
  std::filesystem::path data() const { return scratch_.path() / "data"; }
  double rate(double seconds) const { return static_cast<double>(total_) / seconds; }

  double run(std::vector<std::string> command) const {
    command.insert(command.begin(), STRANDLINE_PROGRAM);
    const double begun = now_s();
    Process process(command, scratch_.path() / "errors");
    process.wait(kPatienceS);
    return now_s() - begun;
  }
  double exported(const std::string& form, const std::string& file) const {
    return run(
        {"export", "--all", "--form", form, "-o", file, "--overwrite", "--data", data().string()});
  }
  double imported(const std::string& file, const std::string& form) const {
    const Scratch into(settings_.directory, "bulk-import");
    return run({"import", file, form, "--data", (into.path() / "data").string()});
  }
  double appended() const {
    const Scratch into(settings_.directory, "bulk-append");
    auto log = must(Log::open(into.path() / "data"), "opening a log");
    const double begun = now_s();
    fill(*log, {.stream_prefix = "bulk-", .streams = 100, .events = total_});
    const double took = now_s() - begun;
    log->close();
    return took;
  }
  double written(const std::string& file, uint64_t bytes) const {
    const std::string piece(1 << 20, 'b');
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) throw Failure("cannot write " + file);
    const double begun = now_s();
    for (uint64_t done = 0; done < bytes; done += piece.size()) {
      if (write(descriptor, piece.data(), piece.size()) < 0) throw Failure("cannot write " + file);
    }
    fdatasync(descriptor);
    const double took = now_s() - begun;
    close(descriptor);
    return took;
  }

  // Of tables: once the log is opened again, all of it is in tables, and compaction is at rest or
  // has little to do.
  static uint64_t bytes_in(const std::filesystem::path& directory) {
    uint64_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      if (entry.is_regular_file()) bytes += entry.file_size();
    }
    return bytes;
  }
  double backed_up() {
    const Scratch into(settings_.directory, "bulk-backup");
    const auto backups = into.path() / "backups";
    auto log = must(Log::open(data()), "opening a log");
    wait_until_still(data());
    must(log->backup({.directory = backups, .bytes_per_second_max = 0}), "a backup");
    const uint64_t before = bytes_in(data());
    total_ +=
        fill(*log, {.stream_prefix = "bulk-", .streams = 100, .events = events_ / 100}).events;
    wait_until_still(data());
    const BackupInfo second =
        must(log->backup({.directory = backups, .bytes_per_second_max = 0}), "a backup");
    const uint64_t after = bytes_in(data());
    log->close();
    const uint64_t fresh = after > before ? after - before : 1;
    return static_cast<double>(second.written) / static_cast<double>(fresh);
  }

  const Settings settings_;
  const Scratch scratch_;
  const uint64_t events_;
  uint64_t total_ = events_;  // with what each round's second backup is of
};

}  // namespace

std::unique_ptr<Workload> bulk(const Settings& settings) {
  return std::make_unique<Bulk>(settings);
}

}  // namespace strandline::bench
