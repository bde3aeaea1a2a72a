// What retention has done and has left to do, in JSON.
//
//   {"paused":null|{"since":T,"jump_s":N,"why":W},"lag_s":0,"blocked":null,"kept_bytes":N,
//    "dead_bytes":N,"reclaimed_bytes":N,"disk_bytes":N,"log_bytes_max":null,"events_expired":N,
//    "segments_dropped":N,"segments_rewritten":N,"passes":N}
#pragma once

#include <string>

#include "engine/api/retention.h"

namespace strandline::server {

void render_retention(std::string& out, const RetentionInfo& info);

}  // namespace strandline::server
