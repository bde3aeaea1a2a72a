// What a look inside shows, as JSON: the same of a server and of a directory.
//
// Stats: {"log":{...},"segments":[...],"streams":[...]} and, where there are more streams,
// "next_after". An inspection: {"what","words":[[name,text],...],"family","key","value_bytes",
// "value","withheld"}: key and value in hex, the value no further than kInspectedBytesMax.
// docs/http-api.md lists the members.
#pragma once

#include <string>
#include <vector>

#include "engine/api/figures.h"
#include "engine/log.h"

namespace strandline::server {

inline constexpr size_t kInspectedBytesMax = 64 << 10;
inline constexpr size_t kStatsStreamsDefault = 100;
inline constexpr size_t kStatsStreamsMax = 1'000;

// Which streams are told of, besides the log as a whole.
struct StatsOf {
  std::string stream = {};  // this one alone, if it is named
  std::string prefix = {};
  std::string after = {};
  size_t limit = kStatsStreamsDefault;
};
// It reads the disk. `not_found`: no such stream.
Result<std::string> render_stats(const Log& log, const StatsOf& of);

// What to look at: one of the three.
struct InspectionOf {
  std::optional<uint64_t> segment = {};
  std::string stream = {};  // with the offset
  uint64_t offset = 0;
  std::string family = {};              // a record of it, or its keys
  std::optional<std::string> key = {};  // in hex
  std::string from = {};                // keys from this one on, in hex
  size_t limit = 20;
};
// It reads the disk. `invalid`: no hex, no such family.
Result<std::string> render_inspection(const Log& log, const InspectionOf& of);

// {"id","sealed","created","first","next","bytes"} of each, in an array.
void render_segments(std::string& out, const std::vector<SegmentInfo>& segments);

}  // namespace strandline::server
