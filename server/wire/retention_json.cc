#include "server/wire/retention_json.h"

#include "engine/api/rfc3339.h"
#include "server/http/response.h"
#include "server/json/json_writer.h"

namespace strandline::server {

void render_retention(std::string& out, const RetentionInfo& info) {
  const auto number = [&](std::string_view name, uint64_t value) {
    out += ",\"";
    out += name;
    out += "\":";
    append_number(out, value);
  };
  out += "{\"paused\":";
  if (info.paused) {
    out += "{\"since\":\"" + render_time(info.paused->since) +
           "\",\"jump_s\":" + std::to_string(info.paused->jump_s) + ",\"why\":";
    render_string(out, info.paused->why);
    out += '}';
  } else {
    out += "null";
  }
  number("lag_s", info.lag_s);
  out += ",\"blocked\":";
  if (info.blocked.empty()) {
    out += "null";
  } else {
    render_string(out, info.blocked);
  }
  number("kept_bytes", info.kept_bytes);
  number("dead_bytes", info.dead_bytes);
  number("reclaimed_bytes", info.reclaimed_bytes);
  number("disk_bytes", info.disk_bytes);
  out += ",\"log_bytes_max\":";
  if (info.log_bytes_max == 0) {
    out += "null";
  } else {
    append_number(out, info.log_bytes_max);
  }
  number("events_expired", info.events_expired);
  number("segments_dropped", info.segments_dropped);
  number("segments_rewritten", info.segments_rewritten);
  number("passes", info.passes);
  out += '}';
}

}  // namespace strandline::server
