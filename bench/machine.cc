#include "bench/machine.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/process.h"
#include "bench/table.h"
#include "bench/workload.h"

namespace strandline::bench {

SyncTimes sync_times(const std::filesystem::path& directory, int syncs) {
  Scratch scratch(directory, "sync");
  const int file = open((scratch.path() / "file").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) throw Failure("cannot write in " + directory.string());
  std::array<char, 512> bytes;
  bytes.fill('s');
  std::vector<double> times_us;
  for (int i = 0; i < syncs; ++i) {
    const double begin = now_s();
    if (write(file, bytes.data(), bytes.size()) < 0 || fdatasync(file) != 0) {
      close(file);
      throw Failure("cannot sync in " + directory.string());
    }
    times_us.push_back((now_s() - begin) * 1e6);
  }
  close(file);
  return {.p50_us = percentile(times_us, 0.50), .p99_us = percentile(times_us, 0.99)};
}

Machine this_machine(const std::filesystem::path& directory) {
  Machine machine{.cores = std::thread::hardware_concurrency(),
                  .processor = "unknown processor",
                  .memory_gib = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                                static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1 << 30),
                  .load = 0,
                  .sync = sync_times(directory, 500)};
  getloadavg(&machine.load, 1);
  std::ifstream cpuinfo("/proc/cpuinfo");
  for (std::string line; std::getline(cpuinfo, line);) {
    if (line.starts_with("model name")) {
      machine.processor = line.substr(line.find(':') + 2);
      break;
    }
  }
  return machine;
}

void allow_many_files() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

}  // namespace strandline::bench
