// Whether a program that is measured beside the log is there to be run.
//
// Peers are other programs (redis-server, nats-server, fio): `--peers` asks for them, a tiny run
// takes those that are installed. A row whose peer is not run says why in its yardstick's place.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "bench/process.h"
#include "bench/workload.h"

namespace strandline::bench {

// Why this program is not run; nothing if it is.
inline std::optional<std::string> absent(const Settings& settings, std::string_view program) {
  if (!settings.peers) return std::string(program) + ": only with --peers";
  if (!find_program(program)) return std::string(program) + " is not installed";
  return std::nullopt;
}

}  // namespace strandline::bench
