// What is free on the log's disk, and whether appends are refused for it.
//
// They are from the moment when less than the reserve is free until a sixteenth more than it is, so
// that a log at the edge does not change its mind with every file that comes and goes. Both moments
// are told once (Options::on_warning). Consumers, which have half of the reserve, are refused and
// taken by what is free at the moment. *Threads*: look, take and admit are the writer's; the others
// are any's.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "engine/api/error.h"

namespace strandline {

struct LogState;

class DiskSpace {
 public:
  explicit DiskSpace(const LogState& log) : log_(log) {}

  void look();
  // An operation of this many bytes was let in since: they go into the WAL, and into a table.
  void take(uint64_t bytes);
  // `disk_full`, unless as much as `kept` is free; the whole reserve is what an append leaves.
  Status admit(uint64_t kept);

  // Beyond what flushes will take, as of the last look; nothing if the disk does not say.
  std::optional<uint64_t> free_bytes() const;
  std::optional<Error> appends_refused() const;

 private:
  void set_short(bool is_short);
  uint64_t enough() const;  // for appends to be taken again
  Error full(uint64_t kept, uint64_t free) const;

  const LogState& log_;
  uint64_t left_ = 0;                    // what is free, less what was let in since
  std::atomic<uint64_t> free_bytes_{0};  // UINT64_MAX: not known
  std::atomic<bool> short_{false};
};

}  // namespace strandline
