// What this process holds.
#pragma once
#include <unistd.h>

#include <fstream>

namespace strandline::bench {

// The bytes of memory that are resident (proc(5), statm).
inline double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double all = 0, resident = 0;
  file >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGE_SIZE));
}

}  // namespace strandline::bench
