// The machine that the numbers belong to.
#pragma once

#include <filesystem>
#include <string>

namespace strandline::bench {

struct Machine {
  unsigned cores;
  std::string processor;
  double memory_gib;
  double load;  // average of the last minute: what else is at work here before anything is measured
  double sync_p50_us;  // of disk.h, one after the other
  double sync_p99_us;
};
Machine this_machine(const std::filesystem::path& directory);

// Thousands of sockets, here and in the servers that are started: as many as this user may have.
void allow_many_files();

}  // namespace strandline::bench
