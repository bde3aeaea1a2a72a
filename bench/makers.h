// The workloads' makers, one file a family; workloads.cc lists them by name.
#pragma once

#include <memory>

#include "bench/workload.h"

namespace strandline::bench {

// engine_append.cc
std::unique_ptr<Workload> engine_append_1(const Settings& settings);
std::unique_ptr<Workload> engine_append_100(const Settings& settings);
std::unique_ptr<Workload> engine_append_single_64(const Settings& settings);
// engine_read.cc
std::unique_ptr<Workload> engine_read_history(const Settings& settings);
std::unique_ptr<Workload> engine_read_window(const Settings& settings);
// many_streams.cc
std::unique_ptr<Workload> many_streams(const Settings& settings);
std::unique_ptr<Workload> very_many_streams(const Settings& settings);
// filter.cc
std::unique_ptr<Workload> filter(const Settings& settings);
// server_append.cc
std::unique_ptr<Workload> server_append_flatbuffer(const Settings& settings);
std::unique_ptr<Workload> server_append_json_50(const Settings& settings);
// access.cc
std::unique_ptr<Workload> server_access(const Settings& settings);
// catch_up.cc
std::unique_ptr<Workload> server_catch_up(const Settings& settings);
// fan_out.cc
std::unique_ptr<Workload> fan_out_engine(const Settings& settings);
std::unique_ptr<Workload> fan_out_server(const Settings& settings);
// latency.cc
std::unique_ptr<Workload> latency_engine(const Settings& settings);
std::unique_ptr<Workload> latency_server(const Settings& settings);
// open.cc
std::unique_ptr<Workload> open_10gb(const Settings& settings);
// open_streams.cc
std::unique_ptr<Workload> open_streams(const Settings& settings);
// consumers.cc
std::unique_ptr<Workload> server_consumers(const Settings& settings);
// open_consumers.cc
std::unique_ptr<Workload> open_consumers(const Settings& settings);
// write_amplification.cc
std::unique_ptr<Workload> write_amplification(const Settings& settings);
// soak.cc
std::unique_ptr<Workload> soak(const Settings& settings);
// disk.cc
std::unique_ptr<Workload> disk_sync(const Settings& settings);

}  // namespace strandline::bench
