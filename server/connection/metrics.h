// What the server counts, and /metrics: Prometheus' text format, by prometheus-cpp.
//
// *Threads*: counting is one relaxed atomic each, from any; a scrape copies the counts into a
// registry of its own, so that no request ever waits for one.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace strandline::server {

struct Metrics {
  static constexpr unsigned kStatusMax = 600;
  static constexpr size_t kRoutesMax = 128;  // with the one for what has no route

  std::array<std::array<std::atomic<uint64_t>, kStatusMax>, kRoutesMax> requests =
      {};  // by RouteTable::index_of
  std::atomic<uint64_t> connections_accepted = 0;
  std::atomic<uint64_t> connections_refused = 0;  // over connections_max
  std::atomic<uint64_t> connections = 0;          // open now
  std::atomic<uint64_t> followers = 0;            // open now
  std::atomic<uint64_t> bytes_in = 0;
  std::atomic<uint64_t> bytes_out = 0;
  std::atomic<uint64_t> timeouts = 0;

  void answered(size_t route, unsigned status) {
    requests[route][status < kStatusMax ? status : 0].fetch_add(1, std::memory_order_relaxed);
  }
};

struct Service;

// The text of a scrape.
std::string render_metrics(const Service& service);

}  // namespace strandline::server
