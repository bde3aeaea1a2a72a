// What reaches the disk for each byte of real events that is appended, until all is compacted, and
// how much of it stays there.
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <atomic>
#include <cstring>
#include <fstream>
#include <semaphore>
#include <sstream>

#include "bench/makers.h"
#include "bench/payload.h"
#include "bench/process.h"
#include "bench/real_events.h"
#include "engine/log.h"

namespace strandline::bench {
namespace {

constexpr std::ptrdiff_t kWritesUnderWay = 512;

// Bytes that this process has given to its disks: pages as they were made dirty, whole, and again
// each time, without those of files that were removed before they reached the disk.
double process_bytes_written() {
  const std::string io = read_file("/proc/self/io");
  const auto number = [&](const char* name) {
    const size_t at = io.find(name);
    return at == std::string::npos ? 0 : std::strtod(io.c_str() + at + std::strlen(name), nullptr);
  };
  return number("\nwrite_bytes:") - number("\ncancelled_write_bytes:");
}

// What the disk under a directory has written since it was attached, for anybody; 0 if unknown.
double disk_bytes_written(const std::filesystem::path& directory) {
  struct stat file {};
  if (stat(directory.c_str(), &file) != 0) return 0;
  std::ifstream statistics("/sys/dev/block/" + std::to_string(major(file.st_dev)) + ":" +
                           std::to_string(minor(file.st_dev)) + "/stat");
  double number = 0;
  for (int i = 0; i < 7; ++i) statistics >> number;  // the seventh: sectors of 512 bytes written
  return statistics ? number * 512 : 0;
}

double bytes_on_disk(const std::filesystem::path& directory) {
  double bytes = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    struct stat file {};
    if (stat(entry.path().c_str(), &file) == 0) bytes += static_cast<double>(file.st_blocks) * 512;
  }
  return bytes;
}

class WriteAmplification : public Workload {
 public:
  explicit WriteAmplification(const Settings& settings)
      : Workload({Row{.name = "write-amplification",
                      .unit = "x",
                      .what = "bytes written to disk to bytes appended, 10 GB of real events",
                      .bar = Bar{.value = 2.6, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "disk-bytes",
                      .unit = "x",
                      .what = "bytes on disk to bytes appended",
                      .bar = Bar{.value = 0.35, .of = Bar::Of::ours, .kind = Bar::Kind::at_most}},
                  Row{.name = "append-real-events", .unit = "bytes/s"}}),
        settings_(settings),
        events_(kBatchEvents),
        bytes_(settings.tiny ? 2e6 : settings.gigabytes * 1e9) {
    const auto free = static_cast<double>(std::filesystem::space(settings.directory).available);
    if (free < 1.5 * bytes_) throw Failure("needs 1.5 times --gigabytes of free disk");
  }

  void round(int) override {
    Scratch scratch(settings_.directory, "real");
    settle(scratch.path());
    const double process_before = process_bytes_written();
    const double disk_before = disk_bytes_written(scratch.path());
    double appended = 0, seconds = 0;
    {
      auto log = must(Log::open(scratch.path()), "open");
      const double begin = now_s();
      appended = append_all(*log);
      seconds = now_s() - begin;
    }
    {
      // What the WAL still holds becomes tables, and compactions end.
      auto log = must(Log::open(scratch.path()), "open");
      if (!settings_.tiny) wait_until_still(scratch.path());
    }
    settle(scratch.path());
    const double written = process_bytes_written() - process_before;
    const double by_disk = disk_bytes_written(scratch.path()) - disk_before;
    const double kept = bytes_on_disk(scratch.path());
    rows_[0].ours.push_back(written / appended);
    rows_[1].ours.push_back(kept / appended);
    rows_[2].ours.push_back(appended / seconds);
    char note[400];
    std::snprintf(note, sizeof note,
                  "%.2f GB appended, as FlatBuffers, of %s; the process wrote %.2f GB, the disk by "
                  "its own count %.2f times what was appended, for everybody",
                  appended / 1e9, events_.source().c_str(), written / 1e9, by_disk / appended);
    rows_[0].note = note;
    std::snprintf(note, sizeof note,
                  "%.2f GB on disk; the same events as NDJSON have %.2f times the bytes of the "
                  "FlatBuffers",
                  kept / 1e9,
                  static_cast<double>(events_.text_bytes()) / static_cast<double>(events_.bytes()));
    rows_[1].note = note;
    rows_[2].note = "one producer that also changes the ids and verifies each batch";
  }

 private:
  double append_all(Log& log) {
    std::counting_semaphore<> slots(kWritesUnderWay);
    std::atomic<uint64_t> refused = 0;
    double appended = 0;
    while (appended < bytes_) {
      auto [stream, batch] = events_.next();
      appended += static_cast<double>(batch.bytes().size());
      slots.acquire();
      log.append({.stream = stream, .batch = std::move(batch)}, [&](const Result<Appended>& done) {
        if (!done) ++refused;
        slots.release();
      });
    }
    for (std::ptrdiff_t i = 0; i < kWritesUnderWay; ++i) slots.acquire();
    if (refused > 0) throw Failure("the log refused real events");
    return appended;
  }

  const Settings settings_;
  RealEvents events_;
  const double bytes_;
};

}  // namespace

std::unique_ptr<Workload> write_amplification(const Settings& settings) {
  return std::make_unique<WriteAmplification>(settings);
}

}  // namespace strandline::bench
