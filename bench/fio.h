// What fio says of the disk: sequential writes at the end of a growing file, each made durable
// before the next (`--fdatasync=1`), as a write-ahead log writes. *Errors*: Failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/workload.h"

namespace strandline::bench {

struct FioResult {
  double bytes_per_s;
  double p50_us;  // of fdatasync alone
  double p99_us;
};

class Fio {
 public:
  // Why there is none; nothing if it can be run.
  static std::optional<std::string> absent(const Settings& settings);
  static FioResult synced_writes(const Settings& settings, uint64_t block_bytes, double seconds);
};

}  // namespace strandline::bench
