#include "server/base/open_files.h"

#include <sys/resource.h>

#include <algorithm>

namespace strandline::server {
namespace {

// Left to the log and everything else: every table of RocksDB stays open, and there is one for
// about 64 MiB of events.
constexpr size_t kOtherFilesMax = 4096;

}  // namespace

size_t connections_that_fit(size_t connections_max) {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return connections_max;
  if (files.rlim_cur < files.rlim_max) {
    const rlimit raised{.rlim_cur = files.rlim_max, .rlim_max = files.rlim_max};
    if (setrlimit(RLIMIT_NOFILE, &raised) == 0) files.rlim_cur = files.rlim_max;
  }
  if (files.rlim_cur == RLIM_INFINITY) return connections_max;
  const size_t others = std::min<size_t>(kOtherFilesMax, files.rlim_cur / 2);
  return std::min<size_t>(connections_max, files.rlim_cur - others);
}

}  // namespace strandline::server
