#include "bench/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>

#include "bench/fio.h"
#include "bench/makers.h"
#include "bench/table.h"
#include "bench/workload.h"

namespace strandline::bench {

SyncedFile::SyncedFile(const std::filesystem::path& parent)
    : scratch_(parent, "sync"),
      file_(open((scratch_.path() / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) {
  if (file_ < 0) throw Failure("cannot write in " + parent.string());
}

SyncedFile::~SyncedFile() { close(file_); }

void SyncedFile::run(int times, double per_second, std::vector<double>& took_us) {
  std::array<char, kSyncBytes> bytes;
  bytes.fill('s');
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    if (per_second > 0) {
      std::this_thread::sleep_until(begin + std::chrono::duration<double>(i / per_second));
    }
    const double before = now_s();
    if (write(file_, bytes.data(), bytes.size()) < 0 || fdatasync(file_) != 0) {
      throw Failure("cannot sync in " + scratch_.path().string());
    }
    took_us.push_back((now_s() - before) * 1e6);
  }
}

namespace {

// Whether this program's own yardstick of the disk is what fio measures.
class DiskSync : public Workload {
 public:
  explicit DiskSync(const Settings& settings)
      : Workload({Row{.name = "disk-sync-p50",
                      .unit = "us",
                      .yardstick = "fio, 512 bytes a write, --fdatasync=1",
                      .note = "write and fdatasync, one after the other; fio: fdatasync alone"},
                  Row{.name = "disk-sync-p99", .unit = "us", .yardstick = "the same"},
                  Row{.name = "disk-sync-paced-p50",
                      .unit = "us",
                      .yardstick = "the same",
                      .note = "1,000 a second, as the latency rows have them"}}),
        settings_(settings) {
    if (const auto why = Fio::absent(settings)) {
      for (Row& row : rows_) row.yardstick = *why;
    }
  }

  void round(int number) override {
    alternate(
        number, [&] { ours(); }, [&] { theirs(); });
  }

 private:
  void ours() {
    SyncedFile file(settings_.directory);
    std::vector<double> times_us, paced_us;
    file.run(settings_.size(5000, 20), 0, times_us);
    file.run(settings_.size(1000, 20), 1000, paced_us);
    rows_[0].ours.push_back(percentile(times_us, 0.50));
    rows_[1].ours.push_back(percentile(times_us, 0.99));
    rows_[2].ours.push_back(percentile(paced_us, 0.50));
  }

  void theirs() {
    if (Fio::absent(settings_)) return;
    const FioResult fio = Fio::synced_writes(settings_, kSyncBytes, 1);
    rows_[0].theirs.push_back(fio.p50_us);
    rows_[1].theirs.push_back(fio.p99_us);
    rows_[2].theirs.push_back(fio.p50_us);
  }

  const Settings settings_;
};

}  // namespace

std::unique_ptr<Workload> disk_sync(const Settings& settings) {
  return std::make_unique<DiskSync>(settings);
}

}  // namespace strandline::bench
