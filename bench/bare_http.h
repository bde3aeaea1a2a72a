// What HTTP costs by itself: a server of Asio coroutines and Beast's parser, as many threads as
// there are cores, that reads a request whole and answers what an append is answered, made
// beforehand. It routes, parses, stores and waits for nothing: the most that a server of these
// parts could reach. *Ownership*: a process of its own, gone with the object. *Errors*: Failure.
#pragma once

#include <cstdint>

#include "bench/process.h"
#include "bench/workload.h"

namespace strandline::bench {

class BareHttp {
 public:
  explicit BareHttp(const Settings& settings);

  uint16_t port() const { return port_; }
  double cpu_s() const { return process_.cpu_s(); }

 private:
  Scratch scratch_;
  Process process_;
  uint16_t port_ = 0;
};

// The child process: prints its port, then serves for good.
[[noreturn]] void answer_http();

}  // namespace strandline::bench
