#include "bench/machine.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "bench/disk.h"
#include "bench/table.h"

namespace strandline::bench {

Machine this_machine(const std::filesystem::path& directory) {
  std::vector<double> syncs_us;
  SyncedFile(directory).run(500, 0, syncs_us);
  Machine machine{.cores = std::thread::hardware_concurrency(),
                  .processor = "unknown processor",
                  .memory_gib = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                                static_cast<double>(sysconf(_SC_PAGE_SIZE)) / (1 << 30),
                  .load = 0,
                  .sync_p50_us = percentile(syncs_us, 0.50),
                  .sync_p99_us = percentile(syncs_us, 0.99)};
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
