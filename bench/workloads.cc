#include <array>

#include "bench/makers.h"
#include "bench/workload.h"

namespace strandline::bench {

std::span<const Entry> workloads() {
  static constexpr std::array kEntries{
      Entry{"disk-sync", "the disk's own fdatasync, by this program and by fio", 0, disk_sync},
      Entry{"engine-append-1", "durable batches of 100 into one stream", 0, engine_append_1},
      Entry{"engine-append-100", "the same into 100 streams", 0, engine_append_100},
      Entry{"engine-append-single-64", "64 threads, one durable event at a time", 0,
            engine_append_single_64},
      Entry{"engine-read-history", "streams of 100 interleaved, from tables, cold and warm", 0,
            engine_read_history},
      Entry{"engine-read-window", "the newest events, from memory", 0, engine_read_window},
      Entry{"many-streams", "single events over 10,000 streams: appended, read in order, on disk",
            0, many_streams},
      Entry{"very-many-streams", "the same over 200,000 streams", 0, very_many_streams},
      Entry{"many-streams-filter", "30 matches of a filter in 3 million events; one short stream",
            0, filter},
      Entry{"server-append-flatbuffer", "FlatBuffer batches of 100 over 4 connections", 0,
            server_append_flatbuffer},
      Entry{"server-append-json-50", "one JSON event a request over 50 connections", 0,
            server_append_json_50},
      Entry{"server-access", "what a key, a token and TLS cost; a crowd over its quota", 0,
            server_access},
      Entry{"server-catch-up", "a follower reads history, as frames and as NDJSON", 0,
            server_catch_up},
      Entry{"server-consumers", "a group of 4 members, and an exclusive consumer", 0,
            server_consumers},
      Entry{"fan-out-engine", "one producer, 1,000 subscriptions", 0, fan_out_engine},
      Entry{"fan-out-server", "one producer, 1,000 connections", 0, fan_out_server},
      Entry{"latency-engine", "append to delivery, 1,000 events/s", 0, latency_engine},
      Entry{"latency-server", "the same over HTTP", 0, latency_server},
      Entry{"open-streams", "opening 1,000,000 streams", 5, open_streams},
      Entry{"open-10gb", "opening 10 GB in 1,000 streams after kill -9", 5, open_10gb},
      Entry{"open-consumers", "opening 100,000 consumers and 1,000,000 unacked events", 5,
            open_consumers},
      Entry{"write-amplification", "10 GB of real events: what reaches the disk", 1,
            write_amplification},
      Entry{"soak", "appends at full rate, segments rolled and dropped, for --minutes", 1, soak},
  };
  return kEntries;
}

}  // namespace strandline::bench
