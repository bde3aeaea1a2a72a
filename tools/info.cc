#include "tools/info.h"

#include <fmt/format.h>

#include "server/cloudevents.h"
#include "server/version.h"

namespace strandline::tools {

std::string render_info(const Log& log) {
  const RecoveryReport& recovery = log.recovery();
  std::string out = fmt::format(
      "{{\"name\":\"strandline\",\"version\":\"{}\",\"format\":{},\"durable_next\":{},\"recovery\":"
      "{{"
      "\"created\":{},\"wal_bytes_replayed\":{},\"torn_bytes_dropped\":{},\"durable_next\":{},"
      "\"head_mark\":{},\"milliseconds\":{}}},\"segments\":[",
      server::kVersion, kFormatVersion, log.durable_next().value, recovery.created,
      recovery.wal_bytes_replayed, recovery.torn_bytes_dropped, recovery.durable_next.value,
      recovery.head_mark.value, recovery.milliseconds);
  bool first = true;
  for (const SegmentInfo& segment : log.segments()) {
    if (!first) out += ',';
    first = false;
    out += fmt::format(
        "{{\"id\":{},\"sealed\":{},\"created\":\"{}\",\"first\":{},\"next\":{},\"bytes\":{}}}",
        segment.id.value, segment.sealed, render_time(segment.created), segment.first.value,
        segment.next.value, segment.bytes);
  }
  return out + "]}";
}

}  // namespace strandline::tools
