#include <array>

#include "bench/makers.h"
#include "bench/workload.h"

namespace strandline::bench {

std::span<const Entry> workloads() {
  static constexpr std::array kEntries{
      Entry{"engine-append-1", "durable batches of 100 into one stream", true, engine_append_1},
      Entry{"engine-append-100", "the same into 100 streams", true, engine_append_100},
      Entry{"engine-append-single-64", "64 threads, one durable event at a time", true,
            engine_append_single_64},
      Entry{"engine-read-history", "streams of 100 interleaved, from tables, cold and warm", true,
            engine_read_history},
      Entry{"engine-read-window", "the newest events, from memory", true, engine_read_window},
      Entry{"server-append-flatbuffer", "FlatBuffer batches of 100 over 4 connections", true,
            server_append_flatbuffer},
      Entry{"server-append-json-50", "one JSON event a request over 50 connections", true,
            server_append_json_50},
      Entry{"server-catch-up", "a follower reads history, as frames and as NDJSON", true,
            server_catch_up},
      Entry{"fan-out-engine", "one producer, 1,000 subscriptions", true, fan_out_engine},
      Entry{"fan-out-server", "one producer, 1,000 connections", true, fan_out_server},
      Entry{"latency-engine", "append to delivery, 1,000 events/s", true, latency_engine},
      Entry{"latency-server", "the same over HTTP", true, latency_server},
      Entry{"open-10gb", "opening 10 GB in 1,000 streams after kill -9", false, open_10gb},
  };
  return kEntries;
}

}  // namespace strandline::bench
