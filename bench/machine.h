// The machine that the numbers belong to.
#pragma once

#include <filesystem>
#include <string>

namespace strandline::bench {

// How long the disk takes to make half a kilobyte durable, at the end of a growing file, as the
// log's newest WAL is one: a loop of write and fdatasync.
struct SyncTimes {
  double p50_us;
  double p99_us;
};
SyncTimes sync_times(const std::filesystem::path& directory, int syncs);

struct Machine {
  unsigned cores;
  std::string processor;
  double memory_gib;
  double load;  // average of the last minute: what else is at work here before anything is measured
  SyncTimes sync;
};
Machine this_machine(const std::filesystem::path& directory);

// Thousands of sockets, here and in the servers that are started: as many as this user may have.
void allow_many_files();

}  // namespace strandline::bench
