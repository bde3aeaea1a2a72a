// The peer that streams: a nats-server of our own with JetStream's file storage, spoken to through
// its own client library, libnats.
//
// What it promises is not what the log promises: this version (Debian 12's 2.9) answers a publish
// once it is written to the operating system, and fsyncs on a timer; there is no setting for an
// fsync before the answer (`sync_interval` came with 2.10). *Ownership*: the process runs on a free
// port of 127.0.0.1 with its files in a scratch directory, and is gone with the object. *Errors*:
// Failure. Without libnats at build time it is absent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "bench/process.h"
#include "bench/workload.h"

namespace strandline::bench {

class JetStream {
 public:
  // Why there is none; nothing if it can be run.
  static std::optional<std::string> absent(const Settings& settings);

  explicit JetStream(const Settings& settings);

  struct Publishing {
    size_t connections;
    size_t streams;       // connections take them in turn; streams are kept from call to call
    int64_t under_way;    // messages published and not yet acknowledged, on each connection
    double seconds = 0;   // for this long, or
    uint64_t events = 0;  // this many on each connection
  };
  struct Published {
    uint64_t events;  // acknowledged
    double seconds;
  };
  // Events of 256 bytes; asynchronous publish (js_PublishAsync), acknowledgements counted.
  Published publish(const Publishing& how);

  // Reads the first stream from its beginning until it has `events`, by an ordered push consumer;
  // answers the seconds that took.
  double consume(uint64_t events);

  double cpu_s() const { return process_.cpu_s(); }  // of the server

 private:
  Scratch scratch_;
  uint16_t port_;
  Process process_;
};

}  // namespace strandline::bench
