// A real `strandline serve` in a process of its own, on a free port of 127.0.0.1. *Ownership*: the
// process is gone with the object; the log's directory is the caller's. *Errors*: Failure.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "bench/process.h"

namespace strandline::bench {

class Served {
 public:
  explicit Served(const std::filesystem::path& data, std::vector<std::string> flags = {});

  uint16_t port() const { return port_; }
  // A number that GET /metrics has under this name.
  uint64_t metric(std::string_view name) const;
  double cpu_s() const { return process_.cpu_s(); }
  void stop();  // SIGTERM, and waits: what it was given is on disk

 private:
  Process process_;
  uint16_t port_ = 0;
};

}  // namespace strandline::bench
